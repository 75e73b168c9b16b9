namespace Gatehouse.Gateway.Balancing;

/// <summary>
/// Whether a target is worth trying first. Never a verdict: a target that looks ill is tried last, not removed. One failed
/// call changes nothing; from the second in a row on it waits twice as long each time, up to half a minute.
/// </summary>
internal sealed class TargetHealth(TimeProvider time)
{
    private const int FailuresBeforeDoubt = 2;
    private static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(30);

    private int _failures;
    private long _doubtedUntil;
    private bool _probeFailed;

    public bool IsPreferred =>
        !Volatile.Read(ref _probeFailed)
        && (
            Volatile.Read(ref _failures) < FailuresBeforeDoubt
            || time.GetTimestamp() >= Volatile.Read(ref _doubtedUntil)
        );

    public void Succeeded()
    {
        // Read first: a write by every request would bounce the cache line between cores.
        if (Volatile.Read(ref _failures) != 0)
        {
            Volatile.Write(ref _failures, 0);
        }
    }

    public void Failed()
    {
        var failures = Interlocked.Increment(ref _failures);
        if (failures < FailuresBeforeDoubt)
        {
            return;
        }

        var doublings = Math.Min(failures - FailuresBeforeDoubt, 10);
        var wait = TimeSpan.FromTicks(Math.Min(s_firstWait.Ticks << doublings, s_longestWait.Ticks));
        Volatile.Write(ref _doubtedUntil, time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency));
    }

    /// <summary>Takes the answer of an active probe. A good one also ends the doubt that failed calls have raised.</summary>
    public void Probed(bool ready)
    {
        Volatile.Write(ref _probeFailed, !ready);
        if (ready)
        {
            Succeeded();
        }
    }
}
