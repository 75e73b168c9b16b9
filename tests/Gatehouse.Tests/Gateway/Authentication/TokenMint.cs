using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Model;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;

namespace Gatehouse.Tests.Gateway.Authentication;

/// <summary>An issuer's side of tokens: keys, their public set, and tokens of any shape, honest or not.</summary>
internal sealed class TokenMint
{
    public const string Url = "https://id.example/";
    public const string Client = "shop";

    // Making RSA keys is slow; tests do not change them.
    private static readonly RSA s_rsa = RSA.Create(2048);
    private static readonly RSA s_other = RSA.Create(2048);

    public RSA Rsa { get; } = s_rsa;
    public RSA Stranger { get; } = s_other;
    public ECDsa P256 { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    public ECDsa P384 { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    public ECDsa P521 { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP521);

    /// <summary>An Ed25519 key.</summary>
    public Ed25519PrivateKeyParameters Edwards { get; } = new(RandomNumberGenerator.GetBytes(32));

    public Issuer Issuer =>
        new()
        {
            Name = "corp",
            Url = Url,
            Keys = KeySet().ToJsonString(),
        };

    public JsonObject KeySet() =>
        Set(
            Jwk(Rsa, "r1", "RS256"),
            Jwk(Rsa, "p1", "PS256"),
            Jwk(P256, "e1", "ES256"),
            Jwk(P384, "e3", "ES384"),
            Jwk(P521, "e5", "ES512"),
            Jwk(Edwards, "d1", "EdDSA")
        );

    public static JsonObject Set(params JsonObject[] keys) => new() { ["keys"] = new JsonArray([.. keys]) };

    public static JsonObject Jwk(RSA key, string kid, string? alg)
    {
        var p = key.ExportParameters(false);
        return With(
            new()
            {
                ["kty"] = "RSA",
                ["kid"] = kid,
                ["use"] = "sig",
                ["n"] = Encode(p.Modulus!),
                ["e"] = Encode(p.Exponent!),
            },
            alg
        );
    }

    public static JsonObject Jwk(ECDsa key, string kid, string? alg)
    {
        var p = key.ExportParameters(false);
        return With(
            new()
            {
                ["kty"] = "EC",
                ["kid"] = kid,
                ["crv"] = $"P-{key.KeySize}",
                ["x"] = Encode(p.Q.X!),
                ["y"] = Encode(p.Q.Y!),
            },
            alg
        );
    }

    public static JsonObject Jwk(Ed25519PrivateKeyParameters key, string kid, string? alg) =>
        With(
            new()
            {
                ["kty"] = "OKP",
                ["kid"] = kid,
                ["crv"] = "Ed25519",
                ["x"] = Encode(key.GeneratePublicKey().GetEncoded()),
            },
            alg
        );

    public static JsonObject Claims(DateTimeOffset now) =>
        new()
        {
            ["iss"] = Url,
            ["sub"] = "ann",
            ["azp"] = Client,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = now.AddMinutes(5).ToUnixTimeSeconds(),
            ["jti"] = "t1",
            ["scope"] = "pets:read pets:write",
        };

    public static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);

    public static string Encode(string text) => Encode(Encoding.UTF8.GetBytes(text));

    public string Rs256(JsonObject claims, string? kid = "r1") => Sign("RS256", kid, claims.ToJsonString());

    public string Sign(string alg, string? kid, string payload) =>
        SignAs(
            kid is null ? $$"""{"alg":"{{alg}}","typ":"JWT"}""" : $$"""{"alg":"{{alg}}","typ":"JWT","kid":"{{kid}}"}""",
            payload,
            alg
        );

    /// <summary>Signs any header and payload with the key of <paramref name="alg"/>.</summary>
    public string SignAs(string header, string payload, string alg)
    {
        var content = $"{Encode(header)}.{Encode(payload)}";
        return $"{content}.{Encode(SignatureOf(Encoding.ASCII.GetBytes(content), alg))}";
    }

    public byte[] SignatureOf(byte[] content, string alg)
    {
        var hash = alg[2..] switch
        {
            "384" => HashAlgorithmName.SHA384,
            "512" => HashAlgorithmName.SHA512,
            _ => HashAlgorithmName.SHA256,
        };
        return alg[..2] switch
        {
            "Ed" => EdwardsSignatureOf(content),
            "PS" => Rsa.SignData(content, hash, RSASignaturePadding.Pss),
            "ES" => (
                alg switch
                {
                    "ES384" => P384,
                    "ES512" => P521,
                    _ => P256,
                }
            ).SignData(content, hash),
            _ => Rsa.SignData(content, hash, RSASignaturePadding.Pkcs1),
        };
    }

    private byte[] EdwardsSignatureOf(byte[] content)
    {
        var signer = new Ed25519Signer();
        signer.Init(forSigning: true, Edwards);
        signer.BlockUpdate(content, 0, content.Length);
        return signer.GenerateSignature();
    }

    public EntityChange Put() => Put(Issuer);

    public static EntityChange Put(Issuer issuer) =>
        Entities.Put(EntityKinds.Issuer, issuer.Name, CanonicalJson.Write(issuer, ModelJson.Default.Issuer));

    /// <summary>The OAuth2 client <see cref="Client"/> as a key of an application.</summary>
    public static EntityChange ClientOf(
        string app,
        string id = "key_oauth",
        bool sandbox = false,
        string client = Client
    ) =>
        Key(
            new()
            {
                Id = id,
                Application = app,
                Hash = ApiKey.OfClient("corp", client),
                Type = KeyType.OAuth2,
                Issuer = "corp",
                ClientId = client,
                Sandbox = sandbox,
                LastFour = client[^4..],
                CreatedAt = DateTimeOffset.UnixEpoch,
            }
        );

    public static EntityChange Key(ApiKey key) =>
        Entities.Put(EntityKinds.Key, key.Id, CanonicalJson.Write(key, ModelJson.Default.ApiKey));

    private static JsonObject With(JsonObject key, string? alg)
    {
        if (alg is not null)
        {
            key["alg"] = alg;
        }

        return key;
    }
}
