using System.Numerics;
using System.Security.Cryptography;

namespace Gatehouse.Management;

/// <summary>
/// How an API key looks: <c>gwk_</c>, 32 random digits of base 62 (190 bits), 6 digits of CRC-32C over both. The prefix lets
/// scanners find a key that was committed somewhere, the sum lets them and us tell a key from a cut or mistyped one.
/// </summary>
internal static class KeySecret
{
    private const string Prefix = "gwk_";
    private const string Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int Random = 32;
    private const int Sum = 6;

    /// <summary>A new key.</summary>
    public static string Create()
    {
        var text = Prefix + RandomNumberGenerator.GetString(Base62, Random);
        return text + SumOf(text);
    }

    /// <summary>True when the text has the form of a key and its sum is right.</summary>
    public static bool IsWellFormed(string text) =>
        text.Length == Prefix.Length + Random + Sum
        && text.StartsWith(Prefix, StringComparison.Ordinal)
        && text[^Sum..] == SumOf(text[..^Sum]);

    private static string SumOf(string text)
    {
        var crc = uint.MaxValue;
        foreach (var c in text)
        {
            crc = BitOperations.Crc32C(crc, (byte)c);
        }

        crc = ~crc;
        return string.Create(
            Sum,
            crc,
            static (digits, rest) =>
            {
                for (var i = digits.Length - 1; i >= 0; i--)
                {
                    digits[i] = Base62[(int)(rest % 62)];
                    rest /= 62;
                }
            }
        );
    }
}
