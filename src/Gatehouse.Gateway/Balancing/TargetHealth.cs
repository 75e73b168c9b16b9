using Gatehouse.Model;

namespace Gatehouse.Gateway.Balancing;

/// <summary>
/// Whether a target is worth trying first. Never a verdict: a target that looks ill is tried last, not removed. One failed
/// call changes nothing; from the second in a row on it waits twice as long each time, up to half a minute. Only where the
/// API has a circuit breaker is a target left alone, and even then one request tries it from time to time.
/// </summary>
internal sealed class TargetHealth(TimeProvider time, CircuitBreaker? breaker = null)
{
    private const int FailuresBeforeDoubt = 2;
    private static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(30);

    private int _failures;
    private long _doubtedUntil;
    private long _cutUntil;
    private bool _probeFailed;

    public bool IsPreferred =>
        !Volatile.Read(ref _probeFailed)
        && (
            Volatile.Read(ref _failures) < FailuresBeforeDoubt
            || time.GetTimestamp() >= Volatile.Read(ref _doubtedUntil)
        );

    /// <summary>True while the breaker keeps requests away.</summary>
    public bool IsCut =>
        breaker is not null
        && Volatile.Read(ref _failures) >= breaker.Failures
        && time.GetTimestamp() < Volatile.Read(ref _cutUntil);

    /// <summary>Asks for a request that was chosen to go there. Of many at the end of a cut one may, to try it.</summary>
    public bool Admits()
    {
        if (breaker is null || Volatile.Read(ref _failures) < breaker.Failures)
        {
            return true;
        }

        var until = Volatile.Read(ref _cutUntil);
        var now = time.GetTimestamp();
        return now >= until && Interlocked.CompareExchange(ref _cutUntil, now + Ticks(breaker.OpenFor), until) == until;
    }

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
        Volatile.Write(ref _doubtedUntil, time.GetTimestamp() + Ticks(wait));
        if (breaker is not null && failures >= breaker.Failures)
        {
            Volatile.Write(ref _cutUntil, time.GetTimestamp() + Ticks(breaker.OpenFor));
        }
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

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);
}
