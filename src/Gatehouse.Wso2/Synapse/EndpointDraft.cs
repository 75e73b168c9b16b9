using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>Backends of one key type while they are read.</summary>
internal sealed class EndpointDraft
{
    /// <summary>URL with failover group and weight.</summary>
    public List<(string Url, int Group, int? Weight)> Endpoints { get; } = [];

    public string? Algorithm { get; set; }

    public bool Sticky { get; set; }

    /// <summary>Longest silence, seconds.</summary>
    public double? ResponseTimeout { get; set; }

    /// <summary>Longest silence of single endpoints, seconds, by their URL.</summary>
    public Dictionary<string, double> Silences { get; } = new(StringComparer.Ordinal);

    /// <summary>How long a failing endpoint is left alone, seconds; null for not at all.</summary>
    public double? OpenFor { get; set; }

    /// <summary>Failures before that.</summary>
    public int Failures { get; set; } = 2;

    /// <summary>True when its URLs say it all.</summary>
    public bool IsPlain =>
        Algorithm is null or "round-robin"
        && !Sticky
        && ResponseTimeout is null
        && Silences.Count == 0
        && OpenFor is null
        && Endpoints.TrueForAll(e => e is { Group: 0, Weight: null });

    public ImmutableArray<string> Urls => [.. Endpoints.Select(e => e.Url).Distinct(StringComparer.Ordinal)];

    public bool SameAs(EndpointDraft other) => Urls.SequenceEqual(other.Urls, StringComparer.Ordinal);

    /// <summary>As <c>x-gatehouse-endpoints</c>.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject();
        if (Algorithm is not null)
        {
            json["algorithm"] = Algorithm;
        }

        if (Sticky)
        {
            json["sticky"] = true;
        }

        var all = Endpoints.Select(e => e.Url).Distinct(StringComparer.Ordinal).ToList();
        var isOne = Silences.Count == all.Count && Silences.Values.Distinct().Count() == 1;
        if ((ResponseTimeout ?? (isOne ? Silences.Values.First() : (double?)null)) is { } seconds)
        {
            json["responseTimeout"] = seconds;
        }

        if (OpenFor is { } open)
        {
            json["breaker"] = new JsonObject { ["failures"] = Failures, ["openFor"] = open };
        }

        json["endpoints"] = new JsonArray([
            .. Endpoints
                .DistinctBy(e => e.Url)
                .Select(e =>
                {
                    var one = new JsonObject { ["url"] = e.Url };
                    if (e.Weight is { } weight)
                    {
                        one["weight"] = weight;
                    }

                    if (e.Group > 0)
                    {
                        one["group"] = e.Group;
                    }

                    if (!isOne && Silences.TryGetValue(e.Url, out var silence))
                    {
                        one["responseTimeout"] = silence;
                    }

                    return one;
                }),
        ]);
        return json;
    }

    /// <summary>Why a URL cannot be an endpoint; null when it can.</summary>
    public static string? Problem(string url) =>
        url.Contains('{') || url.Contains('$')
            ? "its address is put together while a request is on its way: an API has fixed backends"
        : !Uri.TryCreate(url, UriKind.Absolute, out var uri) ? "it is no absolute URL"
        : uri.Scheme is "ws" or "wss" ? null
        : uri.Scheme is not ("http" or "https") ? $"'{uri.Scheme}' is not a way to a backend: http and https are"
        : uri.UserInfo.Length > 0
            ? "its user and password would stand readable everywhere: leave them out and give them with 'gatehouse api credential'"
        : uri.Query.Length > 0 ? "its query: use the rewrite policy with setQuery"
        : null;

    /// <summary>WebSocket backends are http ones that are asked to upgrade.</summary>
    public static string Normal(string url) =>
        url.StartsWith("wss://", StringComparison.OrdinalIgnoreCase) ? "https" + url[3..]
        : url.StartsWith("ws://", StringComparison.OrdinalIgnoreCase) ? "http" + url[2..]
        : url;

    /// <summary>Milliseconds as seconds, up to an hour; null for anything else.</summary>
    public static double? Seconds(string? milliseconds) =>
        double.TryParse(milliseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var ms)
        && ms is > 0 and <= 3_600_000
            ? ms / 1000
            : null;
}
