using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>The values of <c>format</c> that are checked: those of JSON Schema and of OpenAPI that have one meaning. Any other passes.</summary>
internal static class SchemaFormats
{
    private static readonly SearchValues<char> s_uri = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%"
    );

    private static readonly SearchValues<char> s_notInLocalPart = SearchValues.Create(" \"(),:;<>@[\\]");

    /// <summary>True for a format that numbers have.</summary>
    public static bool IsOfNumbers(string format) => format is "int32" or "int64";

    /// <summary>Whether a number is of a format.</summary>
    public static bool Fits(string format, JsonElement number) =>
        format switch
        {
            "int32" => number.TryGetInt32(out _) || IsWholeWithin(number, int.MinValue, int.MaxValue),
            "int64" => number.TryGetInt64(out _) || IsWholeWithin(number, long.MinValue, long.MaxValue),
            _ => true,
        };

    /// <summary>Whether a string is of a format.</summary>
    public static bool Fits(string format, string text) =>
        format switch
        {
            "date" => IsDate(text),
            "time" => IsTime(text),
            "date-time" => text.Length > 11 && text[10] is 'T' or 't' && IsDate(text[..10]) && IsTime(text[11..]),
            "duration" => IsDuration(text),
            "uuid" => text.Length == 36 && Guid.TryParseExact(text, "D", out _),
            "ipv4" => IsIpv4(text),
            "ipv6" => text.Contains(':', StringComparison.Ordinal)
                && text.AsSpan().IndexOfAny("%[]") < 0
                && IPAddress.TryParse(text, out _)
                && text.All(char.IsAscii),
            "hostname" => IsHostName(text),
            "email" => IsEmail(text),
            "uri" => IsUri(text, UriKind.Absolute) && text.IndexOf(':', StringComparison.Ordinal) > 0,
            "uri-reference" => IsUri(text, UriKind.RelativeOrAbsolute),
            "json-pointer" => IsPointer(text),
            "regex" => SchemaPattern.IsPattern(text),
            "byte" => text.Length % 4 == 0 && Convert.TryFromBase64String(text, new byte[text.Length], out _),
            _ => true,
        };

    private static bool IsWholeWithin(JsonElement number, decimal least, decimal most) =>
        number.TryGetDecimal(out var value) && decimal.IsInteger(value) && value >= least && value <= most;

    private static bool IsDate(string text) =>
        text.All(char.IsAscii)
        && DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _);

    // RFC 3339 §5.6, with leap seconds at the end of a UTC day.
    private static bool IsTime(string text)
    {
        var zone = text.AsSpan().LastIndexOfAny("Zz+-");
        if (zone < 8 || !text.All(char.IsAscii))
        {
            return false;
        }

        var offset = 0;
        var rest = text.AsSpan(zone);
        if (rest.Length == 6 && rest[0] is '+' or '-')
        {
            if (rest[3] != ':' || !TwoDigits(rest[1..], 23, out var h) || !TwoDigits(rest[4..], 59, out var m))
            {
                return false;
            }

            offset = ((h * 60) + m) * (rest[0] == '-' ? -1 : 1);
        }
        else if (rest.Length != 1 || rest[0] is '+' or '-')
        {
            return false;
        }

        var clock = text.AsSpan(0, zone);
        if (
            clock[2] != ':'
            || clock[5] != ':'
            || !TwoDigits(clock, 23, out var hour)
            || !TwoDigits(clock[3..], 59, out var minute)
            || !TwoDigits(clock[6..], 60, out var second)
        )
        {
            return false;
        }

        var fraction = clock[8..];
        return (
                fraction.IsEmpty
                || (fraction.Length > 1 && fraction[0] == '.' && !fraction[1..].ContainsAnyExceptInRange('0', '9'))
            ) && (second < 60 || ((((hour * 60) + minute - offset) % 1440) + 1440) % 1440 == 1439);
    }

    private static bool TwoDigits(ReadOnlySpan<char> text, int most, out int value)
    {
        value = -1;
        return text.Length >= 2
            && int.TryParse(text[..2], NumberStyles.None, CultureInfo.InvariantCulture, out value)
            && value <= most;
    }

    // ISO 8601 by RFC 3339 appendix A: units in order, weeks alone.
    private static bool IsDuration(string text)
    {
        if (text.Length < 3 || text[0] != 'P' || text[^1] == 'T')
        {
            return false;
        }

        var (order, inTime, digits) = ("YMWDHS", false, 0);
        var last = -1;
        for (var i = 1; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsAsciiDigit(c))
            {
                digits++;
                continue;
            }

            if (c == 'T' && !inTime && digits == 0)
            {
                inTime = true;
                last = Math.Max(last, 3);
                continue;
            }

            var rank = c == 'M' ? (inTime ? 45 : 10) : order.IndexOf(c, StringComparison.Ordinal) * 10;
            if (digits == 0 || rank < 0 || rank <= last || (rank >= 40) != inTime || (c == 'W' && text.Length != i + 1))
            {
                return false;
            }

            // Nothing stands beside weeks, and no unit between two is left out.
            if (c == 'W' && text.IndexOfAny(['Y', 'M', 'D', 'T']) >= 0)
            {
                return false;
            }

            if (last >= 0 && !Follows(last, rank))
            {
                return false;
            }

            (last, digits) = (rank, 0);
        }

        return digits == 0;
    }

    private static bool Follows(int last, int rank) =>
        (last, rank) is (0, 10) or (10, 30) or (40, 45) or (45, 50) or (3, _) or (_, >= 40 and < 60) && last < 40;

    private static bool IsIpv4(string text)
    {
        var parts = text.Split('.');
        return parts.Length == 4
            && parts.All(p =>
                p.Length is 1 or 2 or 3
                && p.All(char.IsAsciiDigit)
                && (p.Length == 1 || p[0] != '0')
                && int.Parse(p, CultureInfo.InvariantCulture) < 256
            );
    }

    private static bool IsHostName(string text) =>
        text.Length is > 0 and <= 253
        && text.Split('.')
            .All(label =>
                label.Length is > 0 and <= 63
                && label[0] != '-'
                && label[^1] != '-'
                && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')
                && !(
                    label.Length > 3
                    && label[2] == '-'
                    && label[3] == '-'
                    && !label.StartsWith("xn--", StringComparison.OrdinalIgnoreCase)
                )
            );

    private static bool IsEmail(string text)
    {
        var at = text.LastIndexOf('@');
        if (at <= 0 || at == text.Length - 1)
        {
            return false;
        }

        var (local, domain) = (text[..at], text[(at + 1)..]);
        var isQuoted = local.Length > 1 && local[0] == '"' && local[^1] == '"';
        var fits =
            isQuoted
            || (
                local[0] != '.'
                && local[^1] != '.'
                && !local.Contains("..", StringComparison.Ordinal)
                && !local.AsSpan().ContainsAny(s_notInLocalPart)
            );
        return fits
            && (
                domain is ['[', .., ']']
                    ? domain.StartsWith("[IPv6:", StringComparison.Ordinal)
                        ? Fits("ipv6", domain[6..^1])
                        : IsIpv4(domain[1..^1])
                    : IsHostName(domain)
            );
    }

    private static bool IsUri(string text, UriKind kind)
    {
        if (text.AsSpan().ContainsAnyExcept(s_uri) || !Uri.TryCreate(text, kind, out _))
        {
            return false;
        }

        for (var i = text.IndexOf('%'); i >= 0; i = text.IndexOf('%', i + 1))
        {
            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsPointer(string text)
    {
        if (text.Length > 0 && text[0] != '/')
        {
            return false;
        }

        for (var i = text.IndexOf('~'); i >= 0; i = text.IndexOf('~', i + 1))
        {
            if (i + 1 >= text.Length || text[i + 1] is not ('0' or '1'))
            {
                return false;
            }
        }

        return true;
    }
}
