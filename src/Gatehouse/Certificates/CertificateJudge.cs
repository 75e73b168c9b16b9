using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Certificates;

/// <summary>What is weak about a certificate for public names. Weak ones serve with a warning; broken keys do not serve.</summary>
internal static class CertificateJudge
{
    private const int LeastRsaBits = 2048;

    /// <summary>Why it must not serve; null when it may.</summary>
    public static string? Refusal(X509Certificate2 leaf)
    {
        using var rsa = leaf.GetRSAPublicKey();
        return rsa?.KeySize < LeastRsaBits
            ? $"its RSA key has {rsa.KeySize} bits and can be broken; {LeastRsaBits} is the least"
            : null;
    }

    /// <summary>The one command that puts a better one in its place.</summary>
    public static string Replacement(X509Certificate2 leaf) =>
        $"gatehouse cert create {string.Join(' ', NamesOf(leaf) is { Count: > 0 } names ? names : ["HOST"])}";

    /// <summary>Every weakness, in words.</summary>
    public static IReadOnlyList<string> Weaknesses(CertificateWithChain certificate, DateTimeOffset now)
    {
        var leaf = certificate.Leaf;
        var weak = new List<string>();
        if (leaf.NotAfter.ToUniversalTime() < now)
        {
            weak.Add($"it ended on {leaf.NotAfter:yyyy-MM-dd}");
        }
        else if (leaf.NotBefore.ToUniversalTime() > now)
        {
            weak.Add($"it begins on {leaf.NotBefore:yyyy-MM-dd}");
        }
        else if (leaf.NotAfter.ToUniversalTime() < now.AddDays(14))
        {
            weak.Add($"it ends on {leaf.NotAfter:yyyy-MM-dd}, in less than 14 days");
        }

        if (!leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().Any())
        {
            weak.Add("it names its host as common name only, which browsers do not take");
        }

        if (leaf.Subject == leaf.Issuer)
        {
            weak.Add("it is self-signed: callers have to be told to trust it");
        }
        else if (certificate.Chain.Count == 1)
        {
            weak.Add("its issuer is not in the file: callers that do not know it cannot judge it");
        }

        if (leaf.SignatureAlgorithm.FriendlyName?.Contains("sha1", StringComparison.OrdinalIgnoreCase) is true)
        {
            weak.Add("it is signed with SHA-1, which can be forged");
        }

        if (certificate.HadPassphrase)
        {
            weak.Add("its key has a passphrase, which has to lie beside it in a file");
        }

        return weak;
    }

    /// <summary>The host names it is for: subject alternative names, or the common name.</summary>
    public static IReadOnlyList<string> NamesOf(X509Certificate2 leaf)
    {
        try
        {
            return leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault() is { } names
                    ? [.. names.EnumerateDnsNames(), .. names.EnumerateIPAddresses().Select(a => a.ToString())]
                : leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false) is { Length: > 0 } name ? [name]
                : [];
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            return [];
        }
    }
}
