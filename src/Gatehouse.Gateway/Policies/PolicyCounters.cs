namespace Gatehouse.Gateway.Policies;

/// <summary>What policies do that no caller sees.</summary>
internal sealed class PolicyCounters
{
    private long _mirrorsDropped;
    private long _mirrorsFailed;
    private long _badRequests;
    private long _badAnswers;

    /// <summary>Copies that were not sent because too many were under way.</summary>
    public long MirrorsDropped => Volatile.Read(ref _mirrorsDropped);

    /// <summary>Copies that got no answer.</summary>
    public long MirrorsFailed => Volatile.Read(ref _mirrorsFailed);

    /// <summary>Requests that did not fit the API's document.</summary>
    public long BadRequests => Volatile.Read(ref _badRequests);

    /// <summary>Answers that did not fit the API's document.</summary>
    public long BadAnswers => Volatile.Read(ref _badAnswers);

    public void BadRequest() => Interlocked.Increment(ref _badRequests);

    public void BadAnswer() => Interlocked.Increment(ref _badAnswers);

    public void MirrorDropped() => Interlocked.Increment(ref _mirrorsDropped);

    public void MirrorFailed() => Interlocked.Increment(ref _mirrorsFailed);
}
