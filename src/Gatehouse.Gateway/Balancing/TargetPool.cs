using System.Collections.Immutable;

namespace Gatehouse.Gateway.Balancing;

/// <summary>The targets that can serve a request, and the way to choose among them.</summary>
internal sealed class TargetPool(ImmutableArray<Target> targets, BalancingAlgorithm algorithm)
{
    private uint _turn;

    public ImmutableArray<Target> Targets { get; } = targets;

    /// <summary>
    /// Chooses a target that is not in <paramref name="tried"/>: one that looks well, else, when all look ill, one of those.
    /// Null when every target was tried.
    /// </summary>
    public Target? Choose(ReadOnlySpan<Target> tried)
    {
        if (Targets.Length < 2)
        {
            return tried.IsEmpty && Targets.Length == 1 ? Targets[0] : null;
        }

        var turn = (int)(Interlocked.Increment(ref _turn) % (uint)Targets.Length);
        return Choose(turn, tried, preferredOnly: true) ?? Choose(turn, tried, preferredOnly: false);
    }

    private Target? Choose(int turn, ReadOnlySpan<Target> tried, bool preferredOnly)
    {
        switch (algorithm)
        {
            case BalancingAlgorithm.LeastRequests:
                return LeastLoaded(turn, tried, preferredOnly);
            case BalancingAlgorithm.PowerOfTwo:
                // Two picked blindly, the less loaded of them: nearly as even as looking at all, without the herd that
                // runs to the one that was idle a moment ago.
                var one = NextFrom(Random.Shared.Next(Targets.Length), tried, preferredOnly);
                var other = NextFrom(Random.Shared.Next(Targets.Length), tried, preferredOnly);
                return one is null || other is null || one.InFlight <= other.InFlight ? one : other;
            default:
                return NextFrom(turn, tried, preferredOnly);
        }
    }

    private Target? LeastLoaded(int start, ReadOnlySpan<Target> tried, bool preferredOnly)
    {
        // From a moving start, so that equals take turns.
        Target? best = null;
        for (var i = 0; i < Targets.Length; i++)
        {
            var target = Targets[(start + i) % Targets.Length];
            if (
                (best is null || target.InFlight < best.InFlight)
                && !tried.Contains(target)
                && (!preferredOnly || target.Health.IsPreferred)
            )
            {
                best = target;
            }
        }

        return best;
    }

    private Target? NextFrom(int start, ReadOnlySpan<Target> tried, bool preferredOnly)
    {
        for (var i = 0; i < Targets.Length; i++)
        {
            var target = Targets[(start + i) % Targets.Length];
            if (!tried.Contains(target) && (!preferredOnly || target.Health.IsPreferred))
            {
                return target;
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
}
