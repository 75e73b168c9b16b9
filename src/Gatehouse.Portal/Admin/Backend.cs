using System.Collections.Immutable;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Portal.Kit;

namespace Gatehouse.Portal.Admin;

/// <summary>A backend as the workers see it.</summary>
/// <param name="Name">Scheme, host and port.</param>
/// <param name="PerSecond">Requests that all workers together send it.</param>
/// <param name="InFlight">Requests it works on.</param>
/// <param name="Workers">Who calls it.</param>
/// <param name="IllFor">Those of them whose calls or checks fail.</param>
/// <param name="ToldAt">When the newest of them was heard of.</param>
public sealed record Backend(
    string Name,
    double PerSecond,
    long InFlight,
    ImmutableArray<string> Workers,
    ImmutableArray<string> IllFor,
    DateTimeOffset? ToldAt
)
{
    /// <summary>How it looks.</summary>
    public Tone Tone =>
        IllFor.IsEmpty ? new("ok", "circle-check", "no failures")
        : IllFor.Length == Workers.Length ? new("fail", "circle-x", "fails")
        : new("warn", "triangle-alert", $"fails for {string.Join(", ", IllFor)}");

    /// <summary>Host and port.</summary>
    public string Place => Name[(Name.IndexOf("://", StringComparison.Ordinal) is var at and >= 0 ? at + 3 : 0)..];

    /// <summary>What the workers tell of: those that fail first, then the busiest.</summary>
    public static IReadOnlyList<Backend> Of(IEnumerable<NodeView> nodes) =>
        [
            .. nodes
                .Where(n => n.Profile.IsWorker())
                .SelectMany(n => (n.Traffic?.Targets ?? []).Select(t => (Node: n, Target: t)))
                .GroupBy(t => t.Target.Name)
                .Select(g => new Backend(
                    g.Key,
                    g.Sum(t => t.Target.RequestsPerSecond),
                    g.Sum(t => t.Target.InFlight),
                    [.. g.Select(t => t.Node.Name)],
                    [.. g.Where(t => t.Target.Ill).Select(t => t.Node.Name)],
                    g.Max(t => t.Node.LastSeen)
                ))
                .OrderByDescending(b => b.IllFor.Length)
                .ThenByDescending(b => b.PerSecond)
                .ThenBy(b => b.Name, StringComparer.Ordinal),
        ];
}
