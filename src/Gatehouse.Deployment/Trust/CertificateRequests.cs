using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Deployment.Trust;

/// <summary>PKCS#10 certificate requests: how a node proves that it holds the key it wants certified.</summary>
public static class CertificateRequests
{
    private const int MaxLength = 4096;
    private const string EllipticCurve = "1.2.840.10045.2.1";
    private const string NistP256 = "1.2.840.10045.3.1.7";

    /// <summary>A request for <paramref name="key"/>, DER.</summary>
    public static byte[] Create(ECDsa key, string node = "gatehouse") =>
        new CertificateRequest(
            new X500DistinguishedName($"CN={node}"),
            key,
            HashAlgorithmName.SHA256
        ).CreateSigningRequest();

    /// <summary>
    /// The public key in <paramref name="request"/>. Throws <see cref="CryptographicException"/> when the request is damaged,
    /// not signed by that key, or the key is not ECDSA P-256.
    /// </summary>
    public static PublicKey Verify(ReadOnlySpan<byte> request)
    {
        if (request.Length is 0 or > MaxLength)
        {
            throw new CryptographicException($"a certificate request has 1 to {MaxLength} bytes, not {request.Length}");
        }

        CertificateRequest read;
        try
        {
            read = CertificateRequest.LoadSigningRequest(request, HashAlgorithmName.SHA256, out var length);
            if (length != request.Length)
            {
                throw new CryptographicException("bytes follow it");
            }
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException)
        {
            throw new CryptographicException(
                $"the certificate request cannot be read or is not signed by its key: {e.Message}",
                e
            );
        }

        if (read.PublicKey.Oid.Value != EllipticCurve)
        {
            throw new CryptographicException("the certificate request has a key that is not ECDSA P-256");
        }

        using var key = read.PublicKey.GetECDsaPublicKey();
        if (key?.ExportParameters(false).Curve.Oid.Value != NistP256)
        {
            throw new CryptographicException("the certificate request has a key that is not ECDSA P-256");
        }

        return read.PublicKey;
    }
}
