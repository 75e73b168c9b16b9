using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// Secrets that people copy: a prefix that names kind and version, base64url, and a checksum inside so that a cut or
/// mistyped paste is named as such instead of failing somewhere later.
/// </summary>
internal static class SecretText
{
    private const int ChecksumLength = 4;

    /// <summary><paramref name="prefix"/> + base64url(<paramref name="content"/> + checksum).</summary>
    public static string Encode(string prefix, ReadOnlySpan<byte> content)
    {
        var bytes = new byte[content.Length + ChecksumLength];
        content.CopyTo(bytes);
        Checksum(prefix, content).CopyTo(bytes.AsSpan(content.Length));
        return prefix + Base64Url.EncodeToString(bytes);
    }

    /// <summary>Reads what <see cref="Encode"/> wrote. Throws <see cref="FormatException"/>, which never repeats the text.</summary>
    /// <param name="prefix">As <c>ghj1_</c>: letters, version digits, underscore.</param>
    /// <param name="what">For messages: <c>join token</c>.</param>
    /// <param name="text">As pasted; white space anywhere is dropped, because terminals wrap lines.</param>
    /// <param name="maxLength">Longer ones are refused unread.</param>
    public static byte[] Decode(string prefix, string what, string? text, int maxLength)
    {
        if (text is null || text.Length > maxLength)
        {
            throw new FormatException(
                text is null
                    ? $"A {what} is missing."
                    : $"A {what} has at most {maxLength} characters, this one {text.Length}."
            );
        }

        var compact = string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
        if (!compact.StartsWith(prefix, StringComparison.Ordinal))
        {
            throw new FormatException(Misfit(prefix, what, compact));
        }

        byte[] bytes;
        try
        {
            bytes = Base64Url.DecodeFromChars(compact.AsSpan(prefix.Length));
        }
        catch (FormatException)
        {
            throw new FormatException($"The {what} is damaged or cut: {Advice}");
        }

        if (
            bytes.Length <= ChecksumLength
            || !bytes.AsSpan()[^ChecksumLength..].SequenceEqual(Checksum(prefix, bytes.AsSpan()[..^ChecksumLength]))
        )
        {
            throw new FormatException($"The {what} is damaged or cut: its checksum does not fit. {Advice}");
        }

        return bytes[..^ChecksumLength];
    }

    private const string Advice = "Copy the whole line again, from its prefix to its last character.";

    private static string Misfit(string prefix, string what, string text)
    {
        var family = prefix.TrimEnd('_').TrimEnd("0123456789".ToCharArray());
        var underscore = text.IndexOf('_', StringComparison.Ordinal);
        var version = underscore > family.Length ? text[family.Length..underscore] : "";
        return
            text.StartsWith(family, StringComparison.Ordinal)
            && version.Length is > 0 and < 6
            && version.All(char.IsAsciiDigit)
            ? $"This {what} is of version {version}; this build reads version {prefix[family.Length..^1]}. Use the same Gatehouse version on both sides."
            : $"This is no {what}: one begins with '{prefix}'. {Advice}";
    }

    private static byte[] Checksum(string prefix, ReadOnlySpan<byte> content)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(prefix));
        hash.AppendData(content);
        return hash.GetHashAndReset()[..ChecksumLength];
    }
}
