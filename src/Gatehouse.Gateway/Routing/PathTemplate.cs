using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Gatehouse.Gateway.Routing;

/// <summary>An operation's path: segments that are literal or hold parameters, and perhaps a trailing <c>/*</c>.</summary>
internal sealed record PathTemplate(ImmutableArray<SegmentPattern> Segments, bool TakesTheRest)
{
    /// <summary>Reads a template. False, with what is wrong, on anything that is none.</summary>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out PathTemplate? template,
        [NotNullWhen(false)] out string? problem
    )
    {
        template = null;
        problem = null;
        if (text is not ['/', ..])
        {
            problem = $"'{text}' does not begin with '/'";
            return false;
        }

        var rest = text.EndsWith("/*", StringComparison.Ordinal);
        var path = rest ? text[..^2] : text;
        var segments = ImmutableArray.CreateBuilder<SegmentPattern>();
        foreach (var segment in path.Length == 0 ? [] : path[1..].Split('/'))
        {
            if (!SegmentPattern.TryParse(segment, out var pattern, out problem))
            {
                problem = $"'{text}': {problem}";
                return false;
            }

            segments.Add(pattern);
        }

        template = new(segments.ToImmutable(), rest);
        return true;
    }
}

/// <summary>One segment of a template: pieces of fixed text with a parameter between each two. A literal has one piece.</summary>
internal sealed record SegmentPattern(ImmutableArray<string> Pieces)
{
    public bool IsLiteral => Pieces.Length == 1;

    /// <summary>How many characters are fixed.</summary>
    public int Fixed => Pieces.Sum(p => p.Length);

    /// <summary>True when the segment has every piece in order, with at least one character for each parameter.</summary>
    public bool Matches(ReadOnlySpan<char> segment)
    {
        var (first, last) = (Pieces[0], Pieces[^1]);
        if (
            segment.Length < first.Length + last.Length + 1
            || !segment.StartsWith(first, StringComparison.Ordinal)
            || !segment.EndsWith(last, StringComparison.Ordinal)
        )
        {
            return false;
        }

        segment = segment[first.Length..^last.Length];
        foreach (var piece in Pieces.AsSpan()[1..^1])
        {
            // From 1: the parameter before this piece takes at least one character.
            var at = segment.Length == 0 ? -1 : segment[1..].IndexOf(piece, StringComparison.Ordinal);
            if (at < 0)
            {
                return false;
            }

            segment = segment[(1 + at + piece.Length)..];
        }

        return segment.Length > 0;
    }

    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out SegmentPattern? pattern,
        [NotNullWhen(false)] out string? problem
    )
    {
        pattern = null;
        problem = null;
        var pieces = ImmutableArray.CreateBuilder<string>();
        var rest = text.AsSpan();
        while (true)
        {
            var open = rest.IndexOf('{');
            var piece = open < 0 ? rest : rest[..open];
            if (piece.IndexOfAny('}', '*') >= 0)
            {
                problem = "a '}' has no '{' before it, or a '*' is not the last segment";
                return false;
            }

            if (piece.Length == 0 && open >= 0 && pieces.Count > 0)
            {
                problem = "two parameters need text between them";
                return false;
            }

            pieces.Add(piece.ToString());
            if (open < 0)
            {
                break;
            }

            var close = rest.IndexOf('}');
            if (close < open + 2 || rest[(open + 1)..close].Contains('{'))
            {
                problem = "a '{' has no name and '}' after it";
                return false;
            }

            rest = rest[(close + 1)..];
        }

        pattern = new(pieces.ToImmutable());
        return true;
    }
}
