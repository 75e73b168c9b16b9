using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// A signed token (RFC 7515 compact form, RFC 7519 claims) taken apart, its signature not yet checked. What could be read
/// in two ways is refused before anything of it is believed.
/// </summary>
internal sealed class UnverifiedToken : IDisposable
{
    /// <summary>Longest token in characters.</summary>
    public const int Longest = 12 * 1024;

    private const int LongestHeader = 2 * 1024;
    private const int LongestSignature = 2 * 1024;
    private const int LongestKeyId = 256;

    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <summary>
    /// Members that bring a key along or change what is signed: never looked at, refused (RFC 8725 §3.10). <c>crit</c> names
    /// extensions, and this reader knows none (RFC 7515 §4.1.11).
    /// </summary>
    private static readonly string[] s_refused = ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "epk"];

    private readonly JsonDocument _claims;

    private UnverifiedToken(string algorithm, string? keyId, JsonDocument claims, byte[] content, byte[] signature)
    {
        Algorithm = algorithm;
        KeyId = keyId;
        _claims = claims;
        Content = content;
        Signature = signature;
    }

    public string Algorithm { get; }

    public string? KeyId { get; }

    /// <summary>What the signature is over: header and payload as they were sent.</summary>
    public byte[] Content { get; }

    public byte[] Signature { get; }

    /// <summary>The claims: an object in which every member is there once.</summary>
    public JsonElement Claims => _claims.RootElement;

    /// <summary>True when the text has the three parts of a signed token, whatever they hold.</summary>
    public static bool LooksSigned(ReadOnlySpan<char> token) => token.Count('.') == 2;

    /// <summary>Null when the token is malformed or forbidden. Does not throw.</summary>
    public static UnverifiedToken? Parse(ReadOnlySpan<char> token)
    {
        if (token.Length > Longest || token.Count('.') != 2)
        {
            return null;
        }

        var first = token.IndexOf('.');
        var last = token.LastIndexOf('.');
        if (first > LongestHeader || token.Length - last > LongestSignature)
        {
            return null;
        }

        var signature = StrictBase64Url.Decode(token[(last + 1)..]);
        var header = StrictBase64Url.Decode(token[..first]);
        var payload = StrictBase64Url.Decode(token[(first + 1)..last]);
        if (
            signature is null
            || header is null
            || payload is null
            || !ReadHeader(header, out var algorithm, out var id)
        )
        {
            return null;
        }

        if (Json(payload) is not { } claims)
        {
            return null;
        }

        var content = new byte[last];
        Encoding.ASCII.GetBytes(token[..last], content);
        return new(algorithm, id, claims, content, signature);
    }

    public void Dispose() => _claims.Dispose();

    private static bool ReadHeader(byte[] header, out string algorithm, out string? keyId)
    {
        algorithm = "";
        keyId = null;
        using var document = Json(header);
        if (document is null)
        {
            return false;
        }

        var root = document.RootElement;
        foreach (var refused in s_refused)
        {
            if (root.TryGetProperty(refused, out _))
            {
                return false;
            }
        }

        if (!root.TryGetProperty("alg", out var alg) || JsonText.Of(alg) is not { } name)
        {
            return false;
        }

        if (root.TryGetProperty("kid", out var kid))
        {
            keyId = JsonText.Of(kid);
            if (keyId is not { Length: <= LongestKeyId })
            {
                return false;
            }
        }

        // A nested token, and one made for another purpose (logout, DPoP proof, security event), is no access token.
        if (root.TryGetProperty("cty", out _) || (root.TryGetProperty("typ", out var typ) && !IsAccessToken(typ)))
        {
            return false;
        }

        algorithm = name;
        return SignatureAlgorithm.Find(name) is not null;
    }

    private static bool IsAccessToken(JsonElement typ)
    {
        var text = JsonText.Of(typ);
        if (text is not null && text.StartsWith("application/", StringComparison.OrdinalIgnoreCase))
        {
            text = text["application/".Length..];
        }

        return "JWT".Equals(text, StringComparison.OrdinalIgnoreCase)
            || "at+jwt".Equals(text, StringComparison.OrdinalIgnoreCase);
    }

    private static JsonDocument? Json(byte[] utf8)
    {
        if (!Utf8.IsValid(utf8))
        {
            return null;
        }

        try
        {
            var document = JsonDocument.Parse(utf8, s_strict);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Malformed, too deep, a member twice, or an escape that is no character.
        }

        return null;
    }
}
