using System.Data;
using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Storage;

namespace Gatehouse.Management;

/// <summary>
/// Where the catalogue lies and how it is opened. The one file that knows the database product; another product is another
/// factory method and its migrations.
/// </summary>
public sealed class CatalogueDatabase
{
    private readonly DbContextOptions<CatalogueContext> _options;

    private CatalogueDatabase(string description, DbContextOptions<CatalogueContext> options, bool embedded)
    {
        Description = description;
        Embedded = embedded;
        _options = options;
    }

    /// <summary>What to call it in messages; holds no password.</summary>
    public string Description { get; }

    /// <summary>True when it is a file of this manager's alone, which migrates itself.</summary>
    public bool Embedded { get; }

    /// <summary>The catalogue in the SQLite file at <paramref name="path"/>.</summary>
    public static CatalogueDatabase Sqlite(string path)
    {
        var connection = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            // Waiting for a lock is SQLite's business (busy_timeout); the driver's own loop sleeps 150 ms at a time.
            DefaultTimeout = 30,
        };
        var options = new DbContextOptionsBuilder<CatalogueContext>()
            .UseSqlite(connection.ToString())
            .AddInterceptors(new SqlitePragmas())
            .Options;
        return new($"SQLite file {path}", options, embedded: true);
    }

    /// <summary>A context of its own; the caller disposes it.</summary>
    public CatalogueContext Open() => new(_options);

    /// <summary>
    /// Begins a read that sees one state of all tables. SQLite's usual transaction would take the write lock at once; a
    /// deferred one takes its snapshot at the first read and hinders nobody.
    /// </summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage(
        "Performance",
        "CA1822",
        Justification = "Another product begins it another way."
    )]
    internal async Task<IDbContextTransaction> BeginSnapshotAsync(
        CatalogueContext context,
        CancellationToken cancellation
    )
    {
        await context.Database.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        var connection = (SqliteConnection)context.Database.GetDbConnection();
        var transaction = connection.BeginTransaction(IsolationLevel.Serializable, deferred: true);
        return (await context.Database.UseTransactionAsync(transaction, cancellation).ConfigureAwait(false))!;
    }

    /// <summary>
    /// Removes the note of a migration that died under way; it would be waited for without end. Only for the embedded file,
    /// which no second process migrates.
    /// </summary>
    internal static async Task ForgetDeadMigrationAsync(CatalogueContext context, CancellationToken cancellation)
    {
        if (
            await context
                .Database.SqlQuery<int>(
                    $"SELECT count(*) AS Value FROM sqlite_master WHERE name = '__EFMigrationsLock'"
                )
                .SingleAsync(cancellation)
                .ConfigureAwait(false) > 0
        )
        {
            await context
                .Database.ExecuteSqlAsync($"DELETE FROM \"__EFMigrationsLock\"", cancellation)
                .ConfigureAwait(false);
        }
    }

    private sealed class SqlitePragmas : DbConnectionInterceptor
    {
        // FULL, said aloud: with WAL some builds fall back to NORMAL, which may lose the last commits on power loss.
        private const string Pragmas =
            "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
        {
            using var command = connection.CreateCommand();
            command.CommandText = Pragmas;
            command.ExecuteNonQuery();
        }

        public override async Task ConnectionOpenedAsync(
            DbConnection connection,
            ConnectionEndEventData eventData,
            CancellationToken cancellationToken = default
        )
        {
            var command = connection.CreateCommand();
            await using (command.ConfigureAwait(false))
            {
                command.CommandText = Pragmas;
                await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>For <c>dotnet ef migrations add</c>.</summary>
    internal sealed class DesignTime : IDesignTimeDbContextFactory<CatalogueContext>
    {
        public CatalogueContext CreateDbContext(string[] args) => Sqlite("design.db").Open();
    }
}
