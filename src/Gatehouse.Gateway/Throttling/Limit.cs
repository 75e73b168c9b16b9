using System.Globalization;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Throttling;

/// <summary>A limit, ready to be enforced: the whole cluster's, of which this node grants a part.</summary>
internal sealed class Limit
{
    // Above this, bytes are counted by the KiB so that a part of a window holds them.
    private const long CountedByByte = 1L << 38;

    private readonly LimitCounter?[] _common = new LimitCounter?[CounterStore.CommonCounters];

    /// <param name="name">The policy's name, for headers.</param>
    /// <param name="quota">What is granted.</param>
    /// <param name="isRate">Evenly spaced within a second instead of freely within the period.</param>
    /// <param name="epoch">The change that brought it.</param>
    /// <param name="time">The clock that counts.</param>
    public Limit(string name, Quota quota, bool isRate, long epoch, TimeProvider time)
    {
        IsRate = isRate;
        IsBandwidth = quota.IsBandwidth;
        Epoch = epoch;
        Shift = quota.IsBandwidth && quota.Amount > CountedByByte ? 10 : 0;
        Amount = quota.Amount >> Shift;
        Frequency = time.TimestampFrequency;
        Seconds = (long)quota.Period.TotalSeconds;
        Period = (long)(quota.Period.TotalSeconds * Frequency);
        var bytes = IsBandwidth ? ";qu=\"content-bytes\"" : "";
        HeaderName = $"\"{Plain(name)}\"";
        HeaderText = string.Create(CultureInfo.InvariantCulture, $"{HeaderName};q={quota.Amount}{bytes};w={Seconds}");
    }

    /// <summary>So many at once, then one after each <paramref name="spacing"/>: a limit by the second of any burst.</summary>
    public Limit(string name, long atOnce, TimeSpan spacing, TimeProvider time)
    {
        IsRate = true;
        Amount = atOnce;
        Frequency = time.TimestampFrequency;
        Period = (long)(atOnce * spacing.TotalSeconds * Frequency);
        Seconds = (long)Math.Ceiling(atOnce * spacing.TotalSeconds);
        HeaderName = $"\"{Plain(name)}\"";
        HeaderText = string.Create(CultureInfo.InvariantCulture, $"{HeaderName};q={atOnce};w={Seconds}");
    }

    /// <summary>The limit of a plan's or policy's requests per second; null when there is none.</summary>
    public static Limit? PerSecond(string name, int? rate, long epoch, TimeProvider time) =>
        rate is > 0 and var most
            ? new(name, Quota.Requests(most, TimeSpan.FromSeconds(1)), isRate: true, epoch, time)
            : null;

    public bool IsRate { get; }

    public bool IsBandwidth { get; }

    /// <summary>Requests, or bytes shifted right by <see cref="Shift"/>.</summary>
    public long Amount { get; }

    public int Shift { get; }

    /// <summary>In ticks of the clock, of which there are <see cref="Frequency"/> a second.</summary>
    public long Period { get; }

    public long Frequency { get; }

    public long Seconds { get; }

    /// <summary>The change that brought this limit; a list of workers that is older was known to all who granted from it.</summary>
    public long Epoch { get; }

    /// <summary>Its name as a structured-field string.</summary>
    public string HeaderName { get; }

    /// <summary>Its item in <c>RateLimit-Policy</c>.</summary>
    public string HeaderText { get; }

    /// <summary>A counter that keys share for which there is no room.</summary>
    public LimitCounter Common(int index, long now)
    {
        ref var counter = ref _common[index];
        return Volatile.Read(ref counter)
            ?? Interlocked.CompareExchange(ref counter, new(new LimitKey(0, (uint)index), this, now), null)
            ?? counter;
    }

    /// <summary>What a body of so many bytes costs; rounded up.</summary>
    public long Cost(long bytes) => (bytes + (1L << Shift) - 1) >> Shift;

    private static string Plain(string name) =>
        string.Concat(name.Select(c => c is >= ' ' and <= '~' and not '"' and not '\\' ? c : '_'));
}
