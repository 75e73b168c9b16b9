using System.Buffers;
using System.Buffers.Text;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// Base64url as RFC 7515 §2 writes it: no padding, no white space, no bits left over. Two spellings of one token would be
/// two entries of a cache and two tokens for whoever revokes one.
/// </summary>
internal static class StrictBase64Url
{
    private static readonly SearchValues<char> s_digits = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    );

    /// <summary>Null when <paramref name="text"/> is empty or not in its one spelling.</summary>
    public static byte[]? Decode(ReadOnlySpan<char> text) => IsCanonical(text) ? Base64Url.DecodeFromChars(text) : null;

    private static bool IsCanonical(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || text.Length % 4 == 1 || text.ContainsAnyExcept(s_digits))
        {
            return false;
        }

        // The last digit of a group of two carries two bits, that of a group of three four: what is below must be zero.
        var spare = (text.Length % 4) switch
        {
            2 => 0b1111,
            3 => 0b11,
            _ => 0,
        };
        return (Value(text[^1]) & spare) == 0;
    }

    private static int Value(char digit) =>
        digit switch
        {
            >= 'A' and <= 'Z' => digit - 'A',
            >= 'a' and <= 'z' => digit - 'a' + 26,
            >= '0' and <= '9' => digit - '0' + 52,
            '-' => 62,
            _ => 63,
        };
}
