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
    /// <summary>Time between two rounds.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait for an answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Probes until stopped.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            await ProbeOnceAsync(stopping).ConfigureAwait(false);
        } while (await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false));
    }

    /// <summary>Asks every node once, all at the same time, and notes the answers.</summary>
    public Task ProbeOnceAsync(CancellationToken stopping) =>
        Task.WhenAll(
            table
                .Current.Targets.GroupBy(t => t.Node!.Name)
                .Select(async targets =>
                {
                    var ready =
                        await AskAsync(targets.First().Node!, stopping).ConfigureAwait(false) == ProbeResult.Ready;
                    foreach (var target in targets)
                    {
                        target.Health.Probed(ready);
                    }
                })
        );

    private async Task<ProbeResult> AskAsync(Node node, CancellationToken stopping)
    {
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stopping);
        try
        {
            return await probe(node, either.Token).WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            // Whatever kept the answer away, the node did not give one.
            return ProbeResult.Unreachable;
        }
    }
}
