namespace Gatehouse.Gateway.Policies;

/// <summary>What policies do that no caller sees.</summary>
internal sealed class PolicyCounters
{
    private long _mirrorsDropped;
    private long _mirrorsFailed;

    /// <summary>Copies that were not sent because too many were under way.</summary>
    public long MirrorsDropped => Volatile.Read(ref _mirrorsDropped);

    /// <summary>Copies that got no answer.</summary>
    public long MirrorsFailed => Volatile.Read(ref _mirrorsFailed);

    public void MirrorDropped() => Interlocked.Increment(ref _mirrorsDropped);

    public void MirrorFailed() => Interlocked.Increment(ref _mirrorsFailed);
}
