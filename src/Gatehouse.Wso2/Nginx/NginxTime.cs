using System.Globalization;
using System.Text.RegularExpressions;

namespace Gatehouse.Wso2;

/// <summary>NGINX's spelling of times (<c>1h30m</c>, <c>60</c>) and sizes (<c>8k</c>).</summary>
internal static partial class NginxTime
{
    /// <summary>The time; null when it is none. A number alone is seconds.</summary>
    public static TimeSpan? Parse(string? text)
    {
        if (text is null || !Form().IsMatch(text))
        {
            return null;
        }

        var total = TimeSpan.Zero;
        foreach (Match part in Part().Matches(text))
        {
            var n = double.Parse(part.Groups[1].Value, CultureInfo.InvariantCulture);
            total += part.Groups[2].Value switch
            {
                "ms" => TimeSpan.FromMilliseconds(n),
                "m" => TimeSpan.FromMinutes(n),
                "h" => TimeSpan.FromHours(n),
                "d" => TimeSpan.FromDays(n),
                _ => TimeSpan.FromSeconds(n),
            };
        }

        return total;
    }

    /// <summary>As our settings are written: the largest unit that fits.</summary>
    public static string Write(TimeSpan time) =>
        time.TotalMilliseconds switch
        {
            var ms when ms % 3_600_000 == 0 => string.Create(CultureInfo.InvariantCulture, $"{ms / 3_600_000}h"),
            var ms when ms % 60_000 == 0 => string.Create(CultureInfo.InvariantCulture, $"{ms / 60_000}m"),
            var ms when ms % 1000 == 0 => string.Create(CultureInfo.InvariantCulture, $"{ms / 1000}s"),
            var ms => string.Create(CultureInfo.InvariantCulture, $"{ms}ms"),
        };

    /// <summary>Bytes; null when it is none.</summary>
    public static int? Size(string text) =>
        SizeForm().Match(text) is { Success: true } match
            ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
                * match.Groups[2].Value.ToLowerInvariant() switch
                {
                    "k" => 1024,
                    "m" => 1024 * 1024,
                    _ => 1,
                }
            : null;

    [GeneratedRegex(@"\A(?:[0-9]{1,7}(?:ms|s|m|h|d)?)+\z")]
    private static partial Regex Form();

    [GeneratedRegex("([0-9]+)(ms|s|m|h|d)?")]
    private static partial Regex Part();

    [GeneratedRegex(@"\A([0-9]{1,4})([kKmM]?)\z")]
    private static partial Regex SizeForm();
}
