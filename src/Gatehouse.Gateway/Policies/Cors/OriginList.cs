using System.Collections.Immutable;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Origins that are let in. Compared as a whole; <c>*.</c> stands for labels of a host and for nothing else, so
/// <c>https://evil.com/?.example.com</c> and <c>https://badexample.com</c> are not of <c>https://*.example.com</c>.
/// </summary>
internal sealed class OriginList(ImmutableArray<string> origins)
{
    private readonly string[] _exact = [.. origins.Where(o => !o.Contains('*', StringComparison.Ordinal))];
    private readonly (string Scheme, string Suffix)[] _under =
    [
        .. from o in origins
        where o.Contains("://*.", StringComparison.Ordinal)
        let at = o.IndexOf("*.", StringComparison.Ordinal)
        select (o[..at], o[(at + 1)..]),
    ];

    /// <summary>True when every origin is.</summary>
    public bool All { get; } = origins.Contains("*");

    public bool Contain(string origin)
    {
        if (All)
        {
            return true;
        }

        foreach (var exact in _exact)
        {
            if (origin.Equals(exact, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        foreach (var (scheme, suffix) in _under)
        {
            if (
                origin.Length > scheme.Length + suffix.Length
                && origin.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)
                && origin.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)
                && IsLabels(origin.AsSpan(scheme.Length, origin.Length - scheme.Length - suffix.Length))
            )
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsLabels(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_'))
            {
                return false;
            }
        }

        return text[0] != '.' && text[^1] != '.' && !text.Contains("..", StringComparison.Ordinal);
    }
}
