using System.Numerics;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// How long a loop ran code between two looks at its sockets, counted by powers of two: the time that the last of its
/// connections had to wait. Written by the loop alone.
/// </summary>
internal sealed class LagMeter
{
    /// <summary>Bucket i counts times below 2^(i+6) microseconds: 64 µs, 128 µs … 34 s; the last takes the rest.</summary>
    public const int Buckets = 21;

    private const int FirstPower = 6;
    private readonly long[] _counts = new long[Buckets];
    private long _ticks;

    public double Seconds => (double)Volatile.Read(ref _ticks) / TimeSpan.TicksPerSecond;

    public void Record(TimeSpan time)
    {
        var microseconds = (ulong)(time.Ticks / TimeSpan.TicksPerMicrosecond);
        var power = 64 - BitOperations.LeadingZeroCount(microseconds);
        _counts[Math.Clamp(power - FirstPower, 0, Buckets - 1)]++;
        _ticks += time.Ticks;
    }

    public long InBucket(int bucket) => Volatile.Read(ref _counts[bucket]);

    /// <summary>The bound of a bucket in seconds.</summary>
    public static double BoundOf(int bucket) => (1L << (bucket + FirstPower)) / 1e6;
}
