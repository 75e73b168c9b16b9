namespace Gatehouse.Gateway.Throttling;

/// <summary>What a request was charged, so that it can be given back, settled when its size is known, and told to the caller.</summary>
internal sealed class Charges
{
    private Charge[] _charges = [];
    private int _count;
    private bool _hasBandwidth;

    /// <summary>The limit that tells the caller most: the one that refused, else the quota of which the least is left.</summary>
    public Limit? Told { get; private set; }

    /// <summary>What is left of it, by this node's reckoning, in the cluster.</summary>
    public long Left { get; private set; }

    /// <summary>Ticks until a refusing limit grants again; 0 when none refused.</summary>
    public long RetryAfter { get; private set; }

    public void Add(LimitCounter counter, Limit limit, long allowed, long left)
    {
        if (_count == _charges.Length)
        {
            Array.Resize(ref _charges, Math.Max(2, 2 * _count));
        }

        _charges[_count++] = new(counter, limit, allowed);
        _hasBandwidth |= limit.IsBandwidth;
        if (limit.IsRate)
        {
            return;
        }

        // Calls are spread evenly, so what is left elsewhere is in proportion.
        var inCluster = allowed >= limit.Amount ? left : (long)(left / (double)Math.Max(1, allowed) * limit.Amount);
        if (Told is null || inCluster / (double)limit.Amount < Left / (double)Told.Amount)
        {
            (Told, Left) = (limit, inCluster);
        }
    }

    public void Refuse(LimitCounter counter, Limit limit, long allowed, long now)
    {
        (Told, Left) = (limit, 0);
        RetryAfter = Math.Max(1, counter.UntilAllowed(limit, allowed, now));
    }

    /// <summary>Gives everything back: a request that is turned away costs nothing anywhere.</summary>
    public void Undo(long now)
    {
        for (var i = 0; i < _count; i++)
        {
            var (counter, limit, allowed) = _charges[i];
            counter.Undo(limit, allowed, now);
        }

        _count = 0;
        _hasBandwidth = false;
    }

    /// <summary>Charges request and answer to the limits that count bytes.</summary>
    public void Settle(long bytes, long now)
    {
        if (!_hasBandwidth)
        {
            return;
        }

        for (var i = 0; i < _count; i++)
        {
            var (counter, limit, _) = _charges[i];
            if (limit.IsBandwidth)
            {
                counter.Charge(limit, bytes, now);
            }
        }
    }

    public void Clear()
    {
        if (_count > 0)
        {
            _charges.AsSpan(0, _count).Clear();
        }

        _count = 0;
        _hasBandwidth = false;
        Told = null;
        Left = 0;
        RetryAfter = 0;
    }

    private readonly record struct Charge(LimitCounter Counter, Limit Limit, long Allowed);
}
