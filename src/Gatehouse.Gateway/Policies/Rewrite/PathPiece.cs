using System.Text;

namespace Gatehouse.Gateway.Policies;

/// <summary>A piece of the path to write: text, one segment of the caller's path, or all segments from one on.</summary>
/// <param name="Text">Literal text; null for a part of the caller's path.</param>
/// <param name="Segment">Which segment, counted from 0.</param>
/// <param name="IsRest">From that segment to the end.</param>
internal readonly record struct PathPiece(string? Text, int Segment = 0, bool IsRest = false)
{
    /// <summary>Throws <see cref="FormatException"/> with what the operation's template has instead.</summary>
    public static PathPiece[] Parse(string path, string template)
    {
        var names = template.TrimStart('/').Split('/');
        var pieces = new List<PathPiece>();
        var at = 0;
        while (path.IndexOf('{', at) is var open and >= 0)
        {
            var close = path.IndexOf('}', open);
            if (close < 0)
            {
                throw new FormatException($"'{path}' has a {{ without its }}.");
            }

            if (open > at)
            {
                pieces.Add(new(path[at..open]));
            }

            var name = path[open..(close + 1)];
            var segment = name == "{*}" ? Array.IndexOf(names, "*") : Array.IndexOf(names, name);
            if (segment < 0)
            {
                throw new FormatException(
                    $"The operation's path {template} has no segment {(name == "{*}" ? "*" : name)}."
                );
            }

            pieces.Add(new(null, segment, name == "{*}"));
            at = close + 1;
        }

        if (at < path.Length)
        {
            pieces.Add(new(path[at..]));
        }

        return [.. pieces];
    }

    /// <summary>The path, with the segments of the caller's as they were sent.</summary>
    public static string Build(ReadOnlySpan<PathPiece> pieces, ReadOnlySpan<char> resource)
    {
        var path = new StringBuilder(resource.Length + 32);
        foreach (var piece in pieces)
        {
            path.Append(piece.Text is null ? From(resource, piece.Segment, piece.IsRest) : piece.Text);
        }

        return path.ToString();
    }

    private static ReadOnlySpan<char> From(ReadOnlySpan<char> resource, int segment, bool rest)
    {
        var left = resource is ['/', ..] ? resource[1..] : resource;
        for (; segment > 0; segment--)
        {
            var slash = left.IndexOf('/');
            if (slash < 0)
            {
                return [];
            }

            left = left[(slash + 1)..];
        }

        var end = rest ? -1 : left.IndexOf('/');
        return end < 0 ? left : left[..end];
    }
}
