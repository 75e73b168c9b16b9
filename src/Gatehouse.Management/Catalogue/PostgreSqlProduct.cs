using System.Data;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

namespace Gatehouse.Management;

/// <summary>A PostgreSQL server, for one manager or several.</summary>
internal sealed class PostgreSqlProduct : DatabaseProduct
{
    private const string Channel = "gatehouse_head";

    // A manager that freezes inside a transaction holds the head row, and with it every other manager: the server ends such a
    // transaction, and its commit then fails instead of coming late. Waiting for the row ends in an answer, too.
    private const string Timeouts =
        "-c idle_in_transaction_session_timeout=5000 -c lock_timeout=10000 -c tcp_user_timeout=10000";

    private readonly NpgsqlDataSource _source;
    private readonly string _connection;
    private readonly PostgreSqlSettings _settings;

    public PostgreSqlProduct(PostgreSqlSettings settings)
    {
        _settings = settings;
        var connection = new NpgsqlConnectionStringBuilder
        {
            Host = settings.Host,
            Port = settings.Port,
            Database = settings.Database,
            Username = settings.User,
            SslMode = settings.Tls switch
            {
                DatabaseTls.Off => SslMode.Disable,
                DatabaseTls.Require => SslMode.Require,
                DatabaseTls.VerifyCa => SslMode.VerifyCA,
                _ => SslMode.VerifyFull,
            },
            GssEncryptionMode = GssEncryptionMode.Disable,
            RootCertificate = settings.AuthorityFile,
            SslCertificate = settings.CertificateFile,
            SslKey = settings.KeyFile,
            ApplicationName = "gatehouse",
            MaxPoolSize = settings.Connections,
            Timeout = 5,
            CommandTimeout = 30,
            KeepAlive = 10,
            Options = Timeouts,
        };
        _connection = connection.ToString();
        var builder = new NpgsqlDataSourceBuilder(_connection);
        UsePassword(builder);
        _source = builder.Build();
    }

