using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.Tokens;

namespace Gatehouse.KeyManager;

/// <summary>
/// One key that signs tokens: RS256, 2048 bits. It is shown in the key set before it signs and as long as a token it signed
/// may live; in between it signs.
/// </summary>
internal sealed class SigningKey
{
    private const int Bits = 2048;

    private readonly RSAParameters _key;

    private SigningKey(RSAParameters key, DateTimeOffset createdAt, DateTimeOffset signsFrom)
    {
        _key = key;
        CreatedAt = createdAt;
        SignsFrom = signsFrom;
        Id = Base64Url.EncodeToString(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(Required())));
        Credentials = new(new RsaSecurityKey(key) { KeyId = Id }, SecurityAlgorithms.RsaSha256);
    }

    /// <summary>The JWK thumbprint (RFC 7638).</summary>
    public string Id { get; }

    public DateTimeOffset CreatedAt { get; }

    public DateTimeOffset SignsFrom { get; }

    public SigningCredentials Credentials { get; }

    public static SigningKey Create(DateTimeOffset now, DateTimeOffset signsFrom)
    {
        using var rsa = RSA.Create(Bits);
        return new(rsa.ExportParameters(includePrivateParameters: true), now, signsFrom);
    }

    /// <summary>The public half as JWK.</summary>
    public JsonObject ToPublic()
    {
        var jwk = Required();
        jwk["kid"] = Id;
        jwk["use"] = "sig";
        jwk["alg"] = SecurityAlgorithms.RsaSha256;
        return jwk;
    }

    /// <summary>All of it, to be wrapped.</summary>
    public byte[] Export()
    {
        using var rsa = RSA.Create(_key);
        return JsonSerializer.SerializeToUtf8Bytes(
            new JsonObject
            {
                ["created"] = CreatedAt.ToUnixTimeMilliseconds(),
                ["signsFrom"] = SignsFrom.ToUnixTimeMilliseconds(),
                ["key"] = Convert.ToBase64String(rsa.ExportPkcs8PrivateKey()),
            }
        );
    }

    public static SigningKey Load(byte[] exported)
    {
        var json = JsonNode.Parse(exported)!;
        using var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(Convert.FromBase64String(json["key"]!.GetValue<string>()), out _);
        return new(
            rsa.ExportParameters(includePrivateParameters: true),
            DateTimeOffset.FromUnixTimeMilliseconds(json["created"]!.GetValue<long>()),
            DateTimeOffset.FromUnixTimeMilliseconds(json["signsFrom"]!.GetValue<long>())
        );
    }

    // The members that the thumbprint is over, in its order.
    private JsonObject Required() =>
        new()
        {
            ["e"] = Base64Url.EncodeToString(_key.Exponent),
            ["kty"] = "RSA",
            ["n"] = Base64Url.EncodeToString(_key.Modulus),
        };
}
