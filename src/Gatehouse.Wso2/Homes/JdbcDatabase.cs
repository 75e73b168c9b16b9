using System.Globalization;
using System.Text.RegularExpressions;

namespace Gatehouse.Wso2;

/// <summary>What a JDBC URL means for <c>database.*</c>.</summary>
internal static partial class JdbcDatabase
{
    /// <summary>Sets the database of a manager, or says what to set. True when it was taken.</summary>
    public static bool Take(HomeDraft home, string url, string? user, Place place, out Outcome outcome, out string note)
    {
        if (home.IsWorker)
        {
            (outcome, note) = (Outcome.NotNeeded, "a worker holds no database");
            return false;
        }

        if (Form().Match(url) is not { Success: true } match)
        {
            (outcome, note) = url.StartsWith("jdbc:h2:", StringComparison.OrdinalIgnoreCase)
                ? (
                    Outcome.NotNeeded,
                    "the embedded database: a manager makes one of its own (database.provider: sqlite)"
                )
                : (
                    Outcome.NeedsYou,
                    $"{Product(url)} is no database of a manager here: leave database.provider at sqlite for one manager, or set it to postgresql with database.host, name and user for several"
                );
            return false;
        }

        home.Set("database.provider", "postgresql", place);
        home.Set("database.host", match.Groups["host"].Value.Trim('[', ']'), place);
        if (match.Groups["port"] is { Success: true } port)
        {
            home.Set("database.port", port.Value, place);
        }

        home.Set("database.name", match.Groups["name"].Value, place);
        if (user is { Length: > 0 })
        {
            home.Set("database.user", user, place);
        }

        (outcome, note) = (
            Outcome.Converted,
            "tables of our own beside the old ones; the password comes from GATEHOUSE_DATABASE__PASSWORD or database.passwordFile"
        );
        return true;
    }

    private static string Product(string url) =>
        url.Split(':') is ["jdbc", var product, ..]
            ? CultureInfo.InvariantCulture.TextInfo.ToTitleCase(product)
            : "this";

    [GeneratedRegex(
        @"\Ajdbc:postgresql://(?<host>\[[0-9A-Fa-f:]+\]|[^/:?]+)(?::(?<port>\d{1,5}))?/(?<name>[^?;]+)",
        RegexOptions.IgnoreCase
    )]
    private static partial Regex Form();
}
