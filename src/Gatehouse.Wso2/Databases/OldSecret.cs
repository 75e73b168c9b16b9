using System.Text;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Wso2;

/// <summary>
/// Secrets and tokens as an old database keeps them, by its <c>TokenPersistenceProcessor</c>: as they are; hashed
/// (<c>HashingPersistenceProcessor</c>: hexadecimal, or JSON with <c>hash</c> and <c>algorithm</c>), which is as good here; or
/// encrypted with a key of its keystore, which nobody but the old server opens.
/// </summary>
internal static class OldSecret
{
    /// <summary>SHA-256 of the secret; null when it cannot be told from what is kept.</summary>
    public static Digest? HashOf(string kept, string keptHash = "")
    {
        if (kept.Length > 0 && !IsProcessed(kept))
        {
            return Digest.Of(Encoding.UTF8.GetBytes(kept));
        }

        return Hashed(kept) ?? Hashed(keptHash);
    }

    private static bool IsProcessed(string text) =>
        IsHash(text)
        || text[0] == '{'
        // Encrypted by RSA and written in base64: 256 bytes and more. A JWT has two dots.
        || (text.Length >= 170 && !text.Contains('.', StringComparison.Ordinal));

    private static bool IsHash(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigit);

    private static Digest? Hashed(string text)
    {
        if (IsHash(text) && Digest.TryParse(text, out var digest))
        {
            return digest;
        }

        if (text is not ['{', ..])
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(text, new() { MaxDepth = 4 });
            return
                json.RootElement.TryGetProperty("algorithm", out var algorithm)
                && algorithm.ValueEquals("SHA-256")
                && json.RootElement.TryGetProperty("hash", out var hash)
                && hash.ValueKind == JsonValueKind.String
                && Digest.TryParse(hash.GetString(), out digest)
                ? digest
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
