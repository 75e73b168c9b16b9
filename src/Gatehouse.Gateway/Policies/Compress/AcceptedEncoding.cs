using System.Globalization;

namespace Gatehouse.Gateway.Policies;

/// <summary>What a caller takes, by <c>Accept-Encoding</c> (RFC 9110 §12.5.3).</summary>
internal static class AcceptedEncoding
{
    /// <summary>The first of <paramref name="offered"/> among those with the highest weight; null when none is taken.</summary>
    public static string? Choose(string accept, ReadOnlySpan<string> offered)
    {
        string? best = null;
        var bestWeight = 0.0;
        foreach (var encoding in offered)
        {
            var weight = Weight(accept, encoding);
            if (weight > bestWeight)
            {
                (best, bestWeight) = (encoding, weight);
            }
        }

        return best;
    }

    private static double Weight(ReadOnlySpan<char> accept, string encoding)
    {
        var any = 0.0;
        foreach (var range in accept.Split(','))
        {
            var part = accept[range].Trim();
            var semicolon = part.IndexOf(';');
            var name = (semicolon < 0 ? part : part[..semicolon]).Trim();
            var weight = semicolon < 0 ? 1.0 : Quality(part[(semicolon + 1)..]);
            if (name.Equals(encoding, StringComparison.OrdinalIgnoreCase))
            {
                return weight;
            }

            if (name is "*")
            {
                any = weight;
            }
        }

        return any;
    }

    private static double Quality(ReadOnlySpan<char> parameter)
    {
        parameter = parameter.Trim();
        return
            parameter.StartsWith("q=", StringComparison.OrdinalIgnoreCase)
            && double.TryParse(parameter[2..], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var q)
            ? q
            : 0;
    }
}
