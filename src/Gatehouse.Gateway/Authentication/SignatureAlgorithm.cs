using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// One JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1). Asymmetric ones only: with HMAC whoever can check a token could make one.
/// EdDSA means Ed25519 here, and <c>Ed25519</c> is its newer name (RFC 9864 §2.2); Ed448 is not taken.
/// </summary>
internal sealed record SignatureAlgorithm(
    string Name,
    HashAlgorithmName Hash,
    RSASignaturePadding? Padding,
    int CurveBits
)
{
    public static ImmutableArray<SignatureAlgorithm> All { get; } =
    [
        new("RS256", HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1, 0),
        new("RS384", HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1, 0),
        new("RS512", HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1, 0),
        new("PS256", HashAlgorithmName.SHA256, RSASignaturePadding.Pss, 0),
        new("PS384", HashAlgorithmName.SHA384, RSASignaturePadding.Pss, 0),
        new("PS512", HashAlgorithmName.SHA512, RSASignaturePadding.Pss, 0),
        new("ES256", HashAlgorithmName.SHA256, null, 256),
        new("ES384", HashAlgorithmName.SHA384, null, 384),
        new("ES512", HashAlgorithmName.SHA512, null, 521),
        new("EdDSA", default, null, 0),
        new("Ed25519", default, null, 0),
    ];

    public bool IsRsa => Padding is not null;

    public bool IsEdwards => Padding is null && CurveBits == 0;

    /// <summary>By its exact name; null when it is none of these.</summary>
    public static SignatureAlgorithm? Find(string name)
    {
        foreach (var algorithm in All)
        {
            if (algorithm.Name == name)
            {
                return algorithm;
            }
        }

        return null;
    }
}
