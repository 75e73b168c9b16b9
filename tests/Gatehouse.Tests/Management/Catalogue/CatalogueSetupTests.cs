using Gatehouse.Management;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Gatehouse.Tests.Management;

public sealed class CatalogueSetupTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("gatehouse-setup-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string FilePath => Path.Combine(_directory, "catalogue.db");

    [Fact]
    public async Task A_plan_changes_nothing_not_even_an_empty_file()
    {
        var plan = await CatalogueSetup.PlanAsync(CatalogueDatabase.Sqlite(FilePath), Stop);

        Assert.True(plan.Creates);
        Assert.NotEmpty(plan.Pending);
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public async Task Setting_up_twice_is_setting_up_once()
    {
        var database = CatalogueDatabase.Sqlite(FilePath);
        await CatalogueSetup.ApplyAsync(database, Stop);
        string history;
        await using (var context = database.Open())
        {
            history = (await context.Head.SingleAsync(Stop)).History;
        }

        var again = await CatalogueSetup.ApplyAsync(database, Stop);

        Assert.True(again.IsCurrent);
        await using var after = database.Open();
        Assert.Equal(history, (await after.Head.SingleAsync(Stop)).History);
    }

    [Fact]
    public async Task A_catalogue_of_a_newer_build_is_left_alone_and_named()
    {
        var database = CatalogueDatabase.Sqlite(FilePath);
        await CatalogueSetup.ApplyAsync(database, Stop);
        await using (var context = database.Open())
        {
            await context.Database.ExecuteSqlAsync(
                $"INSERT INTO \"__EFMigrationsHistory\" VALUES ('99990101000000_Future', '99.0')",
                Stop
            );
        }

        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => CatalogueSetup.ApplyAsync(database, Stop));

        Assert.Contains("99990101000000_Future", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_migration_that_died_under_way_does_not_block_the_next()
    {
        var database = CatalogueDatabase.Sqlite(FilePath);
        await using (var context = database.Open())
        {
            await context.Database.OpenConnectionAsync(Stop);
            await context.Database.ExecuteSqlAsync(
                $"CREATE TABLE \"__EFMigrationsLock\" (\"Id\" INTEGER NOT NULL PRIMARY KEY, \"Timestamp\" TEXT NOT NULL)",
                Stop
            );
            await context.Database.ExecuteSqlAsync(
                $"INSERT INTO \"__EFMigrationsLock\" VALUES (1, '2026-01-01 00:00:00')",
                Stop
            );
        }

        await CatalogueSetup.ApplyAsync(database, Stop).WaitAsync(TimeSpan.FromSeconds(60), Stop);
    }

    [Fact]
    public async Task Before_it_is_migrated_the_file_is_kept_as_it_was_and_three_of_those_are()
    {
        var database = CatalogueDatabase.Sqlite(FilePath);
        // One that a crash cut off is no way back: it goes, and no whole one goes for it.
        var half = $"{FilePath}.before-99991231T000000000Z.tmp";
        await File.WriteAllTextAsync(half, "half", Stop);
        for (var i = 0; i < 5; i++)
        {
            await using var context = database.Open();
            await context.GetService<IMigrator>().MigrateAsync(context.Database.GetMigrations().First(), Stop);
            var plan = await CatalogueSetup.ApplyAsync(database, Stop);

            Assert.False(plan.Creates);
            Assert.True(File.Exists(plan.Former));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(plan.Former));
            using var former = CatalogueDatabase.Sqlite(plan.Former);
            Assert.Equal(plan.Pending, (await CatalogueSetup.PlanAsync(former, Stop)).Pending);
        }

        Assert.False(File.Exists(half));
        Assert.Equal(3, Directory.GetFiles(_directory, "catalogue.db.before-*").Length);
        Assert.Null((await CatalogueSetup.ApplyAsync(database, Stop)).Former);
    }

    [Fact]
    public async Task The_migrations_and_the_model_agree()
    {
        await using var context = CatalogueDatabase.Sqlite(FilePath).Open();

        Assert.False(context.Database.HasPendingModelChanges());
    }

    [Fact]
    public async Task The_file_is_written_ahead_and_synced_at_every_commit()
    {
        var database = CatalogueDatabase.Sqlite(FilePath);
        await CatalogueSetup.ApplyAsync(database, Stop);
        await using var context = database.Open();

        Assert.Equal(
            "wal",
            await context
                .Database.SqlQuery<string>($"SELECT journal_mode AS Value FROM pragma_journal_mode")
                .SingleAsync(Stop)
        );
        Assert.Equal(
            2,
            await context
                .Database.SqlQuery<int>($"SELECT synchronous AS Value FROM pragma_synchronous")
                .SingleAsync(Stop)
        );
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
