using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>The cluster's certificate authority. Issues node certificates; its key lies in the catalogue, wrapped by the cluster key.</summary>
public sealed class CertificateAuthority : IDisposable
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1";
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";
    private static readonly TimeSpan s_life = TimeSpan.FromDays(3653);

    private readonly ECDsa _key;
    private readonly X509Certificate2 _signer;
    private readonly TimeProvider _time;
    private readonly Lock _signing = new();

    private CertificateAuthority(X509Certificate2 certificate, ECDsa key, TimeProvider time)
    {
        Certificate = certificate;
        _key = key;
        _signer = certificate.CopyWithPrivateKey(key);
        _time = time;
    }

    /// <summary>How long a node certificate lives.</summary>
    public static TimeSpan NodeCertificateLife { get; } = TimeSpan.FromDays(30);

    /// <summary>A certificate is valid from a little before its issue, for nodes whose clocks are behind.</summary>
    public static TimeSpan ClockSkew { get; } = TimeSpan.FromMinutes(5);

    /// <summary>The authority's certificate, without its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>SHA-256 of the authority's certificate: what a join token pins.</summary>
    public Digest Pin => Digest.Of(Certificate.RawData);

    /// <summary>Makes a new authority for <paramref name="cluster"/>.</summary>
    public static CertificateAuthority Create(string cluster, TimeProvider time) =>
        Create($"CN=Gatehouse CA {cluster}", cluster, time);

    /// <summary>Makes one that is to take over from another. Its name has the minute in it: some TLS libraries find authorities by name.</summary>
    public static CertificateAuthority CreateSuccessor(string cluster, TimeProvider time) =>
        Create(
            string.Create(
                CultureInfo.InvariantCulture,
                $"CN=Gatehouse CA {cluster} {time.GetUtcNow():yyyy-MM-dd HHmm}"
            ),
            cluster,
            time
        );

    private static CertificateAuthority Create(string subject, string cluster, TimeProvider time)
    {
        NodeNames.Check(cluster, "a cluster's name");
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256);
        // Path length 0: what it signs can sign nothing.
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true)
        );
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        var now = time.GetUtcNow();
        var signature = X509SignatureGenerator.CreateForECDsa(key);
        var certificate = request.Create(
            request.SubjectName,
            signature,
            now - ClockSkew,
            now + s_life,
            NewSerialNumber()
        );
        return new(certificate, key, time);
    }

    /// <summary>Takes up an authority from its certificate and the PKCS#8 bytes of its key.</summary>
    public static CertificateAuthority Load(
        ReadOnlySpan<byte> certificate,
        ReadOnlySpan<byte> privateKey,
        TimeProvider time
    )
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(privateKey, out _);
        return new(X509CertificateLoader.LoadCertificate(certificate), key, time);
    }

    /// <summary>The key as PKCS#8 bytes. For <see cref="ClusterKey.Wrap"/> and nothing else.</summary>
    public byte[] ExportKey() => _key.ExportPkcs8PrivateKey();

    /// <summary>
    /// Issues a node certificate for the key in <paramref name="request"/> (PKCS#10). Nothing else of the request is
    /// believed: names and uses are set here. Throws <see cref="CryptographicException"/> when the request is damaged, not
    /// signed by its key, or its key is not ECDSA P-256.
    /// </summary>
    /// <param name="request">DER.</param>
    /// <param name="cluster">The cluster's name.</param>
    /// <param name="profile">What the node runs.</param>
    /// <param name="node">Its name.</param>
    /// <param name="hosts">Host names and addresses it answers to.</param>
    public X509Certificate2 Issue(
        ReadOnlySpan<byte> request,
        string cluster,
        Profile profile,
        string node,
        IEnumerable<string> hosts
    )
    {
        NodeNames.Check(cluster, "a cluster's name");
        NodeNames.Check(node, "a node's name");
        var publicKey = CertificateRequests.Verify(request);
        var certificate = new CertificateRequest(
            new X500DistinguishedName($"CN={node}"),
            publicKey,
            HashAlgorithmName.SHA256
        );
        certificate.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        certificate.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true)
        );
        certificate.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new(ServerUse), new(ClientUse)], critical: false)
        );
        certificate.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(publicKey, critical: false));
        certificate.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false)
        );
        certificate.CertificateExtensions.Add(
            SubjectNames.Write(
                PeerIdentity.Spell(cluster, profile, node),
                hosts.Concat(["localhost", "127.0.0.1", "::1"])
            )
        );
        var now = _time.GetUtcNow();
        lock (_signing)
        {
            return certificate.Create(_signer, now - ClockSkew, now + NodeCertificateLife, NewSerialNumber());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        _signer.Dispose();
        _key.Dispose();
    }

    // 127 random bits below a first byte that is neither 0 nor negative, so that every reader spells it with 32 digits.
    private static byte[] NewSerialNumber()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40);
        return serial;
    }
}
