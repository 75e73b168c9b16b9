using System.Globalization;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Endpoints and how requests are spread over them, as <c>x-gatehouse-endpoints</c> of the document says it for production
/// and <c>x-gatehouse-sandbox-endpoints</c> for sandbox keys. Times are numbers of seconds.
/// </summary>
internal static class EndpointReader
{
    /// <summary>The extension for production.</summary>
    public const string Production = "x-gatehouse-endpoints";

    /// <summary>The extension for sandbox keys.</summary>
    public const string Sandbox = "x-gatehouse-sandbox-endpoints";

    private const string Fix = "see docs/reference/endpoints.md for the members and their values";

    /// <summary>Null when the document has no such extension.</summary>
    public static EndpointSet? Read(DocumentNode root, string extension, ProblemList problems)
    {
        if (root[extension] is not { } set)
        {
            return null;
        }

        if (set.Kind != NodeKind.Object || set["endpoints"] is not { Kind: NodeKind.Array, Items.Count: > 0 } list)
        {
            problems.Add(set, $"{extension} names no endpoint", Fix);
            return null;
        }

        return new()
        {
            Endpoints =
            [
                .. list.Items.Select(e => new Endpoint
                {
                    Url = e["url"]?.Text ?? "",
                    Weight = Number(e["weight"], problems),
                    Group = Number(e["group"], problems) ?? 0,
                    ResponseTimeout = Seconds(e["responseTimeout"], problems),
                }),
            ],
            Algorithm = set["algorithm"]?.Text ?? "round-robin",
            HashHeader = set["hashHeader"]?.Text,
            Sticky = IsTrue(set["sticky"]),
            Replay = IsTrue(set["replay"]),
            RetryPercent = Number(set["retryPercent"], problems),
            MaxRequests = Number(set["maxRequests"], problems),
            Breaker = set["breaker"] is { } breaker
                ? new()
                {
                    Failures = Number(breaker["failures"], problems) ?? 5,
                    OpenFor = Seconds(breaker["openFor"], problems) ?? TimeSpan.FromSeconds(30),
                }
                : null,
            Health = set["health"] is { } health
                ? new()
                {
                    Path = health["path"]?.Text ?? "/",
                    Interval = Seconds(health["interval"], problems) ?? TimeSpan.FromSeconds(10),
                    Timeout = Seconds(health["timeout"], problems) ?? TimeSpan.FromSeconds(2),
                    Failures = Number(health["failures"], problems) ?? 3,
                    Successes = Number(health["successes"], problems) ?? 2,
                }
                : null,
            ConnectTimeout = Seconds(set["connectTimeout"], problems) ?? TimeSpan.FromSeconds(5),
            ResponseTimeout = Seconds(set["responseTimeout"], problems) ?? TimeSpan.FromSeconds(60),
        };
    }

    private static bool IsTrue(DocumentNode? node) => node is { Kind: NodeKind.Boolean, Text: "true" };

    private static int? Number(DocumentNode? node, ProblemList problems)
    {
        if (node is null)
        {
            return null;
        }

        if (int.TryParse(node.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        problems.Add(node, $"'{Excerpt.Of(node.Text)}' is no whole number", Fix);
        return null;
    }

    private static TimeSpan? Seconds(DocumentNode? node, ProblemList problems)
    {
        if (node is null)
        {
            return null;
        }

        if (
            double.TryParse(node.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            && seconds is > 0 and <= 3600
        )
        {
            return TimeSpan.FromSeconds(seconds);
        }

        problems.Add(node, $"'{Excerpt.Of(node.Text)}' is no number of seconds up to an hour", Fix);
        return null;
    }
}
