using System.Data;
using System.Data.Common;
using System.Globalization;
using Gatehouse.Deployment.Trust;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Storage;

namespace Gatehouse.Management;

/// <summary>The embedded database: one file, one manager.</summary>
internal sealed class SqliteProduct(string path) : DatabaseProduct
{
    private const string FormerSuffix = ".before-";
    private const int FormersKept = 3;

    public override string Description => $"SQLite file {path}";

    public override bool Embedded => true;

    private readonly string _connection = new SqliteConnectionStringBuilder
    {
        DataSource = path,
        // Waiting for a lock is SQLite's business (busy_timeout); the driver's own loop sleeps 150 ms at a time.
        DefaultTimeout = 30,
    }.ToString();

    public override void Configure(DbContextOptionsBuilder builder, string migrationsAssembly, string historyTable) =>
        builder
            .UseSqlite(
                _connection,
                sqlite => sqlite.MigrationsAssembly(migrationsAssembly).MigrationsHistoryTable(historyTable)
            )
            .AddInterceptors(SqlitePragmas.Instance);

    public override void Close()
    {
        using var connection = new SqliteConnection(_connection);
        SqliteConnection.ClearPool(connection);
    }

    // SQLite's usual transaction would take the write lock at once; a deferred one takes its snapshot at the first read.
    public override async Task<IDbContextTransaction> BeginSnapshotAsync(
        DbContext context,
        CancellationToken cancellation
    )
    {
        await context.Database.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        var connection = (SqliteConnection)context.Database.GetDbConnection();
        var transaction = connection.BeginTransaction(IsolationLevel.Serializable, deferred: true);
        return (await context.Database.UseTransactionAsync(transaction, cancellation).ConfigureAwait(false))!;
    }

    public override Task<bool> ExistsAsync(DbContext context, CancellationToken cancellation) =>
        context.Database.CanConnectAsync(cancellation);

    // Its note would be waited for without end. No second process migrates this file.
    public override async Task ForgetDeadMigrationAsync(DbContext context, CancellationToken cancellation)
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

    public override async Task<string?> KeepFormerAsync(DbContext context, CancellationToken cancellation)
    {
        var at = DateTimeOffset.UtcNow.ToString("yyyyMMdd'T'HHmmssfff'Z'", CultureInfo.InvariantCulture);
        var kept = $"{path}{FormerSuffix}{at}";
        // By SQLite itself, so that what is still in the write-ahead log is in it.
        await DurableFile
            .WriteSecretAsync(kept, empty => context.Database.ExecuteSqlAsync($"VACUUM INTO {empty}", cancellation))
            .ConfigureAwait(false);
        var formers = Directory
            .GetFiles(Path.GetDirectoryName(Path.GetFullPath(path))!, $"{Path.GetFileName(path)}{FormerSuffix}*")
            .OrderDescending(StringComparer.Ordinal)
            .ToLookup(f => f.EndsWith(DurableFile.TemporaryMark, StringComparison.Ordinal));
        foreach (var old in formers[true].Concat(formers[false].Skip(FormersKept)))
        {
            File.Delete(old);
        }

        return kept;
    }

    // https://www.sqlite.org/rescode.html
    public static DatabaseTrouble? TroubleOf(Exception exception) =>
        Chain(exception).OfType<SqliteException>().FirstOrDefault()?.SqliteErrorCode switch
        {
            5 or 6 => new("The catalogue is busy", "Another program holds its file locked."),
            8 => new("The catalogue cannot be written", "Its file or file system is read-only."),
            10 => new("The catalogue cannot be read or written", "The disk under its file reports an error."),
            13 => new("The catalogue cannot grow", "The disk under its file is full."),
            14 => new("The catalogue cannot be opened", "Its file is missing or may not be read by this user."),
            _ => null,
        };

    private sealed class SqlitePragmas : DbConnectionInterceptor
    {
        // FULL, said aloud: with WAL some builds fall back to NORMAL, which may lose the last commits on power loss.
        private const string Pragmas =
            "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

        public static SqlitePragmas Instance { get; } = new();

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
}
