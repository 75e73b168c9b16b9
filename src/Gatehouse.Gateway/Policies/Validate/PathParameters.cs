namespace Gatehouse.Gateway.Policies;

/// <summary>The parameters of a path template: which text of a path each of them is. The path has matched the template.</summary>
internal sealed class PathParameters
{
    private readonly Segment[] _segments;

    private PathParameters(Segment[] segments) => _segments = segments;

    public static PathParameters Of(string template) => new([.. template.TrimStart('/').Split('/').Select(Segment.Of)]);

    /// <summary>Values by name, as they were sent.</summary>
    public Dictionary<string, string> Read(ReadOnlySpan<char> resource)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var rest = resource is ['/', ..] ? resource[1..] : resource;
        foreach (var segment in _segments)
        {
            var slash = rest.IndexOf('/');
            segment.Read(slash < 0 ? rest : rest[..slash], values);
            rest = slash < 0 ? [] : rest[(slash + 1)..];
        }

        return values;
    }

    private sealed record Segment(string[] Pieces, string[] Names)
    {
        public static Segment Of(string text)
        {
            var (pieces, names) = (new List<string>(), new List<string>());
            var rest = text;
            while (rest.IndexOf('{', StringComparison.Ordinal) is >= 0 and var open)
            {
                var close = rest.IndexOf('}', open);
                if (close < 0)
                {
                    break;
                }

                pieces.Add(rest[..open]);
                names.Add(rest[(open + 1)..close]);
                rest = rest[(close + 1)..];
            }

            return new([.. pieces, rest], [.. names]);
        }

        public void Read(ReadOnlySpan<char> segment, Dictionary<string, string> values)
        {
            if (Names.Length == 0 || segment.Length <= Pieces[0].Length + Pieces[^1].Length)
            {
                return;
            }

            segment = segment[Pieces[0].Length..^Pieces[^1].Length];
            for (var i = 0; i < Names.Length - 1; i++)
            {
                // From 1: every parameter takes at least one character, as routing has it.
                var at = segment.Length == 0 ? -1 : segment[1..].IndexOf(Pieces[i + 1], StringComparison.Ordinal);
                if (at < 0)
                {
                    return;
                }

                values[Names[i]] = segment[..(at + 1)].ToString();
                segment = segment[(at + 1 + Pieces[i + 1].Length)..];
            }

            values[Names[^1]] = segment.ToString();
        }
    }
}
