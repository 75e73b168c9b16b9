using System.Collections.Immutable;

namespace Gatehouse.Gateway.Balancing;

/// <summary>The targets that can serve a request, and the way to choose among them.</summary>
internal sealed class TargetPool
{
    private readonly BalancingAlgorithm _algorithm;
    private readonly ImmutableArray<TargetGroup> _groups;
    private uint _turn;

    public TargetPool(ImmutableArray<Target> targets, BalancingAlgorithm algorithm)
    {
        Targets = targets;
        _algorithm = algorithm;
        _groups = [.. targets.GroupBy(t => t.Group).OrderBy(g => g.Key).Select(g => new TargetGroup([.. g]))];
    }

    public ImmutableArray<Target> Targets { get; }

    /// <summary>What requests are spread by, where they are by a hash.</summary>
    public HashSource Hash { get; init; } = HashSource.Address;

    /// <summary>What second attempts are taken from.</summary>
    public RetryBudget Retries { get; init; } = RetryBudget.Unlimited;

    /// <summary>True when who asks decides which target it gets.</summary>
    public bool GoesByHash => _algorithm == BalancingAlgorithm.Hash;

    /// <summary>
    /// Chooses a target that is not in <paramref name="tried"/>: one that looks well, of the first group that has one; else,
    /// when all look ill, one of those. Null when every target was tried or takes nothing now.
    /// </summary>
    /// <param name="tried">Those that failed already.</param>
    /// <param name="hash">What the request is spread by; null to take turns.</param>
    public Target? Choose(ReadOnlySpan<Target> tried, ulong? hash = null)
    {
        while (true)
        {
            var chosen = Pick(tried, hash);
            if (chosen is null || chosen.Health.Admits())
            {
                return chosen;
            }
        }
    }

    private Target? Pick(ReadOnlySpan<Target> tried, ulong? hash)
    {
        if (Targets.Length == 1)
        {
            return tried.IsEmpty && Targets[0].IsOpen ? Targets[0] : null;
        }

        // One turn for both looks, so that turns are taken among the ill as well.
        var turn = Interlocked.Increment(ref _turn);
        foreach (var group in _groups)
        {
            if (group.Choose(_algorithm, turn, tried, hash, preferredOnly: true) is { } well)
            {
                return well;
            }
        }

        foreach (var group in _groups)
        {
            if (group.Choose(_algorithm, turn, tried, hash, preferredOnly: false) is { } ill)
            {
                return ill;
            }
        }

        return null;
    }
}

/// <summary>How a target is chosen.</summary>
internal enum BalancingAlgorithm
{
    RoundRobin,
    LeastRequests,
    PowerOfTwo,
    Hash,
}
