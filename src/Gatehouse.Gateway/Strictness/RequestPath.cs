using System.Buffers;
using System.Text;

namespace Gatehouse.Gateway.Strictness;

/// <summary>Judges request targets: what two parsers could read as different paths is refused, and nothing is ever normalised.</summary>
public static class RequestPath
{
    // A path of nothing but these needs no closer look, except for two slashes in a row.
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-_~!$&'()*+,=:@"
    );

    private static readonly SearchValues<char> Unreserved = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    );

    private static readonly SearchValues<char> Authority = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:[]"
    );

    /// <summary>Judges a raw target before the API is known. Does not throw and does not allocate.</summary>
    public static PathVerdict Judge(ReadOnlySpan<char> rawTarget)
    {
        if (rawTarget is ['/', ..])
        {
            return JudgeFrom(rawTarget, TargetForm.Origin, 0);
        }

        if (rawTarget is "*")
        {
            return new(PathRefusal.None, TargetForm.Asterisk, PathTraits.None, 0, 1);
        }

        var scheme =
            rawTarget.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? 7
            : rawTarget.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? 8
            : 0;
        if (scheme == 0)
        {
            return new(PathRefusal.NotATarget, TargetForm.Origin, PathTraits.None, 0, 0);
        }

        var authority = rawTarget[scheme..].IndexOfAny('/', '?', '#');
        authority = authority < 0 ? rawTarget.Length - scheme : authority;
        if (authority == 0 || rawTarget.Slice(scheme, authority).ContainsAnyExcept(Authority))
        {
            return new(PathRefusal.BadAuthority, TargetForm.Absolute, PathTraits.None, 0, 0);
        }

        return JudgeFrom(rawTarget, TargetForm.Absolute, scheme + authority);
    }

    /// <summary>
    /// The path in the form that routes are matched against: unreserved characters are decoded, everything else stays
    /// as sent. The same text, not copied, unless <see cref="PathTraits.EncodedUnreserved"/> is set; then it is written
    /// to <paramref name="buffer"/>, which must be at least as long as the path. For paths that were not refused.
    /// </summary>
    public static ReadOnlySpan<char> ToMatch(ReadOnlySpan<char> path, PathTraits traits, Span<char> buffer)
    {
        if ((traits & PathTraits.EncodedUnreserved) == 0)
        {
            return path;
        }

        var written = 0;
        for (var at = 0; at < path.Length; at++)
        {
            var c = path[at];
            if (c == '%' && Escape(path, at) is var value and >= 0 && Unreserved.Contains((char)value))
            {
                c = (char)value;
                at += 2;
            }

            buffer[written++] = c;
        }

        return buffer[..written];
    }

    /// <summary>A sentence for the caller whose target was refused.</summary>
    public static string Explain(PathRefusal refusal) =>
        refusal switch
        {
            PathRefusal.None => "The request target is accepted.",
            PathRefusal.NotATarget => "The request target is neither a path, an http or https URI, nor *.",
            PathRefusal.BadAuthority => "The URI in the request line has no valid host.",
            PathRefusal.DotSegment => "The path has a . or .. segment; send the path it stands for.",
            PathRefusal.EmptySegment => "The path has two slashes in a row.",
            PathRefusal.Backslash => "The path has a backslash; a path is divided by slashes.",
            PathRefusal.ControlCharacter => "The request target has a control character.",
            PathRefusal.NotAscii => "The request target has a space or a character outside ASCII; percent-encode it.",
            PathRefusal.BadEncoding =>
                "The path has a % that two hexadecimal digits do not follow; a literal % is %25.",
            PathRefusal.InvalidUtf8 => "The percent-encoded bytes in the path are not UTF-8.",
            PathRefusal.Fragment => "The request target has a #; a fragment is not part of a request.",
            PathRefusal.EncodedSlash => "The path has an encoded slash or backslash, which this API does not allow.",
            PathRefusal.Semicolon => "The path has a semicolon, which this API does not allow.",
            _ => throw new ArgumentOutOfRangeException(nameof(refusal), refusal, null),
        };

    private static PathVerdict JudgeFrom(ReadOnlySpan<char> target, TargetForm form, int start)
    {
        var rest = target[start..];
        var mark = rest.IndexOf('?');
        var path = mark < 0 ? rest : rest[..mark];
        var traits = PathTraits.None;

        var refusal = JudgePath(path, ref traits);
        if (refusal == PathRefusal.None && mark >= 0)
        {
            refusal = JudgeQuery(rest[mark..]);
        }

        return new(refusal, form, traits, start, path.Length);
    }

    private static PathRefusal JudgeQuery(ReadOnlySpan<char> query)
    {
        var odd = query.IndexOfAnyExceptInRange('!', '~');
        return odd >= 0 ? NotVisible(query[odd])
            : query.Contains('#') ? PathRefusal.Fragment
            : PathRefusal.None;
    }

    private static PathRefusal JudgePath(ReadOnlySpan<char> path, ref PathTraits traits)
    {
        var at = path.IndexOfAnyExcept(Plain);
        var plain = at < 0 ? path : path[..at];
        if (plain.IndexOf("//") >= 0)
        {
            return PathRefusal.EmptySegment;
        }

        if (at < 0)
        {
            return PathRefusal.None;
        }

        // Begin again at the segment that holds the first character worth a look.
        at = plain.LastIndexOf('/') + 1;
        return JudgeSegments(path, at, ref traits);
    }

    private static PathRefusal JudgeSegments(ReadOnlySpan<char> path, int at, ref PathTraits traits)
    {
        // How many dots the segment consists of so far; OtherText once there is anything else in it.
        const int OtherText = 3;
        var dots = 0;

        while (at < path.Length)
        {
            int c = path[at];
            var length = 1;
            var encoded = c == '%';
            if (encoded)
            {
                // Encoded twice or more is read like encoded once: some backend decodes again. Only what a second
                // reading could turn into structure matters; other text after %25 is text.
                c = Escape(path, at);
                length = 3;
                if (c == '%')
                {
                    (c, length) = Nested(path, at);
                }
                else if (c >= 0 && Unreserved.Contains((char)c))
                {
                    traits |= PathTraits.EncodedUnreserved;
                }
            }

            switch (c)
            {
                case < 0:
                    return PathRefusal.BadEncoding;
                case '.':
                    dots = Math.Min(dots + 1, OtherText);
                    break;
                case '/' when !encoded:
                    if (dots is 1 or 2)
                    {
                        return PathRefusal.DotSegment;
                    }

                    if (at + 1 < path.Length && path[at + 1] == '/')
                    {
                        return PathRefusal.EmptySegment;
                    }

                    dots = 0;
                    break;
                case '\\' when !encoded:
                    return PathRefusal.Backslash;
                case '#' when !encoded:
                    return PathRefusal.Fragment;
                case '/' or '\\':
                    // Data for us, but a separator for whoever decodes before splitting: dots next to it are segments.
                    if (dots is 1 or 2)
                    {
                        return PathRefusal.DotSegment;
                    }

                    traits |= PathTraits.EncodedSlash;
                    dots = 0;
                    break;
                case ';':
                    // Some servers cut a segment at its semicolon: "..;x" is ".." to them.
                    if (dots is 1 or 2)
                    {
                        return PathRefusal.DotSegment;
                    }

                    traits |= PathTraits.Semicolon;
                    dots = OtherText;
                    break;
                case < 0x20 or 0x7f:
                    return PathRefusal.ControlCharacter;
                case ' ' when !encoded:
                    return PathRefusal.NotAscii;
                case > 0x7f:
                    if (!encoded)
                    {
                        return NotVisible((char)c);
                    }

                    if (Utf8(path, at, out length) is var refusal and not PathRefusal.None)
                    {
                        return refusal;
                    }

                    dots = OtherText;
                    break;
                default:
                    dots = OtherText;
                    break;
            }

            at += length;
        }

        return dots is 1 or 2 ? PathRefusal.DotSegment : PathRefusal.None;
    }

    /// <summary>What follows one or more <c>%25</c>, when a further decoding could make structure of it; else a percent sign.</summary>
    private static (int Value, int Length) Nested(ReadOnlySpan<char> path, int at)
    {
        var digits = at + 3;
        while (true)
        {
            var low = digits;
            var high = Decoded(path, ref low);
            var end = low;
            var value = Hex(high, Decoded(path, ref end));
            if (value == '%')
            {
                digits = end;
                continue;
            }

            return value is '.' or '/' or '\\' or ';' or 0 ? (value, end - at) : ('%', 3);
        }
    }

    /// <summary>The character here after one decoding, and where the next begins; U+FFFF at the end.</summary>
    private static char Decoded(ReadOnlySpan<char> path, ref int at)
    {
        if (at >= path.Length)
        {
            return char.MaxValue;
        }

        var value = path[at] == '%' ? Escape(path, at) : -1;
        var c = value < 0 ? path[at] : (char)value;
        at += value < 0 ? 1 : 3;
        return c;
    }

    private static PathRefusal Utf8(ReadOnlySpan<char> path, int at, out int length)
    {
        Span<byte> bytes = stackalloc byte[4];
        var count = 0;
        while (count < 4 && at + (3 * count) < path.Length && path[at + (3 * count)] == '%')
        {
            var value = Escape(path, at + (3 * count));
            if (value < 0)
            {
                break;
            }

            bytes[count++] = (byte)value;
        }

        var status = Rune.DecodeFromUtf8(bytes[..count], out var rune, out var used);
        length = 3 * used;
        return status != OperationStatus.Done ? PathRefusal.InvalidUtf8
            : Rune.IsControl(rune) ? PathRefusal.ControlCharacter
            : PathRefusal.None;
    }

    private static PathRefusal NotVisible(char c) =>
        char.IsControl(c) ? PathRefusal.ControlCharacter : PathRefusal.NotAscii;

    /// <summary>The byte that the escape at this place stands for, or -1.</summary>
    private static int Escape(ReadOnlySpan<char> path, int at) =>
        at + 2 < path.Length ? Hex(path[at + 1], path[at + 2]) : -1;

    private static int Hex(char high, char low) =>
        char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low) ? (Digit(high) << 4) | Digit(low) : -1;

    private static int Digit(char c) => c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
