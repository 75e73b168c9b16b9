namespace Gatehouse.Gateway.Floods;

/// <summary>
/// What an HTTP/2 connection may spend on frames that bring no request nearer to its answer. It is given back by time and by
/// work done: answers that end, bytes that move. So a client that cancels much, measures the round trip with pings or opens
/// its window often lives; one that does nothing else is cut. Safe for several threads.
/// </summary>
internal sealed class FloodBudget(TimeProvider time)
{
    /// <summary>Frames that a connection may waste at once; a flood is over well within 1 000.</summary>
    public const int Burst = 400;

    /// <summary>Frames that it may waste each second for ever.</summary>
    public const int PerSecond = 50;

    /// <summary>Bytes of bodies that earn one frame: clients open their windows after 4 KiB at the soonest, twice each time.</summary>
    private const int BytesPerFrame = 2 * 1024;

    private readonly Lock _lock = new();
    private double _left = Burst;
    private long _filledAt = time.GetTimestamp();
    private long _bytes;

    /// <summary>True once more was spent than there was.</summary>
    public bool IsSpent { get; private set; }

    /// <summary>Takes the price of one frame.</summary>
    public void Spend(int frames)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            _left = Math.Min(Burst, _left + (time.GetElapsedTime(_filledAt, now).TotalSeconds * PerSecond)) - frames;
            _filledAt = now;
            IsSpent |= _left < 0;
        }
    }

    /// <summary>A request was answered to its end.</summary>
    public void EarnAnswer() => Earn(1);

    /// <summary>Part of a body moved, in either direction.</summary>
    public void EarnBytes(int count)
    {
        var before = Interlocked.Add(ref _bytes, count) - count;
        var earned = ((before + count) / BytesPerFrame) - (before / BytesPerFrame);
        if (earned > 0)
        {
            Earn(earned);
        }
    }

    private void Earn(long frames)
    {
        lock (_lock)
        {
            _left = Math.Min(Burst, _left + frames);
        }
    }
}
