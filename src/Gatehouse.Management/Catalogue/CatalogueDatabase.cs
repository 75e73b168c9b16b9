using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Storage;

namespace Gatehouse.Management;

/// <summary>
/// The database the catalogue lies in, on whichever product is configured. Other contexts of the managers lie in the same
/// one: <see cref="With{TContext}"/> adds a context to it, so that setup and backup know its tables, and
/// <see cref="Options{TContext}"/> opens it.
/// </summary>
/// <remarks>
/// Migrations are written once for both products. Write them with <c>dotnet ef migrations add</c> (the design-time factory is
/// SQLite), and take every <c>type: "…"</c> and <c>HasColumnType("…")</c> out of what it wrote: each product then chooses its
/// own type for the CLR type. A number that the database makes is annotated for both, <c>Sqlite:Autoincrement</c> and
/// <c>Npgsql:ValueGenerationStrategy</c>. Each context notes its migrations in a table of its own.
/// </remarks>
public sealed class CatalogueDatabase : IDisposable
{
    private readonly DatabaseProduct _product;
    private readonly ConcurrentDictionary<Type, DbContextOptions> _options = [];

    private CatalogueDatabase(DatabaseProduct product, ImmutableArray<Func<CatalogueDatabase, DbContext>> contexts)
    {
        _product = product;
        Contexts = contexts;
    }

    /// <summary>What to call it in messages; holds no password.</summary>
    public string Description => _product.Description;

    /// <summary>True when it is a file of this manager's alone, which migrates itself.</summary>
    public bool Embedded => _product.Embedded;

    /// <summary>Opens each context that lies in it, the catalogue first.</summary>
    public ImmutableArray<Func<CatalogueDatabase, DbContext>> Contexts { get; }

    /// <summary>The catalogue in the SQLite file at <paramref name="path"/>.</summary>
    public static CatalogueDatabase Sqlite(string path) => Of(new SqliteProduct(path));

    /// <summary>The catalogue in a PostgreSQL database, for one manager or several.</summary>
    public static CatalogueDatabase PostgreSql(PostgreSqlSettings settings) => Of(new PostgreSqlProduct(settings));

    /// <summary>The same database with one more context in it, which <paramref name="create"/> makes of its options.</summary>
    public CatalogueDatabase With<TContext>(Func<DbContextOptions<TContext>, TContext> create)
        where TContext : DbContext => new(_product, Contexts.Add(database => create(database.Options<TContext>())));

    /// <summary>How a <typeparamref name="TContext"/> is opened here; its migrations are those in its own assembly.</summary>
    public DbContextOptions<TContext> Options<TContext>()
        where TContext : DbContext =>
        (DbContextOptions<TContext>)
            _options.GetOrAdd(
                typeof(TContext),
                type =>
                {
                    var builder = new DbContextOptionsBuilder<TContext>();
                    _product.Configure(builder, type.Assembly.GetName().Name!, HistoryTable(type));
                    return builder.Options;
                }
            );

    /// <summary>A context of its own; the caller disposes it.</summary>
    public CatalogueContext Open() => new(Options<CatalogueContext>());

    /// <summary>The tables of users in the same database; the caller disposes it.</summary>
    public UsersContext OpenUsers() => new(Options<UsersContext>());

    /// <summary>The tables of usage in the same database; the caller disposes it.</summary>
    public UsageContext OpenUsage() => new(Options<UsageContext>());

    /// <summary>
    /// What kept the database from answering, when <paramref name="exception"/> says that and nothing worse: unreachable,
    /// restarting, full, locked. Null for any other failure.
    /// </summary>
    public static DatabaseTrouble? TroubleOf(Exception exception) =>
        SqliteProduct.TroubleOf(exception) ?? PostgreSqlProduct.TroubleOf(exception);

    /// <summary>Closes its connections; nothing may be opened after it.</summary>
    public void Dispose() => _product.Dispose();

    /// <summary>Closes connections that are not in use, so that the database can be copied or put aside.</summary>
    internal void Close() => _product.Close();

    /// <summary>Begins a read that sees one state of all tables and hinders no writer.</summary>
    internal Task<IDbContextTransaction> BeginSnapshotAsync(DbContext context, CancellationToken cancellation) =>
        _product.BeginSnapshotAsync(context, cancellation);

