using System.Collections.Immutable;

namespace Gatehouse.Gateway.Throttling;

/// <summary>
/// A limit divided by the registered workers. What does not divide goes to some of them, to others for the next key, so that
/// the parts of all workers add up to the limit exactly.
/// </summary>
/// <remarks>
/// Workers learn of a new list at different moments, and what was granted under the old one still counts. So a part that
/// shrinks shrinks at once, and one that grows waits until every worker on the feed has the list
/// (<see cref="Settling"/>) and then grows evenly, by a whole limit a period: as fast as the uses of others, had they come
/// evenly, leave the window. At every moment the parts in force add up to at most the limit. A window that spans a change sees
/// at most the limit and the part that grew, and that only when all of the old parts were used up just before. A worker cut
/// off from the feed keeps its old part: limit/n − limit/(n+1) too much for each such worker.
/// </remarks>
internal sealed class EvenShares : ILimiter
{
    /// <summary>How long a change of the list may be under way to workers on the feed, in seconds.</summary>
    public const int Settling = 1;

    // Lists beyond this many changes of workers within one period: the strictest known of the dropped ones stays.
    private const int MostRemembered = 8;

    /// <summary>A cluster of one.</summary>
    public static readonly EvenShares Alone = new([], null, []);

    private readonly ImmutableArray<string> _workers;
    private readonly string? _own;
    private readonly ImmutableArray<Former> _former;
    private readonly int _rank;

    private EvenShares(ImmutableArray<string> workers, string? own, ImmutableArray<Former> former)
    {
        _workers = workers;
        _own = own;
        _former = former;
        _rank = own is null ? -1 : workers.BinarySearch(own, StringComparer.Ordinal);
    }

    /// <summary>How many share each limit.</summary>
    public int Workers => Math.Max(1, _workers.Length);

    /// <summary>The first list that a node has.</summary>
    /// <param name="workers">The registered workers.</param>
    /// <param name="own">This node.</param>
    /// <param name="since">When it counts as a newcomer: the change that registered it and the time; else null.</param>
    public static EvenShares Of(IEnumerable<string> workers, string own, (long Epoch, long Now)? since = null) =>
        new(Sorted(workers), own, since is var (epoch, now) ? [new(0, -1, epoch, now)] : []);

    /// <summary>The shares under another list.</summary>
    /// <param name="workers">The registered workers.</param>
    /// <param name="epoch">The change that made the list.</param>
    /// <param name="now">When this node learnt it.</param>
    public EvenShares After(IEnumerable<string> workers, long epoch, long now)
    {
        var sorted = Sorted(workers);
        return sorted.SequenceEqual(_workers)
            ? this
            : new(sorted, _own, [.. _former.TakeLast(MostRemembered - 1), new(Workers, _rank, epoch, now)]);
    }

    public long Allowance(LimitCounter counter, Limit limit, long now)
    {
        if (_workers.IsEmpty)
        {
            return limit.Amount;
        }

        var part = Part(limit.Amount, _workers.Length, _rank, counter.Key.Turn);
        foreach (var former in _former)
        {
            // A limit that came later than the list was only ever granted from under it.
            if (limit.Epoch > former.EndedBy)
            {
                continue;
            }

            var grown = now - former.EndedAt - (Settling * limit.Frequency);
            if (grown < limit.Period)
            {
                var before = Part(limit.Amount, former.Workers, former.Rank, counter.Key.Turn);
                var more = grown <= 0 ? 0 : (long)((double)grown / limit.Period * limit.Amount);
                part = Math.Min(part, before + more);
            }
        }

        return part;
    }

    /// <summary>What a worker gets of a limit.</summary>
    /// <param name="amount">The limit.</param>
    /// <param name="workers">How many there are.</param>
    /// <param name="rank">Which one it is, from 0; negative when it is none of them.</param>
    /// <param name="turn">Where the remainder begins to be handed out.</param>
    public static long Part(long amount, int workers, int rank, uint turn)
    {
        if (rank < 0)
        {
            return 0;
        }

        var (each, rest) = Math.DivRem(amount, workers);
        return rest == 0 || (uint)(rank + (turn % (uint)workers)) % (uint)workers >= rest ? each : each + 1;
    }

    private static ImmutableArray<string> Sorted(IEnumerable<string> workers) =>
        [.. workers.Order(StringComparer.Ordinal)];

    /// <summary>A list that was in force.</summary>
    private readonly record struct Former(int Workers, int Rank, long EndedBy, long EndedAt);
}
