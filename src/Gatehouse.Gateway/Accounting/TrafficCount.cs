using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Gatehouse.Gateway.Balancing;

namespace Gatehouse.Gateway;

/// <summary>What an engine served since it began, and what it serves now.</summary>
/// <param name="Requests">All of them.</param>
/// <param name="Failed">Those answered with 5xx.</param>
/// <param name="InFlight">Those under way.</param>
/// <param name="Targets">Where they went: who looks ill first, then the busiest.</param>
/// <param name="MoreTargets">How many more there are.</param>
public sealed record TrafficCount(
    long Requests,
    long Failed,
    long InFlight,
    ImmutableArray<TargetCount> Targets,
    int MoreTargets
)
{
    private const int MostTargets = 32;

    internal static (ImmutableArray<TargetCount> Shown, int More) Of(IEnumerable<(string Name, Target Target)> all)
    {
        var sums = new Dictionary<string, (long Requests, long InFlight, bool Ill)>(StringComparer.Ordinal);
        foreach (var (name, target) in all)
        {
            ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(sums, name, out _);
            sum = (
                sum.Requests + target.Given,
                sum.InFlight + target.InFlight,
                sum.Ill || !target.Health.IsPreferred || target.Health.IsCut
            );
        }

        return (
            [
                .. sums.OrderByDescending(s => s.Value.Ill)
                    .ThenByDescending(s => s.Value.Requests)
                    .ThenBy(s => s.Key, StringComparer.Ordinal)
                    .Take(MostTargets)
                    .Select(s => new TargetCount(s.Key, s.Value.Requests, s.Value.InFlight, s.Value.Ill)),
            ],
            Math.Max(0, sums.Count - MostTargets)
        );
    }
}

/// <summary>What one target of an engine was given.</summary>
/// <param name="Name">Scheme, host and port of a backend; the name of a node behind a balancer.</param>
/// <param name="Requests">Since the API or the node was last changed.</param>
/// <param name="InFlight">Under way now.</param>
/// <param name="Ill">True while others are preferred to it: calls or checks of it failed.</param>
public sealed record TargetCount(string Name, long Requests, long InFlight, bool Ill);
