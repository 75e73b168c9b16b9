using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;

namespace Gatehouse.Management;

/// <summary>
/// Rows of any table as JSON, one array a row, alike on every product: what SQLite wrote, PostgreSQL reads. The tables and
/// types are those of the contexts' models.
/// </summary>
internal static class BackupTables
{
    // What nobody wants back: what nodes said then, and what let somebody in once.
    private static readonly string[] s_leftOut = ["node_status", "join_tokens", "sign_in_codes"];

    private const int RowsPerCommand = 50;

    /// <summary>The tables of a context, those that others refer to first.</summary>
    public static IReadOnlyList<ITable> Of(DbContext context)
    {
        var ordered = new List<ITable>();
        var entered = new HashSet<ITable>();
        foreach (var table in context.Model.GetRelationalModel().Tables.OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            Enter(table);
        }

        return ordered;

        void Enter(ITable table)
        {
            if (!entered.Add(table))
            {
                return;
            }

            foreach (var key in table.ForeignKeyConstraints.OrderBy(k => k.Name, StringComparer.Ordinal))
            {
                Enter(key.PrincipalTable);
            }

            ordered.Add(table);
        }
    }

    /// <summary>True for a table whose rows are in a backup.</summary>
    public static bool IsKept(ITable table) => !s_leftOut.Contains(table.Name);

    /// <summary>The columns of a table in the order that rows are written in.</summary>
    public static IReadOnlyList<IColumn> Columns(ITable table) =>
        [.. table.Columns.OrderBy(c => c.Name, StringComparer.Ordinal)];

