using System.Numerics;

namespace Gatehouse.Management;

/// <summary>
/// How durations are spread, in little space: counts by buckets that are 1/16 of their power of two wide, so that a percentile
/// is off by 3 % at most. Two of them merge by adding, whatever nodes they came from (HdrHistogram's idea; its .NET package
/// is unmaintained, and this is a page).
/// </summary>
public sealed class LatencySketch
{
    private const int SubBits = 4;
    private const int Sub = 1 << SubBits;

    // Up to 2^40 µs, some twelve days.
    private const int Buckets = Sub * (40 - SubBits + 1);

    private readonly SortedDictionary<int, long> _counts = [];

    /// <summary>How many durations it holds.</summary>
    public long Count => _counts.Values.Sum();

    /// <summary>Counts a duration.</summary>
    public void Add(long micros, long times = 1)
    {
        var bucket = BucketOf(micros);
        _counts[bucket] = _counts.GetValueOrDefault(bucket) + times;
    }

    /// <summary>Counts what another holds.</summary>
    public void Merge(LatencySketch other)
    {
        foreach (var (bucket, count) in other._counts)
        {
            _counts[bucket] = _counts.GetValueOrDefault(bucket) + count;
        }
    }

    /// <summary>The duration below which a part of all durations is, in microseconds; 0 when there is none.</summary>
    /// <param name="part">0 to 1.</param>
    public double Percentile(double part)
    {
        var rank = Math.Max(1, (long)Math.Ceiling(part * Count));
        long sum = 0;
        foreach (var (bucket, count) in _counts)
        {
            sum += count;
            if (sum >= rank)
            {
                var (low, high) = BoundsOf(bucket);
                return (low + high) / 2;
            }
        }

        return 0;
    }

    /// <summary>Pairs of bucket and count as variable-length numbers, buckets as steps from the one before.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        var last = 0;
        foreach (var (bucket, count) in _counts)
        {
            writer.Write7BitEncodedInt(bucket - last);
            writer.Write7BitEncodedInt64(count);
            last = bucket;
        }

        return bytes.ToArray();
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote. Throws <see cref="InvalidDataException"/> for anything else.</summary>
    public static LatencySketch FromBytes(byte[] bytes)
    {
        var sketch = new LatencySketch();
        using var reader = new BinaryReader(new MemoryStream(bytes));
        var bucket = 0;
        try
        {
            while (reader.BaseStream.Position < bytes.Length)
            {
                bucket += reader.Read7BitEncodedInt();
                var count = reader.Read7BitEncodedInt64();
                if (bucket is < 0 or >= Buckets || count < 0)
                {
                    throw new InvalidDataException("The latencies of a usage row are damaged.");
                }

                sketch._counts[bucket] = count;
            }
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException("The latencies of a usage row are damaged.", e);
        }

        return sketch;
    }

    // Below 16 µs each its own; above, the power of two and the four bits after its first.
    private static int BucketOf(long micros)
    {
        var value = (ulong)Math.Max(0, micros);
        if (value < Sub)
        {
            return (int)value;
        }

        var power = 63 - BitOperations.LeadingZeroCount(value);
        return Math.Min(
            Buckets - 1,
            ((power - SubBits + 1) << SubBits) + (int)((value >> (power - SubBits)) & (Sub - 1))
        );
    }

    private static (double Low, double High) BoundsOf(int bucket)
    {
        if (bucket < Sub)
        {
            return (bucket, bucket);
        }

        var power = (bucket >> SubBits) + SubBits - 1;
        var width = 1L << (power - SubBits);
        var low = (1L << power) + ((bucket & (Sub - 1)) * width);
        return (low, low + width);
    }
}
