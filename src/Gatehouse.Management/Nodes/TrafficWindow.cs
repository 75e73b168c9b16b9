using System.Collections.Immutable;
using Gatehouse.Deployment.Wire;

namespace Gatehouse.Management;

/// <summary>What a node counted over the last ten seconds: the rates between. Immutable.</summary>
internal sealed class TrafficWindow
{
    private static readonly TimeSpan s_length = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(1);

    // Twice what a node tells of, and longer than any host name: what is kept of a report is not for its sender to say.
    private const int MostTargets = 64;
    private const int LongestName = 300;

    private readonly ImmutableArray<(DateTimeOffset At, NodeTraffic Count)> _counts;

    private TrafficWindow(ImmutableArray<(DateTimeOffset At, NodeTraffic Count)> counts) => _counts = counts;

    /// <summary>The window with another report in it. Null when the node does not count; begins anew when the node did, or a clock was set.</summary>
    public static TrafficWindow? Next(TrafficWindow? known, NodeReport? report, DateTimeOffset at)
    {
        if (report?.Traffic is not { } count)
        {
            return null;
        }

        count = Bounded(count);
        if (known is null || known._counts[^1].At >= at || known._counts[^1].Count.Requests > count.Requests)
        {
            return new([(at, count)]);
        }

        // Reports come as often as four times a second while a deployment is under way; one a second is enough.
        var kept = known._counts.RemoveAll(c => at - c.At > s_length);
        if (kept.Length > 1 && kept[^1].At - kept[^2].At < s_step)
        {
            kept = kept.RemoveAt(kept.Length - 1);
        }

        return new(kept.Add((at, count)));
    }

    private static NodeTraffic Bounded(NodeTraffic count)
    {
        if (count.Targets.Count <= MostTargets && count.Targets.All(t => t.Name.Length <= LongestName))
        {
            return count;
        }

        var bounded = new NodeTraffic
        {
            Requests = count.Requests,
            Failed = count.Failed,
            InFlight = count.InFlight,
        };
        bounded.Targets.AddRange(count.Targets.Where(t => t.Name.Length <= LongestName).Take(MostTargets));
        bounded.MoreTargets = count.MoreTargets + count.Targets.Count - bounded.Targets.Count;
        return bounded;
    }

    /// <summary>The rates. Null until there are two counts to compare.</summary>
    public NodeTrafficView? View()
    {
        var ((began, first), (ended, last)) = (_counts[0], _counts[^1]);
        var seconds = (ended - began).TotalSeconds;
        if (seconds < 0.5)
        {
            return null;
        }

        var before = first.Targets.GroupBy(t => t.Name).ToDictionary(t => t.Key, t => t.First().Requests);
        return new(
            Rate(last.Requests - first.Requests),
            Rate(last.Failed - first.Failed),
            last.InFlight,
            [
                .. last.Targets.Select(t => new TargetTrafficView(
                    t.Name,
                    // A target that was not told of yet had been given nothing, or less than others: both are small.
                    Rate(before.TryGetValue(t.Name, out var given) ? t.Requests - given : 0),
                    t.InFlight,
                    t.Ill
                )),
            ],
            last.MoreTargets
        );

        double Rate(long count) => Math.Round(Math.Max(0, count) / seconds, 1);
    }
}
