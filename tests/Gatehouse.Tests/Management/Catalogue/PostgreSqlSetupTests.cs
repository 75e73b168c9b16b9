using Gatehouse.Management;
using Gatehouse.TestSupport;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Gatehouse.Tests.Management;

public sealed class PostgreSqlSetupTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_plan_changes_nothing_and_setup_makes_the_database_and_twice_is_once()
    {
        var server = await PostgreSqlServer.SharedAsync();
        using var database = CatalogueDatabase.PostgreSql(server.Settings("made_by_setup"));

        var plan = await CatalogueSetup.PlanAsync(database, Stop);
        Assert.True(plan.Creates);
        Assert.NotEmpty(plan.Pending);
        Assert.Null(
            await server.QueryAsync<string>(
                "postgres",
                "SELECT datname FROM pg_database WHERE datname = 'made_by_setup'"
            )
        );

        await CatalogueSetup.ApplyAsync(database, Stop);
        var again = await CatalogueSetup.ApplyAsync(database, Stop);

        Assert.True(again.IsCurrent);
        Assert.False(again.Creates);
    }

    [Fact]
    public async Task Two_setups_at_once_make_one_catalogue()
    {
        var server = await PostgreSqlServer.SharedAsync();
        var settings = await server.CreateDatabaseAsync();
        using var one = CatalogueDatabase.PostgreSql(settings);
        using var two = CatalogueDatabase.PostgreSql(settings);

        await Task.WhenAll(CatalogueSetup.ApplyAsync(one, Stop), CatalogueSetup.ApplyAsync(two, Stop));

        await using var context = one.Open();
        Assert.Equal(1, await context.Head.CountAsync(Stop));
    }

    [Fact]
    public async Task A_manager_leaves_the_schema_of_a_shared_database_alone_and_says_what_to_do()
    {
        var server = await PostgreSqlServer.SharedAsync();
        using var database = CatalogueDatabase.PostgreSql(await server.CreateDatabaseAsync());

        var e = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            CatalogueSetup.EnsureAsync(database, migrate: false, Stop)
        );
        Assert.Contains("gatehouse setup", e.Message, StringComparison.Ordinal);
        Assert.True((await CatalogueSetup.PlanAsync(database, Stop)).Creates);

        await CatalogueSetup.EnsureAsync(database, migrate: true, Stop);
        await CatalogueSetup.EnsureAsync(database, migrate: false, Stop);
    }

    [Theory]
    [InlineData(Product.Sqlite)]
    [InlineData(Product.PostgreSql)]
    public async Task Another_context_lies_in_the_same_database_with_migrations_of_its_own(Product product)
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        var database = test.OpenDatabase().With<NotesContext>(options => new(options));

        var plan = await CatalogueSetup.ApplyAsync(database, Stop);
        Assert.Equal(["20260101000000_Notes"], plan.Pending);
        Assert.True((await CatalogueSetup.PlanAsync(database, Stop)).IsCurrent);

        await using var context = new NotesContext(database.Options<NotesContext>());
        context.Notes.AddRange(new Note { Text = "one" }, new Note { Text = "two" });
        await context.SaveChangesAsync(Stop);
        Assert.Equal([1, 2], await context.Notes.OrderBy(n => n.Id).Select(n => n.Id).ToListAsync(Stop));
    }

    [Fact]
    public async Task A_wrong_password_or_port_is_told_without_the_password()
    {
        var server = await PostgreSqlServer.SharedAsync();
        using var nobody = CatalogueDatabase.PostgreSql(
            server.Settings("postgres") with
            {
                Port = 1,
                Password = () => "s3cret",
            }
        );

        var e = await Assert.ThrowsAnyAsync<Exception>(() => CatalogueSetup.ApplyAsync(nobody, Stop));

        var trouble = CatalogueDatabase.TroubleOf(e);
        Assert.Equal("The database does not answer", trouble!.Title);
        Assert.DoesNotContain("s3cret", e.ToString() + trouble + nobody.Description, StringComparison.Ordinal);
    }

    internal sealed class Note
    {
        public int Id { get; set; }

        public required string Text { get; set; }
    }

    internal sealed class NotesContext(DbContextOptions<NotesContext> options) : DbContext(options)
    {
        public DbSet<Note> Notes => Set<Note>();
    }

    // Written as CatalogueDatabase tells: no product's types, a number that is annotated for both.
    [DbContext(typeof(NotesContext))]
    [Migration("20260101000000_Notes")]
    internal sealed class NotesMigration : Migration
    {
        protected override void Up(MigrationBuilder migrationBuilder) =>
            migrationBuilder.CreateTable(
                "Notes",
                table => new
                {
                    Id = table
                        .Column<int>(nullable: false)
                        .Annotation("Sqlite:Autoincrement", true)
                        .Annotation(
                            "Npgsql:ValueGenerationStrategy",
                            Npgsql
                                .EntityFrameworkCore
                                .PostgreSQL
                                .Metadata
                                .NpgsqlValueGenerationStrategy
                                .IdentityByDefaultColumn
                        ),
                    Text = table.Column<string>(nullable: false),
                },
                constraints: table => table.PrimaryKey("PK_Notes", n => n.Id)
            );
    }
}
