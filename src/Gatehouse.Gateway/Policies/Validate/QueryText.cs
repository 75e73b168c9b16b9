namespace Gatehouse.Gateway.Policies;

/// <summary>Reads <c>name=value&amp;name=value</c> of queries and forms.</summary>
internal static class QueryText
{
    /// <summary>More are not read: what is checked is bounded.</summary>
    public const int MostPairs = 1000;

    /// <summary>The pairs, names decoded and values as they were sent; null when there are too many.</summary>
    public static List<(string Name, string Raw)>? Pairs(ReadOnlySpan<char> text)
    {
        var pairs = new List<(string, string)>();
        foreach (var range in text.Split('&'))
        {
            var pair = text[range];
            if (pair.IsEmpty)
            {
                continue;
            }

            if (pairs.Count == MostPairs)
            {
                return null;
            }

            var equals = pair.IndexOf('=');
            pairs.Add(
                equals < 0
                    ? (Decode(pair.ToString()), "")
                    : (Decode(pair[..equals].ToString()), pair[(equals + 1)..].ToString())
            );
        }

        return pairs;
    }

    public static string Decode(string raw) => Uri.UnescapeDataString(raw.Replace('+', ' '));
}
