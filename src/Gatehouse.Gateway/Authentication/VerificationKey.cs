using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;
using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Gatehouse.Gateway.Authentication;

/// <summary>A public key of an issuer, pinned to one algorithm: whatever a token says, this key checks with that one and no other.</summary>
internal sealed class VerificationKey
{
    // Key objects are not promised to be safe for several threads at once, and making one costs more than a check.
    private readonly ConcurrentBag<AsymmetricAlgorithm> _idle = [];
    private readonly RSAParameters _rsa;
    private readonly ECParameters _curve;
    private readonly byte[]? _edwards;
    private readonly int _signatureSize;

    /// <summary>Throws <see cref="CryptographicException"/> when the parameters make no key.</summary>
    public VerificationKey(string? id, SignatureAlgorithm algorithm, RSAParameters rsa)
        : this(id, algorithm, rsa.Modulus!, rsa.Exponent!)
    {
        _rsa = rsa;
        _signatureSize = rsa.Modulus!.Length;
        _idle.Add(Make());
    }

    /// <summary>Throws <see cref="CryptographicException"/> when the point is not on the curve.</summary>
    public VerificationKey(string? id, SignatureAlgorithm algorithm, ECParameters curve)
        : this(id, algorithm, curve.Q.X!, curve.Q.Y!)
    {
        _curve = curve;
        _signatureSize = 2 * curve.Q.X!.Length;
        _idle.Add(Make());
    }

    /// <summary>
    /// An Ed25519 key. Throws <see cref="CryptographicException"/> for bytes that are no point of the curve's large subgroup:
    /// under a point of small order anybody's signature holds.
    /// </summary>
    public VerificationKey(string? id, SignatureAlgorithm algorithm, byte[] edwards)
        : this(id, algorithm, edwards, [])
    {
        if (edwards.Length != Ed25519.PublicKeySize || !Ed25519.ValidatePublicKeyFull(edwards, 0))
        {
            throw new CryptographicException("This is no Ed25519 key.");
        }

        _edwards = edwards;
        _signatureSize = Ed25519.SignatureSize;
    }

    private VerificationKey(string? id, SignatureAlgorithm algorithm, byte[] first, byte[] second)
    {
        Id = id;
        Algorithm = algorithm;
        Thumbprint = Digest.Of([.. Encoding.ASCII.GetBytes(algorithm.Name), .. first, .. second]);
    }

    /// <summary>The key's <c>kid</c>; null when it has none.</summary>
    public string? Id { get; }

    public SignatureAlgorithm Algorithm { get; }

    /// <summary>Names algorithm and key, whatever set it stands in.</summary>
    public Digest Thumbprint { get; }

    /// <summary>True when <paramref name="signature"/> is this key's over <paramref name="content"/>. Does not throw.</summary>
    public bool Verifies(ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != _signatureSize)
        {
            return false;
        }

        if (_edwards is not null)
        {
            return Ed25519.Verify(signature.ToArray(), 0, _edwards, 0, content.ToArray(), 0, content.Length);
        }

        var key = _idle.TryTake(out var idle) ? idle : Make();
        try
        {
            return key switch
            {
                RSA rsa => rsa.VerifyData(content, signature, Algorithm.Hash, Algorithm.Padding!),
                ECDsa curve => curve.VerifyData(
                    content,
                    signature,
                    Algorithm.Hash,
                    DSASignatureFormat.IeeeP1363FixedFieldConcatenation
                ),
                _ => false,
            };
        }
        catch (CryptographicException)
        {
            return false;
        }
        finally
        {
            _idle.Add(key);
        }
    }

    private AsymmetricAlgorithm Make() => Algorithm.IsRsa ? RSA.Create(_rsa) : ECDsa.Create(_curve);
}
