using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// The subject alternative names of a node certificate. The framework's builder passes URIs through <see cref="Uri"/>, which
/// respells them, and its reader skips them, so both are done here.
/// </summary>
internal static class SubjectNames
{
    private const string Oid = "2.5.29.17";
    private static readonly Asn1Tag s_dns = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag s_uri = new(TagClass.ContextSpecific, 6);
    private static readonly Asn1Tag s_address = new(TagClass.ContextSpecific, 7);

    /// <summary>An extension with one URI and any number of host names and addresses.</summary>
    public static X509Extension Write(string uri, IEnumerable<string> hosts)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, s_uri);
            foreach (var host in hosts.Distinct(StringComparer.OrdinalIgnoreCase))
            {
                if (IPAddress.TryParse(host, out var address))
                {
                    writer.WriteOctetString(address.GetAddressBytes(), s_address);
                }
                else
                {
                    writer.WriteCharacterString(UniversalTagNumber.IA5String, host, s_dns);
                }
            }
        }

        return new X509Extension(Oid, writer.Encode(), critical: false);
    }

    /// <summary>The URIs that <paramref name="certificate"/> names, in order; none when it has no such extension or a broken one.</summary>
    public static IReadOnlyList<string> ReadUris(X509Certificate2 certificate)
    {
        var uris = new List<string>();
        try
        {
            foreach (var extension in certificate.Extensions.Where(e => e.Oid?.Value == Oid))
            {
                var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
                while (names.HasData)
                {
                    if (names.PeekTag().HasSameClassAndValue(s_uri))
                    {
                        uris.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, s_uri));
                    }
                    else
                    {
                        names.ReadEncodedValue();
                    }
                }
            }
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return [];
        }

        return uris;
    }
}
