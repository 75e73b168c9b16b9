using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Deployment.Trust;

/// <summary>Whether a certificate was issued by one of the cluster's authorities, for use between nodes.</summary>
internal static class AuthorityChain
{
    private static readonly Oid s_serverUse = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid s_clientUse = new("1.3.6.1.5.5.7.3.2");

    /// <summary>True when <paramref name="certificate"/> is good at <paramref name="at"/>. Does not throw.</summary>
    public static bool Holds(X509Certificate2Collection authorities, X509Certificate2 certificate, DateTimeOffset at)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy = Policy(authorities, at);
        chain.ChainPolicy.ApplicationPolicy.Add(s_serverUse);
        chain.ChainPolicy.ApplicationPolicy.Add(s_clientUse);
        try
        {
            return chain.Build(certificate);
        }
        catch (CryptographicException)
        {
            return false;
        }
        finally
        {
            foreach (var element in chain.ChainElements)
            {
                element.Certificate.Dispose();
            }
        }
    }

    /// <summary>Trusts <paramref name="authorities"/> and nothing else, and fetches nothing.</summary>
    public static X509ChainPolicy Policy(X509Certificate2Collection authorities, DateTimeOffset at)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck, // the deny list is ours
            DisableCertificateDownloads = true,
            VerificationTime = at.UtcDateTime,
            VerificationTimeIgnored = false,
        };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }
}
