namespace Gatehouse.Gateway.Throttling;

/// <summary>
/// What was used within the last period. Never too little: in no stretch of a period's length is more granted than allowed.
/// At most by 1/128 of a period too long: time is counted in parts, and a part is forgotten as a whole. Lock-free, no
/// allocation.
/// </summary>
/// <remarks>
/// A ring of parts, each one long: the part's number (24 bits, so that a late thread sees that its part has been reused) and
/// what was used in it (40 bits). Their sum is kept beside them. Who comes first into a new part takes what falls out of the
/// ring off the sum, by the same compare-and-swap that renames the part, so each use is taken off exactly once. A use is
/// added to the sum before it is added to its part: the sum may be ahead of the parts, never behind.
/// </remarks>
internal sealed class SlidingWindow
{
    /// <summary>Parts of a period; the ring has one more, the part that is being filled.</summary>
    public const int Parts = 128;

    private const int Ring = Parts + 1;
    private const int CountBits = 40;
    private const long CountMask = (1L << CountBits) - 1;
    private const int NumberMask = 0xFFFFFF;

    /// <summary>More than this is not added at once, so that a part cannot overflow: 64 Gi.</summary>
    private const long LargestUse = 1L << 36;

    // A thread that is later than this many parts has slept for eight periods.
    private const int LatestThread = 8 * Parts;

    private readonly long[] _parts = new long[Ring];
    private readonly long _width;
    private long _head;
    private long _sum;

    public SlidingWindow(long period, long now)
    {
        _width = Math.Max(1, (period + Parts - 1) / Parts);
        _head = now / _width;
        for (var number = Math.Max(0, _head - Parts); number <= _head; number++)
        {
            _parts[number % Ring] = (number & NumberMask) << CountBits;
        }
    }

    /// <summary>What counts as used now.</summary>
    public long Used(long now)
    {
        Turn(now);
        return Volatile.Read(ref _sum);
    }

    /// <summary>Uses <paramref name="amount"/> when that stays within <paramref name="allowed"/>.</summary>
    /// <param name="used">What was used before.</param>
    public bool TryUse(long amount, long allowed, long now, out long used)
    {
        var head = Turn(now);
        used = Volatile.Read(ref _sum);
        while (used + amount <= allowed)
        {
            var seen = Interlocked.CompareExchange(ref _sum, used + amount, used);
            if (seen == used)
            {
                Interlocked.Add(ref _parts[head % Ring], amount);
                return true;
            }

            used = seen;
        }

        return false;
    }

    /// <summary>Uses without asking: what is charged when its size is known.</summary>
    public void Use(long amount, long now)
    {
        amount = Math.Min(amount, LargestUse);
        var head = Turn(now);
        Interlocked.Add(ref _sum, amount);
        Interlocked.Add(ref _parts[head % Ring], amount);
    }

    /// <summary>Takes a use of a moment ago back. When its part has been forgotten meanwhile there is nothing to take back.</summary>
    public void Undo(long amount, long now)
    {
        ref var part = ref _parts[Turn(now) % Ring];
        var seen = Volatile.Read(ref part);
        while ((seen & CountMask) >= amount)
        {
            var was = Interlocked.CompareExchange(ref part, seen - amount, seen);
            if (was == seen)
            {
                Interlocked.Add(ref _sum, -amount);
                return;
            }

            seen = was;
        }
    }

    /// <summary>How long until <paramref name="amount"/> more is allowed, when nothing else is used until then; a period when it never is.</summary>
    public long UntilAllowed(long amount, long allowed, long now)
    {
        var head = Turn(now);
        var left = Volatile.Read(ref _sum);
        for (var number = head - Parts; number <= head; number++)
        {
            if (left + amount <= allowed)
            {
                // The part before this one was the last that had to go.
                return Math.Max(0, ((number + Parts) * _width) - now);
            }

            if (number >= 0)
            {
                left -= Volatile.Read(ref _parts[number % Ring]) & CountMask;
            }
        }

        return left + amount <= allowed ? Math.Max(0, ((head + Ring) * _width) - now) : Ring * _width;
    }

    /// <summary>Moves the ring on to the part of <paramref name="now"/> and returns the newest part.</summary>
    private long Turn(long now)
    {
        var number = now / _width;
        var head = Volatile.Read(ref _head);
        if (number <= head)
        {
            // Now, or a thread that read its clock before another did: it counts as of now, which only makes it last longer.
            return head;
        }

        for (var next = Math.Max(head + 1, number - Parts); next <= number; next++)
        {
            Renew(next);
        }

        while (head < number)
        {
            var seen = Interlocked.CompareExchange(ref _head, number, head);
            head = seen == head ? number : seen;
        }

        return head;
    }

    private void Renew(long number)
    {
        ref var part = ref _parts[number % Ring];
        var seen = Volatile.Read(ref part);
        while (IsOlder((int)(seen >>> CountBits), (int)(number & NumberMask)))
        {
            var was = Interlocked.CompareExchange(ref part, (number & NumberMask) << CountBits, seen);
            if (was == seen)
            {
                Interlocked.Add(ref _sum, -(seen & CountMask));
                return;
            }

            seen = was;
        }
    }

    // Numbers wrap around. Those a little ahead were written by threads that are further on; all others are of the past.
    private static bool IsOlder(int part, int number) => ((part - number) & NumberMask) > LatestThread;
}
