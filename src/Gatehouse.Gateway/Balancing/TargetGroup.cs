using System.Collections.Immutable;

namespace Gatehouse.Gateway.Balancing;

/// <summary>Targets that stand in for each other, each with its share.</summary>
internal sealed class TargetGroup
{
    private const int LongestRound = 1000;

    private readonly ImmutableArray<Target> _targets;

    // Every target as often as its weight says, spread evenly, so that taking turns is stepping through an array.
    private readonly ushort[] _round;

    public TargetGroup(ImmutableArray<Target> targets)
    {
        _targets = targets;
        _round = Round([.. targets.Select(t => t.Weight)]);
    }

    public Target? Choose(
        BalancingAlgorithm algorithm,
        uint turn,
        ReadOnlySpan<Target> tried,
        ulong? hash,
        bool preferredOnly
    )
    {
        switch (algorithm)
        {
            case BalancingAlgorithm.LeastRequests:
                return LeastLoaded(_round[turn % (uint)_round.Length], tried, preferredOnly);
            case BalancingAlgorithm.PowerOfTwo:
                // Two picked blindly, the less loaded of them: nearly as even as looking at all, without the herd that
                // runs to the one that was idle a moment ago.
                var one = NextFrom(Any(), tried, preferredOnly);
                var other = NextFrom(Any(), tried, preferredOnly);
                return one is null || other is null || !IsLessLoaded(other, one) ? one : other;
            case BalancingAlgorithm.Hash when hash is { } wanted:
                return HighestOf(wanted, tried, preferredOnly);
            default:
                return NextFrom(_round[turn % (uint)_round.Length], tried, preferredOnly);
        }
    }

    /// <summary>Smooth weighted round robin (NGINX's), written out for one whole round.</summary>
    private static ushort[] Round(int[] weights)
    {
        var total = weights.Sum();
        if (total > LongestRound)
        {
            weights = [.. weights.Select(w => w == 0 ? 0 : Math.Max(1, (int)((long)w * LongestRound / total)))];
            total = weights.Sum();
        }

        if (total == 0)
        {
            return [0];
        }

        var round = new ushort[total];
        var credit = new int[weights.Length];
        for (var i = 0; i < total; i++)
        {
            var best = 0;
            for (var t = 0; t < weights.Length; t++)
            {
                credit[t] += weights[t];
                best = credit[t] > credit[best] ? t : best;
            }

            credit[best] -= total;
            round[i] = (ushort)best;
        }

        return round;
    }

    private int Any() => _round[Random.Shared.Next(_round.Length)];

    private static bool IsLessLoaded(Target one, Target other) =>
        (long)one.InFlight * other.Weight < (long)other.InFlight * one.Weight;

    private static bool Fits(Target target, ReadOnlySpan<Target> tried, bool preferredOnly) =>
        target.IsOpen && !tried.Contains(target) && (!preferredOnly || target.Health.IsPreferred);

    private Target? LeastLoaded(int start, ReadOnlySpan<Target> tried, bool preferredOnly)
    {
        // From a moving start, so that equals take turns.
        Target? best = null;
        for (var i = 0; i < _targets.Length; i++)
        {
            var target = _targets[(start + i) % _targets.Length];
            if ((best is null || IsLessLoaded(target, best)) && Fits(target, tried, preferredOnly))
            {
                best = target;
            }
        }

        return best;
    }

    private Target? NextFrom(int start, ReadOnlySpan<Target> tried, bool preferredOnly)
    {
        for (var i = 0; i < _targets.Length; i++)
        {
            var target = _targets[(start + i) % _targets.Length];
            if (Fits(target, tried, preferredOnly))
            {
                return target;
            }
        }

        return null;
    }

    /// <summary>Weighted rendezvous hashing: when a target goes, only what was its own moves.</summary>
    private Target? HighestOf(ulong hash, ReadOnlySpan<Target> tried, bool preferredOnly)
    {
        Target? best = null;
        var highest = double.NegativeInfinity;
        foreach (var target in _targets)
        {
            if (!Fits(target, tried, preferredOnly))
            {
                continue;
            }

            var chance = ((StableHash.Mix(hash ^ target.Hash) >> 11) + 1) / (double)(1UL << 53);
            var score = -target.Weight / Math.Log(chance);
            if (score > highest || best is null)
            {
                (best, highest) = (target, score);
            }
        }

        return best;
    }
}
