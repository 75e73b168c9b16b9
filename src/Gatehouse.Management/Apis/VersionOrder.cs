using System.Numerics;

namespace Gatehouse.Management;

/// <summary>
/// Which version of an API is the newer one: part by part, numbers by value (1.10 after 1.9), text by its characters, a
/// leading <c>v</c> left out, and a text part before none (1.0.0-beta before 1.0.0), as in Semantic Versioning §11.
/// </summary>
public sealed class VersionOrder : IComparer<string>
{
    private VersionOrder() { }

    /// <summary>The one there is.</summary>
    public static VersionOrder Instance { get; } = new();

    /// <inheritdoc/>
    public int Compare(string? x, string? y)
    {
        var (left, right) = (Parts(x), Parts(y));
        for (var i = 0; i < Math.Max(left.Length, right.Length); i++)
        {
            var order = ComparePart(left.ElementAtOrDefault(i), right.ElementAtOrDefault(i));
            if (order != 0)
            {
                return order;
            }
        }

        return string.CompareOrdinal(x, y);
    }

    private static string[] Parts(string? version)
    {
        var text = version ?? "";
        return (text.Length > 1 && text[0] is 'v' or 'V' && char.IsAsciiDigit(text[1]) ? text[1..] : text).Split(
            '.',
            '-',
            '_'
        );
    }

    // A number is newer than nothing, a word older: 1.0.1 > 1.0 > 1.0-rc.
    private static int ComparePart(string? left, string? right)
    {
        if (left is null || right is null)
        {
            var only = (left ?? right)!;
            var order = IsNumber(only) ? (BigInteger.Parse(only).IsZero ? 0 : 1) : -1;
            return left is null ? -order : order;
        }

        return (IsNumber(left), IsNumber(right)) switch
        {
            (true, true) => BigInteger.Parse(left).CompareTo(BigInteger.Parse(right)),
            (true, false) => 1,
            (false, true) => -1,
            _ => string.CompareOrdinal(left, right),
        };
    }

    private static bool IsNumber(string part) => part.Length > 0 && part.All(char.IsAsciiDigit);
}
