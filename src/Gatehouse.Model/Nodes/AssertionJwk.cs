using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Gatehouse.Model;

/// <summary>The public half of the key that a worker signs backend JWTs with, as a JSON Web Key (RFC 7517).</summary>
public static class AssertionJwk
{
    /// <summary>Bits of a new key.</summary>
    public const int Bits = 2048;

    /// <summary>True for a public key that can be one: RSA, 2048 to 4096 bits.</summary>
    /// <param name="publicKey">SubjectPublicKeyInfo.</param>
    public static bool IsOne(ReadOnlySpan<byte> publicKey)
    {
        using var rsa = RSA.Create();
        try
        {
            rsa.ImportSubjectPublicKeyInfo(publicKey, out var read);
            return read == publicKey.Length && rsa.KeySize is >= 2048 and <= 4096;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>The key's name: its thumbprint (RFC 7638), the same wherever it is computed.</summary>
    public static string IdOf(RSAParameters key) =>
        Base64Url.EncodeToString(
            SHA256.HashData(
                Encoding.ASCII.GetBytes(
                    $$"""{"e":"{{Base64Url.EncodeToString(key.Exponent)}}","kty":"RSA","n":"{{Base64Url.EncodeToString(key.Modulus)}}"}"""
                )
            )
        );

    /// <summary>The key as a JWK.</summary>
    /// <param name="publicKey">SubjectPublicKeyInfo that <see cref="IsOne"/>.</param>
    public static JsonObject Of(ReadOnlySpan<byte> publicKey)
    {
        using var rsa = RSA.Create();
        rsa.ImportSubjectPublicKeyInfo(publicKey, out _);
        var key = rsa.ExportParameters(includePrivateParameters: false);
        return new()
        {
            ["kty"] = "RSA",
            ["use"] = "sig",
            ["alg"] = "RS256",
            ["kid"] = IdOf(key),
            ["n"] = Base64Url.EncodeToString(key.Modulus),
            ["e"] = Base64Url.EncodeToString(key.Exponent),
        };
    }
}
