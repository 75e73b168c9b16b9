using Gatehouse.Deployment.Wire;
using Gatehouse.Gateway;

namespace Gatehouse.Nodes;

/// <summary>What an engine served, as a node reports it. With many APIs it is counted less often than reported.</summary>
internal sealed class TrafficReport(GatewayEngine engine, TimeProvider time)
{
    // Counting may take a hundredth of one core.
    private const int Idleness = 100;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(10);

    private NodeTraffic? _last;
    private long _countedAt;
    private TimeSpan _pause;

    /// <summary>The newest count; the same object while it is not counted again. One caller at a time.</summary>
    public NodeTraffic Read()
    {
        if (_last is { } last && time.GetElapsedTime(_countedAt) < _pause)
        {
            return last;
        }

        var began = time.GetTimestamp();
        var count = engine.Count();
        var traffic = new NodeTraffic
        {
            Requests = count.Requests,
            Failed = count.Failed,
            InFlight = count.InFlight,
            MoreTargets = count.MoreTargets,
        };
        traffic.Targets.AddRange(
            count.Targets.Select(t => new TargetTraffic
            {
                Name = t.Name,
                Requests = t.Requests,
                InFlight = t.InFlight,
                Ill = t.Ill,
            })
        );
        _countedAt = time.GetTimestamp();
        var pause = time.GetElapsedTime(began, _countedAt) * Idleness;
        _pause = pause < s_longest ? pause : s_longest;
        return _last = traffic;
    }
}
