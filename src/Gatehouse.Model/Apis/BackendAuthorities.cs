using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Model;

/// <summary>
/// The certificates, as PEM, that the backends of an API are known by in the place of the authorities that a gateway's machine
/// trusts: roots, and certificates that are their own issuers, beside any between them and a backend's.
/// </summary>
public static class BackendAuthorities
{
    /// <summary>Most certificates of one API.</summary>
    public const int Most = 16;

    /// <summary>The certificates. Throws <see cref="FormatException"/> that says what is wrong.</summary>
    public static X509Certificate2Collection Read(string pem)
    {
        if (pem.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
        {
            throw new FormatException("A private key is among the certificates");
        }

        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(pem);
        }
        catch (Exception bad) when (bad is CryptographicException or ArgumentException)
        {
            throw new FormatException("They are no certificates in PEM", bad);
        }

        return all.Count is 0 or > Most
                ? throw new FormatException($"They are {all.Count} certificates, not 1 to {Most}")
            : all.Any(c => c.SubjectName.RawData.AsSpan().SequenceEqual(c.IssuerName.RawData)) ? all
            : throw new FormatException("None of them is a root or its own issuer, so no chain would end");
    }
}
