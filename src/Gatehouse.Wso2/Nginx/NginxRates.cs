using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Gatehouse.Wso2;

/// <summary>The zones of <c>limit_req</c>: whom they count, and how often each may call.</summary>
internal sealed partial class NginxRates
{
    private readonly Dictionary<string, (string Key, string? Limit)> _zones = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    public void Add(NginxDirective zone)
    {
        if (zone.Arguments is [var key, ..] && NameOf(zone) is { } name)
        {
            _zones.TryAdd(name, (key, LimitOf(zone.Arguments)));
        }
    }

    public void Use(NginxDirective limit) => _used.Add(NameOf(limit) ?? "");

    /// <summary>True for a zone that some <c>limit_req</c> names.</summary>
    public bool IsUsed(NginxDirective zone) => _used.Contains(NameOf(zone) ?? "");

    /// <summary>True for a zone that counts callers by their address and says how often one may call.</summary>
    public bool IsByAddress(NginxDirective zone) => IsByAddress(NameOf(zone) ?? "");

    /// <summary>The rate of a <c>limit_req</c>, with what is different about it; null with the reason when it is not carried over.</summary>
    public (JsonObject? Rate, string Note) Of(NginxDirective limit)
    {
        var name = NameOf(limit) ?? "";
        if (!_zones.TryGetValue(name, out var zone))
        {
            return (null, $"there is no limit_req_zone of the name '{name}'");
        }

        if (!IsByAddress(name))
        {
            return (
                null,
                $"what is counted by {zone.Key} is a limit of the workers: gatehouse limit create key NAME --key …"
            );
        }

        var burst = limit.Arguments.FirstOrDefault(a => a.StartsWith("burst=", StringComparison.Ordinal))?[6..] ?? "0";
        return int.TryParse(burst, NumberStyles.None, CultureInfo.InvariantCulture, out var most) && most <= 1_000_000
            ? (
                new JsonObject { ["limit"] = zone.Limit, ["burst"] = most },
                limit.Arguments.Contains("nodelay")
                    ? "further calls get 429"
                    : "without delay: calls beyond it get 429 at once instead of waiting"
            )
            : (null, $"'{burst}' is no burst: set the rate in balancer.hosts");
    }

    private bool IsByAddress(string name) =>
        _zones.TryGetValue(name, out var zone)
        && zone is { Key: "$binary_remote_addr" or "$remote_addr", Limit: not null };

    private static string? NameOf(NginxDirective d) =>
        d.Arguments.FirstOrDefault(a => a.StartsWith("zone=", StringComparison.Ordinal))?[5..].Split(':')[0];

    private static string? LimitOf(IEnumerable<string> arguments)
    {
        var rate = arguments.FirstOrDefault(a => a.StartsWith("rate=", StringComparison.Ordinal));
        return rate is not null && Form().Match(rate) is { Success: true } match
            ? $"{match.Groups[1].Value}/{(match.Groups[2].Value == "s" ? "s" : "min")}"
            : null;
    }

    [GeneratedRegex(@"\Arate=([1-9][0-9]{0,6})r/([sm])\z")]
    private static partial Regex Form();
}