    /// <summary>Writes every row as a line; returns how many.</summary>
    public static async Task<long> WriteAsync(
        DbContext context,
        ITable table,
        Stream to,
        CancellationToken cancellation
    )
    {
        var columns = Columns(table);
        var key = table.PrimaryKey?.Columns.Select(c => Quoted(c.Name)) ?? [];
        var command = CommandOn(context);
        await using (command.ConfigureAwait(false))
        {
            command.CommandText =
                $"SELECT {string.Join(", ", columns.Select(c => Quoted(c.Name)))} FROM {Quoted(table.Name)} ORDER BY {string.Join(", ", key)}";
            command.CommandTimeout = 0;
            long rows = 0;
            var reader = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                var writer = new Utf8JsonWriter(to);
                await using (writer.ConfigureAwait(false))
                {
                    while (await reader.ReadAsync(cancellation).ConfigureAwait(false))
                    {
                        writer.WriteStartArray();
                        for (var i = 0; i < columns.Count; i++)
                        {
                            WriteValue(writer, reader, i, TypeOf(columns[i]));
                        }

                        writer.WriteEndArray();
                        await writer.FlushAsync(cancellation).ConfigureAwait(false);
                        writer.Reset();
                        to.WriteByte((byte)'\n');
                        rows++;
                    }
                }
            }

            return rows;
        }
    }

    /// <summary>Inserts rows that <see cref="WriteAsync"/> wrote. A column that the table has and they lack gets its type's zero.</summary>
    public static async Task InsertAsync(
        DbContext context,
        ITable table,
        IReadOnlyList<string> written,
        IEnumerable<JsonElement[]> rows,
        CancellationToken cancellation
    )
    {
        var columns = Columns(table);
        var places = columns.Select(c => IndexOf(written, c.Name)).ToArray();
        foreach (var some in rows.Chunk(RowsPerCommand))
        {
            var command = CommandOn(context);
            await using (command.ConfigureAwait(false))
            {
                var tuples = new List<string>(some.Length);
                foreach (var row in some)
                {
                    var names = new List<string>(columns.Count);
                    for (var i = 0; i < columns.Count; i++)
                    {
                        var name = string.Create(CultureInfo.InvariantCulture, $"@p{command.Parameters.Count}");
                        var value = places[i] < 0 ? Zero(columns[i]) : ReadValue(row[places[i]], TypeOf(columns[i]));
                        command.Parameters.Add(Parameter(command, name, value, TypeOf(columns[i])));
                        names.Add(name);
                    }

                    tuples.Add($"({string.Join(", ", names)})");
                }

                command.CommandText =
                    $"INSERT INTO {Quoted(table.Name)} ({string.Join(", ", columns.Select(c => Quoted(c.Name)))}) VALUES {string.Join(", ", tuples)}";
                await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Deletes every row.</summary>
    public static async Task ClearAsync(DbContext context, ITable table, CancellationToken cancellation)
    {
        var command = CommandOn(context);
        await using (command.ConfigureAwait(false))
        {
            command.CommandText = $"DELETE FROM {Quoted(table.Name)}";
            await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
    }

    private static DbCommand CommandOn(DbContext context)
    {
        var command = context.Database.GetDbConnection().CreateCommand();
        command.Transaction = context.Database.CurrentTransaction?.GetDbTransaction();
        return command;
    }

    // The type the database holds, past the model's converters: parameters and readers are given that one.
    private static Type TypeOf(IColumn column)
    {
        var type = column.ProviderClrType;
        return Nullable.GetUnderlyingType(type) ?? type;
    }

    // Typed also when it is null: PostgreSQL takes the types of several rows from their values.
    private static DbParameter Parameter(DbCommand command, string name, object? value, Type type)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.DbType =
            type == typeof(string) ? DbType.String
            : type == typeof(byte[]) ? DbType.Binary
            : type == typeof(bool) ? DbType.Boolean
            : type == typeof(int) || type.IsEnum ? DbType.Int32
            : type == typeof(long) ? DbType.Int64
            : type == typeof(short) ? DbType.Int16
            : type == typeof(double) ? DbType.Double
            : type == typeof(float) ? DbType.Single
            : type == typeof(DateTime) ? DbType.DateTime
            : type == typeof(DateTimeOffset) ? DbType.DateTimeOffset
            : DbType.Guid;
        parameter.Value = value ?? DBNull.Value;
        return parameter;
    }

    private static void WriteValue(Utf8JsonWriter writer, DbDataReader reader, int i, Type type)
    {
        if (reader.IsDBNull(i))
        {
            writer.WriteNullValue();
        }
        else if (type == typeof(string))
        {
            writer.WriteStringValue(reader.GetString(i));
        }
        else if (type == typeof(byte[]))
        {
            writer.WriteBase64StringValue(reader.GetFieldValue<byte[]>(i));
        }
        else if (type == typeof(bool))
        {
            writer.WriteBooleanValue(reader.GetBoolean(i));
        }
        else if (type == typeof(int) || type == typeof(long) || type == typeof(short) || type.IsEnum)
        {
            writer.WriteNumberValue(reader.GetInt64(i));
        }
        else if (type == typeof(double) || type == typeof(float))
        {
            writer.WriteNumberValue(reader.GetDouble(i));
        }
        else if (type == typeof(DateTime))
        {
            writer.WriteStringValue(reader.GetDateTime(i).ToUniversalTime());
        }
        else if (type == typeof(DateTimeOffset))
        {
            writer.WriteStringValue(reader.GetFieldValue<DateTimeOffset>(i).ToUniversalTime());
        }
        else if (type == typeof(Guid))
        {
            writer.WriteStringValue(reader.GetGuid(i));
        }
        else
        {
            throw new NotSupportedException($"A backup has no form for a {type.Name}; give the column another type.");
        }
    }

    private static object? ReadValue(JsonElement value, Type type) =>
        value.ValueKind == JsonValueKind.Null ? null
        : type == typeof(string) ? value.GetString()
        : type == typeof(byte[]) ? value.GetBytesFromBase64()
        : type == typeof(bool) ? value.GetBoolean()
        : type == typeof(int) ? value.GetInt32()
        : type == typeof(long) ? value.GetInt64()
        : type == typeof(short) ? value.GetInt16()
        : type == typeof(double) ? value.GetDouble()
        : type == typeof(float) ? value.GetSingle()
        : type == typeof(DateTime) ? value.GetDateTime().ToUniversalTime()
        : type == typeof(DateTimeOffset) ? value.GetDateTimeOffset()
        : type == typeof(Guid) ? value.GetGuid()
        : type.IsEnum ? Enum.ToObject(type, value.GetInt64())
        : throw new NotSupportedException($"A backup has no form for a {type.Name}.");

    private static object? Zero(IColumn column)
    {
        var type = TypeOf(column);
        return column.IsNullable ? null
            : type == typeof(string) ? ""
            : type == typeof(byte[]) ? Array.Empty<byte>()
            : Activator.CreateInstance(type);
    }

    private static int IndexOf(IReadOnlyList<string> names, string name)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i] == name)
            {
                return i;
            }
        }

        return -1;
    }

    // Names come from this build's models, and from a backup only where a model has them too.
    private static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
