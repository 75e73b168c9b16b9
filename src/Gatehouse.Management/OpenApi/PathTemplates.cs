using System.Buffers;
using System.Text.RegularExpressions;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// The path templates that a gateway can match: those its routing compiles and whose calls its path judge lets in. Anything
/// else is refused here, with its line, instead of on the workers.
/// </summary>
internal static partial class PathTemplates
{
    private const int MaxLength = 1024;

    // RFC 3986 pchar; '%' is looked at apart.
    private static readonly SearchValues<char> s_allowed = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@%"
    );

    /// <summary>What is wrong with <paramref name="path"/>, and what to do; null when it is fine.</summary>
    public static (string Message, string Fix)? Problem(string path)
    {
        if (path is not ['/', ..])
        {
            return ("A path begins with '/'", $"write '/{Excerpt.Of(path)}'");
        }

        if (path.Length > MaxLength)
        {
            return ($"A path has at most {MaxLength} characters", "shorten it");
        }

        if (path.AsSpan().IndexOfAny('?', '#') >= 0)
        {
            return ("A path ends before '?' and '#'", "declare query parameters under 'parameters'");
        }

        var segments = path[1..].Split('/');
        for (var i = 0; i < segments.Length; i++)
        {
            var isLast = i == segments.Length - 1;
            if (segments[i].Length == 0 && !isLast)
            {
                return ("A path has no empty segment ('//')", "remove one '/'");
            }

            if (!(isLast && segments[i] == "*") && SegmentProblem(segments[i]) is { } problem)
            {
                return problem;
            }
        }

        var twice = ParametersOf(path).GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1);
        return twice is null
            ? null
            : ($"The parameter '{Excerpt.Of(twice.Key)}' occurs twice in one path", "rename one");
    }

    /// <summary>What two templates must not share: the template with its parameter names left out.</summary>
    public static string ShapeOf(string path) => Parameter().Replace(path, "{}");

    /// <summary>The names of the parameters in <paramref name="path"/>.</summary>
    public static IEnumerable<string> ParametersOf(string path) =>
        Parameter().Matches(path).Select(m => m.Value[1..^1]);

    private static (string Message, string Fix)? SegmentProblem(string segment)
    {
        var text = Parameter().Replace(segment, "");
        if (text.AsSpan().IndexOfAny('{', '}') >= 0)
        {
            return (
                $"The braces of '{Excerpt.Of(segment)}' do not pair around a name",
                "write parameters as {name}, and percent-encode a literal brace as %7B or %7D"
            );
        }

        if (segment.Contains("}{", StringComparison.Ordinal))
        {
            return ($"Two parameters of '{Excerpt.Of(segment)}' touch", "put text between them");
        }

        if (text.Contains('*', StringComparison.Ordinal))
        {
            return ("'*' stands for the rest of a path and only as its last segment", "write '/*' at the end");
        }

        if (segment is "." or "..")
        {
            return (
                "A path has no '.' or '..' segment; gateways refuse such calls",
                "write out the path that is meant"
            );
        }

        if (text.AsSpan().IndexOfAnyExcept(s_allowed) is var at and >= 0)
        {
            return ($"'{Excerpt.Of(text[at..(at + 1)])}' may not stand in a path", "percent-encode it");
        }

        return BadEncoding().Match(text) is { Success: true } bad
            ? (
                $"'{bad.Value}' in '{Excerpt.Of(segment)}' is no character that may be percent-encoded in a path",
                "encode what has to be, with two hexadecimal digits, and neither letters nor '/', '\\' or a dot"
            )
            : null;
    }

    [GeneratedRegex(@"\{[^{}/]+\}")]
    private static partial Regex Parameter();

    // Malformed; or a control, '/' or '\', which calls may not carry; or a letter, digit or -._~, which matching decodes.
    [GeneratedRegex(
        "%(?![0-9A-Fa-f]{2}).{0,2}|%(?:[01][0-9A-F]|2[DEF]|3[0-9]|4[1-9A-F]|5[0-9ACF]|6[1-9A-F]|7[0-9AEF])",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant
    )]
    private static partial Regex BadEncoding();
}
