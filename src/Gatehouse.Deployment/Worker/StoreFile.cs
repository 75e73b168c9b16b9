using Gatehouse.Model;
using Microsoft.Data.Sqlite;

namespace Gatehouse.Deployment.Worker;

/// <summary>The SQLite file of a store: its tables, and statements in one transaction. Not safe for two threads.</summary>
internal sealed class StoreFile : IDisposable
{
    // Exclusive: one process uses the file, so the index of the write-ahead log may live in memory; there is no shared-memory
    // file that a full disk could fail to map. FULL: a commit returns after the log was synced.
    private static readonly string[] s_settings =
    [
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA synchronous = FULL",
        "PRAGMA cell_size_check = ON",
        "PRAGMA wal_autocheckpoint = 1000",
    ];

    // WITHOUT ROWID: the rows are the index, so that there is none beside them that could be damaged while they are sound.
    private static readonly string[] s_tables =
    [
        "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        """
            CREATE TABLE IF NOT EXISTS entities(
                kind TEXT NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL, digest BLOB NOT NULL, payload BLOB NOT NULL,
                expires_at INTEGER NOT NULL, signature BLOB NOT NULL, seal BLOB NOT NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID
            """,
        """
            CREATE TABLE IF NOT EXISTS refused(
                kind TEXT NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL, digest BLOB NOT NULL, payload BLOB NOT NULL,
                expires_at INTEGER NOT NULL, signature BLOB NOT NULL, seal BLOB NOT NULL,
                field TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID
            """,
    ];

    private readonly SqliteConnection _connection;

    private StoreFile(SqliteConnection connection)
    {
        _connection = connection;
    }

    /// <summary>True when the file itself is broken, not the disk's willingness to write.</summary>
    public static bool IsDamage(SqliteException fault) =>
        // ERROR: our statements are constants and sound, so it is the schema that is not. CORRUPT, CONSTRAINT (a row where there
        // should be none), FORMAT, NOTADB.
        fault.SqliteErrorCode
            is 1
                or 11
                or 19
                or 24
                or 26
        || fault is { SqliteErrorCode: 10, SqliteExtendedErrorCode: 522 }; // a read past the end of a file cut short

    public static StoreFile Open(string path)
    {
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder
            {
                DataSource = path,
                Mode = SqliteOpenMode.ReadWriteCreate,
                Pooling = false,
                DefaultTimeout = 5,
            }.ToString()
        );
        try
        {
            connection.Open();
            var file = new StoreFile(connection);
            file.SetUp();
            return file;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public StoreState? ReadState()
    {
        using var command = Command("SELECT value FROM meta WHERE key = 'state'");
        return command.ExecuteScalar() is byte[] bytes ? StoreState.TryRead(bytes) : null;
    }

    /// <summary>Every row with the seal that was written beside it; a row that cannot be one is given back with the wrong seal.</summary>
    public IEnumerable<(Digest Seal, StoredRow Row)> ReadRows() =>
        ReadRows("SELECT kind, name, epoch, digest, payload, expires_at, signature, seal, NULL, NULL FROM entities")
            .Concat(ReadRefused());

    /// <summary>The refused ones of <see cref="ReadRows()"/>.</summary>
    public IEnumerable<(Digest Seal, StoredRow Row)> ReadRefused() =>
        ReadRows("SELECT kind, name, epoch, digest, payload, expires_at, signature, seal, field, reason FROM refused");

    private IEnumerable<(Digest Seal, StoredRow Row)> ReadRows(string statement)
    {
        using var command = Command(statement);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            yield return ReadRow(reader);
        }
    }

    /// <summary>Runs <paramref name="writes"/> as one transaction. When it returns they are on disk; when it throws there are none.</summary>
    public void Write(Action<StoreFile> writes)
    {
        Run("BEGIN IMMEDIATE");
        try
        {
            writes(this);
            Run("COMMIT");
        }
        catch
        {
            RollBack();
            throw;
        }
    }

    /// <summary>Writes a row that is not there yet.</summary>
    public void Insert(StoredRow row)
    {
        var change = row.Change;
        using var command = Command(
            row.Refusal is null
                ? """
                INSERT INTO entities(kind, name, epoch, digest, payload, expires_at, signature, seal)
                VALUES ($kind, $name, $epoch, $digest, $payload, $expires, $signature, $seal)
                """
                : """
                INSERT INTO refused(kind, name, epoch, digest, payload, expires_at, signature, seal, field, reason)
                VALUES ($kind, $name, $epoch, $digest, $payload, $expires, $signature, $seal, $field, $reason)
                """
        );
        command.Parameters.AddWithValue("$kind", change.Kind);
        command.Parameters.AddWithValue("$name", change.Name);
        command.Parameters.AddWithValue("$epoch", change.Epoch);
        command.Parameters.AddWithValue("$digest", change.Digest.ToArray());
        command.Parameters.AddWithValue("$payload", change.Payload.ToArray());
        command.Parameters.AddWithValue("$expires", change.ExpiresAt?.ToUnixTimeMilliseconds() ?? 0);
        command.Parameters.AddWithValue("$signature", change.Signature.ToArray());
        command.Parameters.AddWithValue("$seal", row.Seal().ToArray());
        if (row.Refusal is { } refusal)
        {
            command.Parameters.AddWithValue("$field", refusal.Field);
            command.Parameters.AddWithValue("$reason", refusal.Reason);
        }

        command.ExecuteNonQuery();
    }

    /// <summary>Deletes a row that is there. That it is not where it was written means that the file is damaged.</summary>
    public void Delete(RowKey key, bool refused)
    {
        using var command = Command(
            refused
                ? "DELETE FROM refused WHERE kind = $kind AND name = $name"
                : "DELETE FROM entities WHERE kind = $kind AND name = $name"
        );
        command.Parameters.AddWithValue("$kind", key.Kind);
        command.Parameters.AddWithValue("$name", key.Name);
        if (command.ExecuteNonQuery() != 1)
        {
            throw new SqliteException($"{key} is not where it was written", 11);
        }
    }

    public void PutState(StoreState state)
    {
        using var command = Command("INSERT OR REPLACE INTO meta(key, value) VALUES ('state', $value)");
        command.Parameters.AddWithValue("$value", state.Write());
        command.ExecuteNonQuery();
    }

    public void Dispose() => _connection.Dispose();

    private static (Digest Seal, StoredRow Row) ReadRow(SqliteDataReader reader)
    {
        // A flipped bit may have changed a column's type, so nothing is taken for granted.
        var kind = reader.GetValue(0) as string ?? "?";
        var name = reader.GetValue(1) as string ?? "?";
        try
        {
            var change = new EntityChange
            {
                Kind = kind,
                Name = name,
                Epoch = reader.GetInt64(2),
                Digest = Digest.From((byte[])reader.GetValue(3)),
                Payload = (byte[])reader.GetValue(4),
                ExpiresAt = reader.GetInt64(5) is var expires and not 0
                    ? DateTimeOffset.FromUnixTimeMilliseconds(expires)
                    : null,
                Signature = (byte[])reader.GetValue(6),
            };
            var refusal = reader.IsDBNull(8)
                ? null
                : new Refusal(kind, name, change.Epoch, reader.GetString(8), reader.GetString(9));
            return (Digest.From((byte[])reader.GetValue(7)), new(change, refusal));
        }
        catch (Exception fault) when (fault is InvalidCastException or ArgumentException or InvalidOperationException)
        {
            return (
                default,
                new(
                    new()
                    {
                        Kind = kind,
                        Name = name,
                        Epoch = 0,
                        Digest = default,
                    },
                    null
                )
            );
        }
    }

    private void SetUp()
    {
        // One statement a command: after a statement that gives rows, Microsoft.Data.Sqlite swallows what the next ones throw.
        foreach (var setting in s_settings)
        {
            Run(setting);
        }

        if (Scalar("PRAGMA journal_mode = WAL") is not "wal")
        {
            throw new SqliteException("the file system takes no write-ahead log", 10);
        }

        // Not written when they are there: a node has to start on a full disk.
        if (Scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table'") is not 3L)
        {
            Write(file =>
            {
                foreach (var table in s_tables)
                {
                    file.Run(table);
                }
            });
        }
    }

    private object? Scalar(string statement)
    {
        using var command = Command(statement);
        return command.ExecuteScalar();
    }

    private void RollBack()
    {
        try
        {
            Run("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite rolled back by itself, as it does when the disk is full.
        }
    }

    private void Run(string statement)
    {
        using var command = Command(statement);
        command.ExecuteNonQuery();
    }

    // The callers pass constants.
#pragma warning disable CA2100
    private SqliteCommand Command(string statement) => new(statement, _connection);
#pragma warning restore CA2100
}
