using System.Globalization;
using Gatehouse.Management;

namespace Gatehouse.Portal.Analytics;

/// <summary>The stretch of time that a page of usage is about, and the steps it is shown in.</summary>
/// <param name="Key">In the address; <c>custom</c> for one that was typed.</param>
/// <param name="From">From this moment on, UTC.</param>
/// <param name="To">Up to this moment.</param>
/// <param name="Step">How long one place of a chart is.</param>
/// <param name="Format">How that is labelled.</param>
public sealed record UsageRange(string Key, DateTimeOffset From, DateTimeOffset To, UsagePeriod Step, string Format)
{
    private const string Typed = "yyyy-MM-ddTHH:mm";

    /// <summary>What is offered, by key.</summary>
    public static IReadOnlyList<(string Key, string Title, TimeSpan Length)> Offered { get; } =
    [
        ("hour", "Last hour", TimeSpan.FromHours(1)),
        ("day", "24 hours", TimeSpan.FromHours(24)),
        ("week", "7 days", TimeSpan.FromDays(7)),
        ("month", "30 days", TimeSpan.FromDays(30)),
    ];

    /// <summary>One step's length.</summary>
    public TimeSpan StepLength =>
        Step switch
        {
            UsagePeriod.Minute => TimeSpan.FromMinutes(1),
            UsagePeriod.Hour => TimeSpan.FromHours(1),
            _ => TimeSpan.FromDays(1),
        };

    /// <summary>The step as REST and the command line call it.</summary>
    public string Word => Step.ToString().ToLowerInvariant();

    /// <summary>The beginning as a field for dates holds it.</summary>
    public string FromField => From.UtcDateTime.ToString(Typed, CultureInfo.InvariantCulture);

    /// <summary>The end as a field for dates holds it.</summary>
    public string ToField => To.UtcDateTime.ToString(Typed, CultureInfo.InvariantCulture);

    /// <summary>What an address asks for. What cannot be read is the last of what is <paramref name="usual"/>.</summary>
    public static UsageRange Of(string? key, string? from, string? to, string usual, DateTimeOffset now)
    {
        if (key == "custom" && Read(from) is { } begin && Read(to) is { } end && begin < end)
        {
            return Between("custom", begin, end);
        }

        var (name, _, length) = Offered.FirstOrDefault(o => o.Key == key) is { Key: not null } found
            ? found
            : Offered.First(o => o.Key == usual);
        return Between(name, now - length, now);
    }

    /// <summary>When each place of a chart begins.</summary>
    public IEnumerable<DateTimeOffset> Places()
    {
        var step = StepLength;
        for (
            var at = new DateTimeOffset(From.UtcTicks - (From.UtcTicks % step.Ticks), TimeSpan.Zero);
            at < To;
            at += step
        )
        {
            yield return at;
        }
    }

    private static UsageRange Between(string key, DateTimeOffset from, DateTimeOffset to) =>
        (to - from) switch
        {
            { TotalHours: <= 3 } => new(key, from, to, UsagePeriod.Minute, "HH:mm"),
            { TotalHours: <= 36 } => new(key, from, to, UsagePeriod.Hour, "HH:mm"),
            { TotalDays: <= 8 } => new(key, from, to, UsagePeriod.Hour, "MM-dd HH:mm"),
            { TotalDays: <= 400 } => new(key, from, to, UsagePeriod.Day, "MM-dd"),
            _ => new(key, to.AddDays(-400), to, UsagePeriod.Day, "MM-dd"),
        };

    private static DateTimeOffset? Read(string? text) =>
        DateTimeOffset.TryParseExact(
            text,
            [Typed, "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-dd"],
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out var at
        )
            ? at
            : null;
}
