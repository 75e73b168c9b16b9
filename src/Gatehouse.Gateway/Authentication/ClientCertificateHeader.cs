using System.Security.Cryptography.X509Certificates;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// How a proxy that ends TLS tells whose certificate it saw: <c>X-Client-Certificate</c> with the certificate in base64
/// (RFC 9440's form, with or without its colons) or as URL-encoded PEM, which is what NGINX has. Believed of trusted proxies only.
/// </summary>
internal static class ClientCertificateHeader
{
    private const int Longest = 16 * 1024;
    private const string Begin = "-----BEGIN CERTIFICATE-----";

    public static string Write(X509Certificate2 certificate) => $":{Convert.ToBase64String(certificate.RawData)}:";

    /// <summary>The certificate's digest; null when there is none or it cannot be read.</summary>
    public static Digest? Read(string header)
    {
        if (header.Length is 0 or > Longest)
        {
            return null;
        }

        var text = header.StartsWith("-----", StringComparison.Ordinal) ? Uri.UnescapeDataString(header) : header;
        if (text.StartsWith(Begin, StringComparison.Ordinal))
        {
            text = text[Begin.Length..];
            var end = text.IndexOf("-----END", StringComparison.Ordinal);
            text = end < 0 ? "" : text[..end];
        }

        Span<byte> der = stackalloc byte[Longest];
        return Convert.TryFromBase64String(text.Trim(':'), der, out var length) && length > 0
            ? ApiKey.OfCertificate(der[..length])
            : null;
    }
}
