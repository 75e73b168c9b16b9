using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>Knocks at a node's port for other nodes with whatever certificate.</summary>
internal static class InternalProbe
{
    /// <summary>What a node's data directory proves it to be.</summary>
    public static X509Certificate2 IdentityOf(ClusterNode node)
    {
        using var pem = X509Certificate2.CreateFromPemFile(
            Path.Combine(node.Data, "pki", "node.crt"),
            Path.Combine(node.Data, "pki", "node.key")
        );
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>True when the node speaks with the bearer of this certificate; false when it ends the conversation.</summary>
    public static async Task<bool> IsLetInAsync(
        ClusterNode node,
        X509Certificate2 certificate,
        string purpose = "control"
    ) => await AskAsync(node, certificate, purpose, "/readyz") is not null;

    /// <summary>The HTTP status a node answers with; null when it ends the conversation.</summary>
    public static async Task<int?> AskAsync(ClusterNode node, X509Certificate2 certificate, string purpose, string path)
    {
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions =
            {
                TargetHost = $"{purpose}.gatehouse.internal",
                ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            },
        };
        using var http = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(60) };
        using var request = new HttpRequestMessage(
            HttpMethod.Get,
            string.Create(CultureInfo.InvariantCulture, $"https://{node.Host}:{node.Internal}{path}")
        );
        request.Headers.Host = $"{purpose}.gatehouse.internal";
        try
        {
            using var response = await http.SendAsync(request);
            return (int)response.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or AuthenticationException or IOException)
        {
            return null;
        }
    }
}
