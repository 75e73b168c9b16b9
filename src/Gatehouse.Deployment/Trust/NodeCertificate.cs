using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Deployment.Trust;

/// <summary>A node's certificate with its key, ready for handshakes as server and client.</summary>
public sealed class NodeCertificate
{
    internal NodeCertificate(X509Certificate2 certificate, ECDsa key, PeerIdentity identity)
    {
        var withKey = certificate.CopyWithPrivateKey(key);
        if (OperatingSystem.IsWindows())
        {
            // Windows' TLS cannot use a key that lives in memory only.
            using var ephemeral = withKey;
            withKey = X509CertificateLoader.LoadPkcs12(ephemeral.Export(X509ContentType.Pkcs12), null);
        }

        Certificate = withKey;
        Identity = identity;
        // Offline: nothing is fetched, the chain is the authority alone. Built once, not per handshake.
        Context = SslStreamCertificateContext.Create(withKey, null, offline: true);
        Begins = new(withKey.NotBefore.ToUniversalTime());
        Ends = new(withKey.NotAfter.ToUniversalTime());
    }

    /// <summary>The certificate, with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The same, prepared for <see cref="SslStream"/>.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Who it says the node is.</summary>
    public PeerIdentity Identity { get; }

    /// <summary>Valid from.</summary>
    public DateTimeOffset Begins { get; }

    /// <summary>Valid until.</summary>
    public DateTimeOffset Ends { get; }

    /// <summary>When a new one is due: at two thirds of its life.</summary>
    public DateTimeOffset RenewAt => Begins + (Ends - Begins) * 2 / 3;
}
