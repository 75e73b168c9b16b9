namespace Gatehouse.Gateway.Throttling;

/// <summary>
/// Every counter of this node, in a bounded place. A key may stand in one of two sets of eight. When both are full the
/// counter that has run empty gives way, which loses nothing; else the weakest one whose use is at most 1 % of its limit,
/// which lets that key have that much again; else the newcomer shares one of the limit's common counters, which can only make
/// it wait. So no flood of keys lets anybody exceed a limit by more than 1 % each time its counter is pushed out.
/// </summary>
/// <remarks>A key that has a counter is found without a lock; only a new key takes one.</remarks>
internal sealed class CounterStore
{
    private const int Ways = 8;

    /// <summary>How many counters share the keys of one limit for which there is no room.</summary>
    public const int CommonCounters = 16;

    private readonly ulong[] _tags;
    private readonly LimitCounter?[] _counters;
    private readonly uint _mask;
    private readonly Lock _lock = new();
    private long _sharing;
    private long _evicted;

    /// <param name="capacity">The most counters kept; rounded up to a power of two times eight.</param>
    public CounterStore(int capacity)
    {
        var sets = System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(2, (capacity + Ways - 1) / Ways));
        _mask = sets - 1;
        _tags = new ulong[sets * Ways];
        _counters = new LimitCounter?[sets * Ways];
    }

    /// <summary>The most counters that are kept.</summary>
    public int Capacity => _counters.Length;

    /// <summary>Counters in use or not yet given way.</summary>
    public int Count { get; private set; }

    /// <summary>Counters that gave way while they still counted something.</summary>
    public long Evicted => Volatile.Read(ref _evicted);

    /// <summary>Times a key had to share a common counter.</summary>
    public long Shared => Volatile.Read(ref _sharing);

    /// <summary>All counters, for settling in the background.</summary>
    public IEnumerable<LimitCounter> All => _counters.OfType<LimitCounter>();

    /// <summary>The key's counter.</summary>
    public LimitCounter Open(LimitKey key, Limit limit, long now) =>
        Find(key, First(key)) ?? Find(key, Second(key)) ?? Add(key, limit, now);

    private int First(LimitKey key) => (int)((uint)key.Id & _mask) * Ways;

    private int Second(LimitKey key) => (int)((uint)(key.Id >> 96) & _mask) * Ways;

    private LimitCounter? Find(LimitKey key, int set)
    {
        var tag = (ulong)(key.Id >> 32);
        for (var i = set; i < set + Ways; i++)
        {
            if (
                Volatile.Read(ref _tags[i]) == tag
                && Volatile.Read(ref _counters[i]) is { } counter
                && counter.Key.Id == key.Id
            )
            {
                return counter;
            }
        }

        return null;
    }

    private LimitCounter Add(LimitKey key, Limit limit, long now)
    {
        lock (_lock)
        {
            // Another thread may have been first; two counters of one key would grant twice.
            if ((Find(key, First(key)) ?? Find(key, Second(key))) is { } there)
            {
                return there;
            }

            if (PlaceNeedsLock(key, now) is not (>= 0 and var place))
            {
                Interlocked.Increment(ref _sharing);
                return limit.Common((int)(key.Id >> 60) & (CommonCounters - 1), now);
            }

            var counter = new LimitCounter(key, limit, now);
            Volatile.Write(ref _counters[place], counter);
            Volatile.Write(ref _tags[place], (ulong)(key.Id >> 32));
            return counter;
        }
    }

    private int PlaceNeedsLock(LimitKey key, long now)
    {
        var (best, least) = (-1, double.MaxValue);
        foreach (var set in (ReadOnlySpan<int>)[First(key), Second(key)])
        {
            for (var i = set; i < set + Ways; i++)
            {
                if (_counters[i] is not { } counter)
                {
                    Count++;
                    return i;
                }

                var strength = counter.Used(counter.Limit, counter.Limit.Amount, now) / (double)counter.Limit.Amount;
                if (strength < least)
                {
                    (best, least) = (i, strength);
                }
            }
        }

        if (least > 0.01)
        {
            return -1;
        }

        if (least > 0)
        {
            Interlocked.Increment(ref _evicted);
        }

        _counters[best]!.Retire();
        return best;
    }
}
