using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Model;

/// <summary>
/// So many requests, or so many bytes, within any stretch of time of a given length. Written <c>5000/min</c>, <c>10/5s</c>,
/// <c>2GB/day</c>. The stretch slides: there is no moment at which a quota begins anew.
/// </summary>
[JsonConverter(typeof(Converter))]
public readonly record struct Quota
{
    /// <summary>The most requests or bytes a quota may grant: 10^15.</summary>
    public const long Largest = 1_000_000_000_000_000;

    private const string Form = "A limit is written AMOUNT/UNIT, such as 5000/min, 10/5s or 2GB/day.";

    // A month and a year slide too, so they need a length: 30 and 365 days.
    private static readonly (string[] Names, TimeSpan Length)[] s_units =
    [
        (["s", "sec", "second"], TimeSpan.FromSeconds(1)),
        (["min", "minute", "m"], TimeSpan.FromMinutes(1)),
        (["h", "hour"], TimeSpan.FromHours(1)),
        (["day", "d"], TimeSpan.FromDays(1)),
        (["month"], TimeSpan.FromDays(30)),
        (["year"], TimeSpan.FromDays(365)),
    ];

    private static readonly (string Name, long Size)[] s_sizes =
    [
        ("TB", 1L << 40),
        ("GB", 1L << 30),
        ("MB", 1L << 20),
        ("KB", 1L << 10),
        ("B", 1),
    ];

    private Quota(long amount, TimeSpan period, bool isBandwidth) =>
        (Amount, Period, IsBandwidth) = (amount, period, isBandwidth);

    /// <summary>How many requests or bytes; at least 1.</summary>
    public long Amount { get; }

    /// <summary>Within how long; a second to ten years.</summary>
    public TimeSpan Period { get; }

    /// <summary>True when <see cref="Amount"/> counts bytes of requests and answers instead of requests.</summary>
    public bool IsBandwidth { get; }

    /// <summary>So many requests within a time. Throws <see cref="ArgumentOutOfRangeException"/> outside the bounds.</summary>
    public static Quota Requests(long amount, TimeSpan period) => Of(amount, period, isBandwidth: false);

    /// <summary>So many bytes within a time. Throws <see cref="ArgumentOutOfRangeException"/> outside the bounds.</summary>
    public static Quota Bytes(long amount, TimeSpan period) => Of(amount, period, isBandwidth: true);

    /// <summary>Reads <c>AMOUNT[B|KB|MB|GB|TB]/[COUNT]UNIT</c>; K is 1024. False with the reason on anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Quota quota, [NotNullWhen(false)] out string? problem)
    {
        quota = default;
        problem = Form;
        var slash = text.IndexOf('/');
        if (slash <= 0)
        {
            return false;
        }

        var amountText = text[..slash].Trim();
        var period = text[(slash + 1)..].Trim();
        var (size, isBandwidth) = (1L, false);
        foreach (var (name, bytes) in s_sizes)
        {
            if (amountText.EndsWith(name, StringComparison.OrdinalIgnoreCase))
            {
                (size, isBandwidth) = (bytes, true);
                amountText = amountText[..^name.Length].TrimEnd();
                break;
            }
        }

        var digits = period.IndexOfAnyExceptInRange('0', '9');
        var count = 1;
        if (
            digits < 0
            || !long.TryParse(amountText, NumberStyles.None, CultureInfo.InvariantCulture, out var amount)
            || (digits > 0 && !int.TryParse(period[..digits], CultureInfo.InvariantCulture, out count))
            || Unit(period[digits..]) is not { } unit
        )
        {
            return false;
        }

        if (amount < 1 || amount > Largest / size)
        {
            problem = $"A limit grants between 1 and {Largest} requests or bytes; to grant nothing, block instead.";
            return false;
        }

        if (count < 1 || count > TimeSpan.FromDays(3650) / unit)
        {
            problem = "The time of a limit is between a second and ten years.";
            return false;
        }

        quota = new(amount * size, count * unit, isBandwidth);
        problem = null;
        return true;
    }

    /// <summary>The shortest spelling that reads back as the same quota.</summary>
    public override string ToString()
    {
        var (amount, period, suffix) = (Amount, Period, "");
        if (IsBandwidth)
        {
            var (name, size) = s_sizes.First(s => amount % s.Size == 0);
            (amount, suffix) = (amount / size, name);
        }

        var (names, length) = s_units.Last(u => period.Ticks % u.Length.Ticks == 0);
        var count = period / length;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{amount}{suffix}/{(count > 1 ? $"{count:0}" : "")}{names[0]}"
        );
    }

    private static Quota Of(long amount, TimeSpan period, bool isBandwidth)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(amount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(amount, Largest);
        ArgumentOutOfRangeException.ThrowIfLessThan(period, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(period, TimeSpan.FromDays(3650));
        return new(amount, period, isBandwidth);
    }

    private static TimeSpan? Unit(ReadOnlySpan<char> name)
    {
        foreach (var (names, length) in s_units)
        {
            foreach (var known in names)
            {
                if (name.Equals(known, StringComparison.OrdinalIgnoreCase))
                {
                    return length;
                }
            }
        }

        return null;
    }

    /// <summary>A quota is one string in JSON.</summary>
    public sealed class Converter : JsonConverter<Quota>
    {
        /// <inheritdoc/>
        public override Quota Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                throw new JsonException(Form);
            }

            return TryParse(reader.GetString(), out var quota, out var problem)
                ? quota
                : throw new JsonException(problem);
        }

        /// <inheritdoc/>
        public override void Write(Utf8JsonWriter writer, Quota value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }
}
