using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Wso2;
using Npgsql;

namespace Gatehouse.Commands;

/// <summary>The database of a running WSO2 API Manager in PostgreSQL. Only read, in one transaction that may write nothing.</summary>
internal sealed class OldPostgreSql
{
    private readonly string _connection;

    private OldPostgreSql(NpgsqlConnectionStringBuilder settings)
    {
        _connection = settings.ConnectionString;
        Name = $"{settings.Host}/{settings.Database}";
    }

    /// <summary>Host and database, for the report.</summary>
    public string Name { get; }

    /// <summary>Of <c>postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…</c>, or of <c>Host=…;Database=…</c>.</summary>
    public static OldPostgreSql Of(string text)
    {
        try
        {
            var settings = text.Contains("://", StringComparison.Ordinal) ? OfUrl(text) : new(text);
            settings.ApplicationName = "gatehouse import";
            settings.Timeout = 10;
            settings.CommandTimeout = 600;
            settings.Pooling = false;
            return settings.Host is { Length: > 0 } && settings.Database is { Length: > 0 }
                ? new(settings)
                : throw new ArgumentException("it names no host or no database");
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            // The text holds a password, so it is not shown.
            throw new CommandFailure(
                ExitCode.Usage,
                "The address of the database cannot be read",
                fix: "write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE?sslmode=require"
            );
        }
    }

    /// <summary>Hands every row that is wanted over.</summary>
    public async Task ReadAsync(OldDatabase database, CancellationToken cancellation)
    {
        try
        {
            await using var connection = new NpgsqlConnection(_connection);
            await connection.OpenAsync(cancellation);
            await using var transaction = await connection.BeginTransactionAsync(
                System.Data.IsolationLevel.RepeatableRead,
                cancellation
            );
            await using (var readOnly = new NpgsqlCommand("set transaction read only", connection, transaction))
            {
                await readOnly.ExecuteNonQueryAsync(cancellation);
            }

            foreach (var (name, columns) in await TablesAsync(connection, transaction, cancellation))
            {
                if (OldTable.Of(name.ToUpperInvariant()) is { } table)
                {
                    await ReadTableAsync(connection, transaction, name, columns, table, database, cancellation);
                }
                else if (name.StartsWith("am_", StringComparison.OrdinalIgnoreCase) || name == "um_user")
                {
                    database.PassOver(name.ToUpperInvariant(), new Place($"{Name} {name}"));
                }
            }
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            throw new CommandFailure(
                ExitCode.Unreachable,
                $"The old database does not answer: {e.Message}",
                Name,
                "check host, port, user, password and sslmode; psql with the same values must get in",
                cause: e
            );
        }
    }

    private static async Task<List<(string Name, HashSet<string> Columns)>> TablesAsync(
        NpgsqlConnection connection,
        NpgsqlTransaction transaction,
        CancellationToken cancellation
    )
    {
        await using var command = new NpgsqlCommand(
            "select table_name, column_name from information_schema.columns where table_schema = any (current_schemas(false)) order by table_name limit 20000",
            connection,
            transaction
        );
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var tables = new List<(string Name, HashSet<string> Columns)>();
        while (await reader.ReadAsync(cancellation))
        {
            if (tables.Count == 0 || tables[^1].Name != reader.GetString(0))
            {
                tables.Add((reader.GetString(0), new(StringComparer.Ordinal)));
            }

            tables[^1].Columns.Add(reader.GetString(1));
        }

        return tables;
    }

    private async Task ReadTableAsync(
        NpgsqlConnection connection,
        NpgsqlTransaction transaction,
        string name,
        HashSet<string> columns,
        OldTable table,
        OldDatabase database,
        CancellationToken cancellation
    )
    {
        // Names of columns are this program's own, and the table's comes from the catalogue; both are quoted all the same.
        var selected = table.Columns.Select(c =>
            columns.Contains(c.ToLowerInvariant()) ? $"left({Quoted(c.ToLowerInvariant())}::text, 65536)"
            : columns.Contains(c) ? $"left({Quoted(c)}::text, 65536)"
            : "null"
        );
        await using var command = new NpgsqlCommand(
            $"select {string.Join(", ", selected)} from {Quoted(name)}",
            connection,
            transaction
        );
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        for (var line = 1; await reader.ReadAsync(cancellation); line++)
        {
            var values = new string?[table.Columns.Length];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = reader.IsDBNull(i) ? null : reader.GetString(i);
            }

            database.Add(new(table, values, new Place($"{Name} {name}", line, 1)));
        }
    }

    private static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static NpgsqlConnectionStringBuilder OfUrl(string text)
    {
        var url = new Uri(text, UriKind.Absolute);
        if (url.Scheme is not ("postgresql" or "postgres"))
        {
            throw new FormatException("it is no postgresql:// address");
        }

        var user = url.UserInfo.Split(':', 2);
        var settings = new NpgsqlConnectionStringBuilder
        {
            Host = url.Host.Trim('[', ']'),
            Port = url.Port > 0 ? url.Port : 5432,
            Database = Uri.UnescapeDataString(url.AbsolutePath.Trim('/')),
            Username = Uri.UnescapeDataString(user[0]),
            Password = user.Length > 1 ? Uri.UnescapeDataString(user[1]) : null,
        };
        foreach (var part in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var pair = part.Split('=', 2);
            settings[CultureInfo.InvariantCulture.TextInfo.ToLower(pair[0])] = Uri.UnescapeDataString(
                pair.Length > 1 ? pair[1] : ""
            );
        }

        return settings;
    }
}