    /// <summary>Whether there is a database. Creates none. Throws when that cannot be told.</summary>
    internal Task<bool> ExistsAsync(DbContext context, CancellationToken cancellation) =>
        _product.ExistsAsync(context, cancellation);

    /// <summary>Creates the database when there is none, and holds it for one setup at a time.</summary>
    internal Task<IAsyncDisposable> LockSetupAsync(CancellationToken cancellation) =>
        _product.LockSetupAsync(cancellation);

    /// <summary>
    /// Keeps an embedded database as it is, beside itself, before it is migrated: the way back to the build before. A server's
    /// is kept by whoever runs the server. Returns where it is kept.
    /// </summary>
    internal Task<string?> KeepFormerAsync(DbContext context, CancellationToken cancellation) =>
        _product.KeepFormerAsync(context, cancellation);

    /// <summary>Clears what a migration left that died under way.</summary>
    internal Task ForgetDeadMigrationAsync(DbContext context, CancellationToken cancellation) =>
        _product.ForgetDeadMigrationAsync(context, cancellation);

    /// <summary>Tells other managers of the commit that <paramref name="context"/> is about to make.</summary>
    internal Task AnnounceAsync(CatalogueContext context, CancellationToken cancellation) =>
        _product.AnnounceAsync(context, cancellation);

    /// <summary>Tells other managers a word. A hint only.</summary>
    internal Task TellAsync(string word, CancellationToken cancellation) => _product.TellAsync(word, cancellation);

    /// <summary>
    /// Calls <paramref name="heard"/> at each commit of a manager, with nothing, and with each word that one tells, until
    /// cancelled or the connection is lost. A hint only.
    /// </summary>
    internal Task ListenAsync(Action<string> heard, CancellationToken cancellation) =>
        _product.ListenAsync(heard, cancellation);

    /// <summary>Sets what hands out numbers above those in the tables, after rows were written with theirs.</summary>
    /// <param name="on">The context in whose transaction they were written.</param>
    /// <param name="context">The context whose tables they are in.</param>
    /// <param name="cancellation">Ends it.</param>
    internal Task ResetNumbersAsync(DbContext on, DbContext context, CancellationToken cancellation) =>
        _product.ResetNumbersAsync(on, context, cancellation);

    /// <summary>
    /// Keeps every other writer out of <paramref name="tables"/>, also one that does not take the head's lock, until the
    /// context's transaction ends. An embedded database has one writer anyway.
    /// </summary>
    internal Task LockTablesAsync(DbContext context, IEnumerable<string> tables, CancellationToken cancellation) =>
        _product.LockTablesAsync(context, tables, cancellation);

    private static CatalogueDatabase Of(DatabaseProduct product) =>
        new(product, [database => database.Open(), database => database.OpenUsers(), database => database.OpenUsage()]);

    // The catalogue's is where it always was.
    private static string HistoryTable(Type context) =>
        context == typeof(CatalogueContext) ? "__EFMigrationsHistory" : $"__EFMigrationsHistory_{context.Name}";

    /// <summary>For <c>dotnet ef migrations add</c>.</summary>
    internal sealed class DesignTime : IDesignTimeDbContextFactory<CatalogueContext>
    {
        public CatalogueContext CreateDbContext(string[] args) => Sqlite("design.db").Open();
    }

    /// <summary>For <c>dotnet ef migrations add --context UsageContext</c>.</summary>
    internal sealed class UsageDesignTime : IDesignTimeDbContextFactory<UsageContext>
    {
        public UsageContext CreateDbContext(string[] args) => Sqlite("design.db").OpenUsage();
    }

    /// <summary>For <c>dotnet ef migrations add --context UsersContext</c>.</summary>
    internal sealed class UsersDesignTime : IDesignTimeDbContextFactory<UsersContext>
    {
        public UsersContext CreateDbContext(string[] args) => Sqlite("design.db").OpenUsers();
    }
}

/// <summary>Why the database does not answer.</summary>
/// <param name="Title">What is wrong, one line, without a secret.</param>
/// <param name="Detail">What an operator looks at.</param>
public sealed record DatabaseTrouble(string Title, string Detail);
