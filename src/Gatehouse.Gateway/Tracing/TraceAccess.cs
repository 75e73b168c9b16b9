using System.Collections.Concurrent;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Tracing;

/// <summary>
/// Who may look behind the gateway: callers that show a grant which a manager signed. A signature is checked once and
/// remembered; how many unknown ones are checked in a second is bounded, so that made-up grants buy nobody our time.
/// </summary>
internal sealed class TraceAccess(Func<string, DateTimeOffset?> verify, TimeProvider time)
{
    /// <summary>Longer than any grant; what is longer is not looked at.</summary>
    private const int Longest = 512;
    private const int MostRemembered = 256;
    private const int MostChecksASecond = 50;

    private readonly ConcurrentDictionary<string, DateTimeOffset> _known = new(StringComparer.Ordinal);
    private long _second;
    private int _checks;

    /// <summary>True when what a request shows is a grant that is good at <paramref name="now"/>. Does not throw.</summary>
    public bool Allows(StringValues shown, DateTimeOffset now)
    {
        if (shown.Count != 1 || shown[0] is not { Length: > 0 and <= Longest } grant)
        {
            return false;
        }

        if (_known.TryGetValue(grant, out var ends))
        {
            return now < ends;
        }

        if (!MayCheck() || verify(grant) is not { } end || end <= now)
        {
            return false;
        }

        if (_known.Count >= MostRemembered)
        {
            _known.Clear();
        }

        _known[grant] = end;
        return true;
    }

    // Two requests that begin a second together may both count from zero: the bound is for work, not for fairness.
    private bool MayCheck()
    {
        var second = time.GetTimestamp() / time.TimestampFrequency;
        if (Interlocked.Exchange(ref _second, second) != second)
        {
            Volatile.Write(ref _checks, 0);
        }

        return Interlocked.Increment(ref _checks) <= MostChecksASecond;
    }
}
