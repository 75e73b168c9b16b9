using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>Clients that believe one certificate authority and no other.</summary>
internal static class Trust
{
    public static HttpClient ClientOf(string authority) => new(HandlerOf(authority));

    public static SocketsHttpHandler HandlerOf(string authority)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.ImportFromPem(authority);
        return new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            SslOptions = { CertificateChainPolicy = policy },
        };
    }
}
