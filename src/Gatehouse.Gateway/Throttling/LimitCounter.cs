namespace Gatehouse.Gateway.Throttling;

/// <summary>What one key has used of one limit on this node.</summary>
internal sealed class LimitCounter(LimitKey key, Limit limit, long now)
{
    private readonly SlidingWindow? _window = limit.IsRate ? null : new(limit.Period, now);
    private CellRate _rate;
    private long _refused;

    public LimitKey Key { get; } = key;

    /// <summary>The limit it was opened with; a later change of the amount keeps the counter.</summary>
    public Limit Limit { get; } = limit;

    /// <summary>Another key has its place: who holds it opens a new one.</summary>
    public bool IsRetired { get; private set; }

    /// <summary>Kept for an <see cref="ILimiter"/> that leases.</summary>
    public object? Lease { get; set; }

    /// <summary>Uses that were refused so far.</summary>
    public long Refused => Volatile.Read(ref _refused);

    public void Retire() => IsRetired = true;

    /// <summary>Uses one request, or asks whether there are bytes left.</summary>
    /// <param name="left">What this node may grant after it.</param>
    public bool TryUse(Limit by, long allowed, long now, out long left)
    {
        bool granted;
        if (_window is null)
        {
            granted = _rate.TryUse(allowed, by.Period, now, out left);
        }
        else if (by.IsBandwidth)
        {
            left = Math.Max(0, allowed - _window.Used(now));
            granted = left > 0;
        }
        else
        {
            granted = _window.TryUse(1, allowed, now, out var used);
            left = Math.Max(0, allowed - used - (granted ? 1 : 0));
        }

        if (!granted)
        {
            Interlocked.Increment(ref _refused);
        }

        return granted;
    }

    /// <summary>Uses one request whatever is left.</summary>
    public void Overrun(Limit by, long now)
    {
        if (!by.IsBandwidth)
        {
            _window?.Use(1, now);
        }
    }

    /// <summary>Charges what a request and its answer came to.</summary>
    public void Charge(Limit by, long bytes, long now) => _window?.Use(by.Cost(bytes), now);

    /// <summary>Gives back what <see cref="TryUse"/> took a moment ago.</summary>
    public void Undo(Limit by, long allowed, long now)
    {
        if (_window is null)
        {
            _rate.Undo(allowed, by.Period);
        }
        else if (!by.IsBandwidth)
        {
            _window.Undo(1, now);
        }
    }

    /// <summary>Ticks until one more is granted.</summary>
    public long UntilAllowed(Limit by, long allowed, long now) =>
        _window is null ? _rate.UntilAllowed(allowed, by.Period, now) : _window.UntilAllowed(1, allowed, now);

    /// <summary>What counts as used now.</summary>
    public long Used(Limit by, long allowed, long now) =>
        _window is null ? _rate.Used(allowed, by.Period, now) : _window.Used(now);
}
