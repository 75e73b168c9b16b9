namespace Gatehouse.Gateway.Throttling;

/// <summary>
/// So many at once, then evenly spaced: the generic cell rate algorithm (ITU-T I.371, "virtual scheduling") on one long, the
/// time at which the next one would be due had all come evenly. For limits by the second: any stretch of n seconds sees at most
/// n + 1 seconds' worth.
/// </summary>
internal struct CellRate
{
    private long _due;

    /// <summary>Takes one when <paramref name="allowed"/> a <paramref name="period"/> permits it now.</summary>
    /// <param name="left">How many more would be let in now.</param>
    public bool TryUse(long allowed, long period, long now, out long left)
    {
        left = 0;
        if (allowed <= 0)
        {
            return false;
        }

        var spacing = Spacing(allowed, period);
        var seen = Volatile.Read(ref _due);
        while (true)
        {
            var due = Math.Max(seen, now);
            var ahead = due - now + spacing;
            if (ahead > allowed * spacing)
            {
                return false;
            }

            var was = Interlocked.CompareExchange(ref _due, due + spacing, seen);
            if (was == seen)
            {
                left = ((allowed * spacing) - ahead) / spacing;
                return true;
            }

            seen = was;
        }
    }

    /// <summary>Gives one back.</summary>
    public void Undo(long allowed, long period)
    {
        if (allowed > 0)
        {
            Interlocked.Add(ref _due, -Spacing(allowed, period));
        }
    }

    /// <summary>How long until one is let in.</summary>
    public readonly long UntilAllowed(long allowed, long period, long now)
    {
        if (allowed <= 0)
        {
            return period;
        }

        return Math.Max(0, _due - now - ((allowed - 1) * Spacing(allowed, period)));
    }

    /// <summary>How many of <paramref name="allowed"/> count as used now.</summary>
    public readonly long Used(long allowed, long period, long now) =>
        allowed <= 0 ? 0 : Math.Max(0, (_due - now + Spacing(allowed, period) - 1) / Spacing(allowed, period));

    // Rounded up, so that rounding never adds one.
    private static long Spacing(long allowed, long period) => Math.Max(1, (period + allowed - 1) / allowed);
}
