using System.Globalization;

namespace Gatehouse.Wso2;

/// <summary>A table of an old database that is read.</summary>
/// <param name="Name">In capitals; of a partition of the tokens the name of the whole.</param>
/// <param name="Columns">The columns that are read, in capitals. An older generation lacks some of them.</param>
public sealed record OldTable(string Name, string[] Columns)
{
    private static readonly Dictionary<string, OldTable> s_all = new OldTable[]
    {
        new("AM_SUBSCRIBER", ["SUBSCRIBER_ID", "USER_ID", "TENANT_ID"]),
        new(
            "AM_APPLICATION",
            [
                "APPLICATION_ID",
                "NAME",
                "SUBSCRIBER_ID",
                "APPLICATION_TIER",
                "CALLBACK_URL",
                "DESCRIPTION",
                "APPLICATION_STATUS",
                "GROUP_ID",
                "TOKEN_TYPE",
            ]
        ),
        new("AM_API", ["API_ID", "API_PROVIDER", "API_NAME", "API_VERSION", "CONTEXT"]),
        new("AM_SUBSCRIPTION", ["TIER_ID", "API_ID", "APPLICATION_ID", "SUB_STATUS", "SUBS_CREATE_STATE"]),
        new("AM_APPLICATION_KEY_MAPPING", ["APPLICATION_ID", "CONSUMER_KEY", "KEY_TYPE", "STATE"]),
        new("AM_APP_KEY_DOMAIN_MAPPING", ["CONSUMER_KEY", "AUTHZ_DOMAIN"]),
        new("AM_POLICY_SUBSCRIPTION", OldPlans.Columns),
        new("AM_POLICY_APPLICATION", OldPlans.Columns),
        new("AM_BLOCK_CONDITIONS", ["TYPE", "VALUE", "ENABLED"]),
        new(
            "IDN_OAUTH_CONSUMER_APPS",
            ["ID", "CONSUMER_KEY", "CONSUMER_SECRET", "APP_NAME", "CALLBACK_URL", "GRANT_TYPES", "APP_STATE"]
        ),
        new(
            "IDN_OAUTH2_ACCESS_TOKEN",
            [
                "TOKEN_ID",
                "ACCESS_TOKEN",
                "CONSUMER_KEY_ID",
                "CONSUMER_KEY",
                "AUTHZ_USER",
                "USER_DOMAIN",
                "USER_TYPE",
                "TIME_CREATED",
                "VALIDITY_PERIOD",
                "TOKEN_STATE",
                "TOKEN_SCOPE",
                "ACCESS_TOKEN_HASH",
            ]
        ),
        new("IDN_OAUTH2_ACCESS_TOKEN_SCOPE", ["TOKEN_ID", "TOKEN_SCOPE"]),
    }.ToDictionary(t => t.Name, StringComparer.Ordinal);

    /// <summary>All of them, those that others refer to first.</summary>
    public static IReadOnlyCollection<OldTable> All => s_all.Values;

    /// <summary>The table of that name; null when it is not read.</summary>
    public static OldTable? Of(string name) =>
        s_all.GetValueOrDefault(name)
        // Tokens of one user store each (the old token.partitioning): IDN_OAUTH2_ACCESS_TOKEN_A, _B…
        ?? (
            name.StartsWith("IDN_OAUTH2_ACCESS_TOKEN_", StringComparison.Ordinal) && name.Length == 25
                ? s_all["IDN_OAUTH2_ACCESS_TOKEN"]
                : null
        );
}

/// <summary>A row of it.</summary>
/// <param name="Table">The table.</param>
/// <param name="Values">Its values, in the order of the table's columns; null for NULL and for columns it lacks.</param>
/// <param name="Place">Where it stands.</param>
public sealed record OldRow(OldTable Table, string?[] Values, Place Place)
{
    /// <summary>The text in a column; empty for NULL.</summary>
    public string this[string column] => Values[Array.IndexOf(Table.Columns, column)] ?? "";

    /// <summary>The number in a column; null when there is none.</summary>
    public long? Number(string column) =>
        long.TryParse(this[column], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) ? n : null;
}

/// <summary>What is done with rows.</summary>
internal static class OldRows
{
    /// <summary>By a key of which the first counts: a dump may be wrong.</summary>
    public static Dictionary<string, OldRow> ToDictionaryOfFirst(
        this IEnumerable<OldRow> rows,
        Func<OldRow, string> key
    )
    {
        var all = new Dictionary<string, OldRow>(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            all.TryAdd(key(row), row);
        }

        return all;
    }

    /// <summary>Says what became of a row, or of one column of it.</summary>
    public static void Add(
        this ReadingLog log,
        Outcome outcome,
        OldRow row,
        string value,
        string? note,
        string? target = null,
        string? column = null
    ) =>
        log.Add(
            new Finding(
                outcome,
                row.Place,
                column is null ? row.Table.Name : $"{row.Table.Name}.{column}",
                value,
                target,
                note
            )
        );
}