    public override string Description =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"PostgreSQL database {_settings.Database} on {_settings.Host}:{_settings.Port}"
        );

    public override bool Embedded => false;

    public override void Configure(DbContextOptionsBuilder builder, string migrationsAssembly, string historyTable) =>
        builder
            .UseNpgsql(
                _source,
                npgsql => npgsql.MigrationsAssembly(migrationsAssembly).MigrationsHistoryTable(historyTable)
            )
            // Migrations name no product's types; that they and the model agree is tested on SQLite.
            .ConfigureWarnings(warnings =>
                warnings.Ignore(
                    RelationalEventId.PendingModelChangesWarning,
                    CoreEventId.ManyServiceProvidersCreatedWarning
                )
            );

    public override Task<IDbContextTransaction> BeginSnapshotAsync(DbContext context, CancellationToken cancellation) =>
        context.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);

    public override void Close() => _source.Clear();

    public override void Dispose()
    {
        base.Dispose();
        _source.Dispose();
    }

    public override async Task<bool> ExistsAsync(DbContext context, CancellationToken cancellation)
    {
        try
        {
            var connection = await _source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
            await connection.DisposeAsync().ConfigureAwait(false);
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            return false;
        }
    }

    // EF Core's own lock lets go between two migrations.
    public override async Task<IAsyncDisposable> LockSetupAsync(CancellationToken cancellation)
    {
        try
        {
            return await LockAsync(cancellation).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            await CreateAsync(cancellation).ConfigureAwait(false);
            return await LockAsync(cancellation).ConfigureAwait(false);
        }
    }

    public override Task AnnounceAsync(CatalogueContext context, CancellationToken cancellation) =>
        context.Database.ExecuteSqlAsync($"SELECT pg_notify({Channel}, '')", cancellation);

    public override async Task TellAsync(string word, CancellationToken cancellation)
    {
        var tell = _source.CreateCommand("SELECT pg_notify($1, $2)");
        await using (tell.ConfigureAwait(false))
        {
            tell.Parameters.Add(new() { Value = Channel });
            tell.Parameters.Add(new() { Value = word });
            await tell.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
    }

    public override async Task ListenAsync(Action<string> heard, CancellationToken cancellation)
    {
        var connection = await _source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            connection.Notification += (_, told) => heard(told.Payload);
            var listen = new NpgsqlCommand($"LISTEN {Channel}", connection);
            await using (listen.ConfigureAwait(false))
            {
                await listen.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
            }

            while (true)
            {
                await connection.WaitAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    public override async Task ResetNumbersAsync(DbContext on, DbContext context, CancellationToken cancellation)
    {
        foreach (var entity in context.GetService<IDesignTimeModel>().Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties())
            {
                if (
                    NpgsqlPropertyExtensions.GetValueGenerationStrategy(property)
                        is NpgsqlValueGenerationStrategy.IdentityByDefaultColumn
                            or NpgsqlValueGenerationStrategy.IdentityAlwaysColumn
                            or NpgsqlValueGenerationStrategy.SerialColumn
                    && entity.GetTableName() is { } table
                )
                {
                    var column = property.GetColumnName();
                    var sql =
                        $"SELECT setval(pg_get_serial_sequence('\"{table}\"', '{column}'), coalesce(max(\"{column}\"), 0) + 1, false) FROM \"{table}\"";
                    await on.Database.ExecuteSqlRawAsync(sql, cancellation).ConfigureAwait(false);
                }
            }
        }
    }

    private async Task<IAsyncDisposable> LockAsync(CancellationToken cancellation)
    {
        // Of its own, so that it goes with the process, however that ends.
        var connection = await _source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        var take = new NpgsqlCommand("SET lock_timeout = 0; SELECT pg_advisory_lock(7443)", connection)
        {
            CommandTimeout = 0,
        };
        await using (take.ConfigureAwait(false))
        {
            await take.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }

        return connection;
    }

    private async Task CreateAsync(CancellationToken cancellation)
    {
        var server = new NpgsqlDataSourceBuilder(
            new NpgsqlConnectionStringBuilder(_connection) { Database = "postgres", Pooling = false }.ToString()
        );
        UsePassword(server);
        var source = server.Build();
        await using (source.ConfigureAwait(false))
        {
            var create = source.CreateCommand(
                $"CREATE DATABASE \"{_settings.Database.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            );
            await using (create.ConfigureAwait(false))
            {
                try
                {
                    await create.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
                }
                catch (PostgresException e)
                    when (e.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
                {
                    // Another setup was faster.
                }
            }
        }
    }

    private void UsePassword(NpgsqlDataSourceBuilder builder)
    {
        if (_settings.Password is { } password)
        {
            // An empty one is as good as none: the server says which is wanted.
            builder.UsePasswordProvider(_ => password() ?? "", (_, _) => ValueTask.FromResult(password() ?? ""));
        }
    }

    public override async Task LockTablesAsync(
        DbContext context,
        IEnumerable<string> tables,
        CancellationToken cancellation
    )
    {
        var names = string.Join(", ", tables.Select(t => $"\"{t}\""));
        var sql = $"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE";
        await context.Database.ExecuteSqlRawAsync(sql, cancellation).ConfigureAwait(false);
    }

    /// <summary>True when the server undid a transaction for another's sake, as one of two that wait for each other.</summary>
    public static bool IsUndoneForAnother(Exception exception) =>
        Chain(exception).OfType<PostgresException>().FirstOrDefault()
            is { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure };

    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    public static DatabaseTrouble? TroubleOf(Exception exception)
    {
        if (Chain(exception).OfType<PostgresException>().FirstOrDefault() is { } told)
        {
            return told.SqlState switch
            {
                PostgresErrorCodes.LockNotAvailable => new(
                    "The catalogue is busy",
                    "Another manager is writing and has not finished within 10 s."
                ),
                PostgresErrorCodes.DiskFull => new("The catalogue cannot grow", "PostgreSQL reports a full disk."),
                PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => new(
                    "The database does not let this manager in",
                    $"PostgreSQL says: {told.MessageText}. Look at database.user and the password."
                ),
                PostgresErrorCodes.InvalidCatalogName => new(
                    "There is no such database",
                    $"PostgreSQL says: {told.MessageText}. Run gatehouse setup."
                ),
                PostgresErrorCodes.ReadOnlySqlTransaction => new(
                    "The catalogue cannot be written",
                    "The PostgreSQL server is a standby or read-only. Look at database.host."
                ),
                // Connection lost, resources gone, operator's intervention, system error, rolled back for another's sake, idle
                // for too long, closed to connections.
                ['0', '8', ..] or ['5', '3', ..] or ['5', '7', ..] or ['5', '8', ..] or ['4', '0', ..] or "25P03" =>
                    new("The database does not answer", $"PostgreSQL says: {told.MessageText}."),
                _ => null,
            };
        }

        // Npgsql does not tell an authority that is not known from a name that does not fit.
        if (Chain(exception).Any(e => e is NpgsqlException) && Chain(exception).Any(e => e is AuthenticationException))
        {
            return new(
                "The database's certificate is not good",
                "No authority in database.ca (without it: none that this machine trusts) vouches for it, it has expired, or, with database.tls verify-full, it does not name database.host."
            );
        }

        var lost = Chain(exception)
            .FirstOrDefault(e => e is NpgsqlException or SocketException or TimeoutException or IOException);
        return Chain(exception).Any(e => e is NpgsqlException)
            ? new("The database does not answer", $"{lost!.GetBaseException().Message.TrimEnd('.')}.")
            : null;
    }
}
