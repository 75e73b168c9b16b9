using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Certificates;

/// <summary>Certificates and requests for public names, made here.</summary>
internal static class SelfMade
{
    /// <summary>A request (PKCS#10) or, signed by itself, a certificate for these names.</summary>
    public static CertificateRequest Request(AsymmetricAlgorithm key, IReadOnlyList<string> hosts)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(hosts[0]);
        var request = key switch
        {
            RSA rsa => new CertificateRequest(
                subject.Build(),
                rsa,
                HashAlgorithmName.SHA256,
                RSASignaturePadding.Pkcs1
            ),
            ECDsa ec => new CertificateRequest(subject.Build(), ec, HashAlgorithmName.SHA256),
            _ => throw new ArgumentException("A key is RSA or ECDSA.", nameof(key)),
        };
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address))
            {
                names.AddIpAddress(address);
            }
            else
            {
                names.AddDnsName(host);
            }
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(
                X509KeyUsageFlags.DigitalSignature | (key is RSA ? X509KeyUsageFlags.KeyEncipherment : 0),
                critical: true
            )
        );
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1")], critical: false)
        );
        return request;
    }

    /// <summary>ECDSA P-256, or RSA of 3072 bits.</summary>
    public static AsymmetricAlgorithm NewKey(bool rsa) =>
        rsa ? RSA.Create(3072) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
}
