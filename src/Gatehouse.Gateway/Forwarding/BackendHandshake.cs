using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Gateway.Routing;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>What is one API's own in the TLS handshakes with its backends: the certificate that it shows, and whom it believes.</summary>
internal sealed class BackendHandshake
{
    private readonly X509ChainPolicy? _believes;

    private BackendHandshake(X509Certificate2? certificate, X509ChainPolicy? believes, string key) =>
        (Certificate, _believes, Key) = (certificate, believes, key);

    /// <summary>The client certificate; null for none.</summary>
    public X509Certificate2? Certificate { get; }

    /// <summary>Equal where handshakes are: only such APIs share connections.</summary>
    public string Key { get; }

    /// <summary>Null when there is nothing of its own. Throws <see cref="Refused"/>.</summary>
    /// <param name="certificate">What is shown; null for none.</param>
    /// <param name="endpoints">Whose handshakes.</param>
    /// <param name="field">Where they stand in the entity.</param>
    public static BackendHandshake? Of(X509Certificate2? certificate, EndpointSet endpoints, string field)
    {
        if (endpoints.Authorities is not { } pem)
        {
            return certificate is null ? null : new(certificate, null, certificate.Thumbprint);
        }

        try
        {
            var authorities = BackendAuthorities.Read(pem);
            var believes = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            believes.CustomTrustStore.AddRange(authorities);
            believes.ExtraStore.AddRange(authorities);
            var digest = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(pem)));
            return new(certificate, believes, $"{certificate?.Thumbprint} {digest}");
        }
        catch (FormatException bad)
        {
            throw new Refused($"{field}/authorities", bad.Message + ".");
        }
    }

    /// <summary>The settings of a handshake: those of all backends, with what is this one's own in their place.</summary>
    public static SslClientAuthenticationOptions? Over(SslClientAuthenticationOptions? all, BackendHandshake? own) =>
        own is null
            ? all
            : new()
            {
                ClientCertificates = own.Certificate is { } shown ? [shown] : null,
                CertificateChainPolicy = own._believes ?? all?.CertificateChainPolicy,
                RemoteCertificateValidationCallback = own._believes is null
                    ? all?.RemoteCertificateValidationCallback
                    : null,
                EnabledSslProtocols = all?.EnabledSslProtocols ?? default,
            };
}
