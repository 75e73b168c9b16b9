namespace Gatehouse.Gateway.Accounting;

/// <summary>What became of requests whose first target failed.</summary>
internal sealed class ForwardingCounters
{
    private long _retried;
    private long _notReplayable;

    /// <summary>Requests sent to another target.</summary>
    public long RetriedTotal => Volatile.Read(ref _retried);

    /// <summary>Requests answered 502 because repeating them could do harm.</summary>
    public long NotReplayableTotal => Volatile.Read(ref _notReplayable);

    public void Retried() => Interlocked.Increment(ref _retried);

    public void NotReplayable() => Interlocked.Increment(ref _notReplayable);
}
