using System.Numerics;

namespace Gatehouse.Gateway.Accounting;

/// <summary>Counts the requests of one API or node by class of status, and their durations by powers of two.</summary>
internal sealed class RequestMeter
{
    /// <summary>Bucket i counts durations below 2^(i+7) microseconds: 128 µs, 256 µs … 67 s; the last takes the rest.</summary>
    public const int Buckets = 21;

    private const int FirstPower = 7;

    // 0 holds requests that ended without an answer, 1 to 5 the classes.
    private readonly long[] _statuses = new long[6];
    private readonly long[] _durations = new long[Buckets];
    private long _microseconds;

    public void Record(int status, TimeSpan duration)
    {
        Interlocked.Increment(ref _statuses[(uint)(status / 100) < 6 ? status / 100 : 0]);
        var microseconds = Math.Max(0, duration.Ticks / TimeSpan.TicksPerMicrosecond);
        var power = 64 - BitOperations.LeadingZeroCount((ulong)microseconds);
        Interlocked.Increment(ref _durations[Math.Clamp(power - FirstPower, 0, Buckets - 1)]);
        Interlocked.Add(ref _microseconds, microseconds);
    }

    public long OfClass(int statusClass) => Volatile.Read(ref _statuses[statusClass]);

    public long InBucket(int bucket) => Volatile.Read(ref _durations[bucket]);

    public double Seconds => Volatile.Read(ref _microseconds) / 1e6;

    /// <summary>The bound of a bucket in seconds.</summary>
    public static double BoundOf(int bucket) => (1L << (bucket + FirstPower)) / 1e6;
}
