using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>The keystores that an old home names, read into PEM files for <c>tls.certificates</c>.</summary>
internal static class Keystores
{
    private const int LeastRsaBits = 2048;

    public static void ReadHome(string home, Import import)
    {
        foreach (var (location, password, keyPassword) in In(home).DistinctBy(k => FileOf(home, k.Location)))
        {
            var file = FileOf(home, location);
            var place = new Place(file);
            if (!File.Exists(file) || SafeFile.Read(file, import.Log) is not { } bytes)
            {
                continue; // where it is named, the report says what to do
            }

            try
            {
                foreach (var entry in JavaKeystore.Read(bytes, password, keyPassword))
                {
                    Take(entry, place, import);
                }
            }
            catch (InvalidDataException e)
            {
                import.Log.Add(
                    new Finding(
                        Outcome.NeedsYou,
                        place,
                        "keystore",
                        Path.GetFileName(file),
                        null,
                        $"{e.Message}: keytool -importkeystore -srckeystore {file} -destkeystore {file}.p12 -deststoretype PKCS12 && openssl pkcs12 -in {file}.p12 -nodes -out am.pem"
                    )
                );
            }
        }
    }

    /// <summary>True for a text that names a keystore which is there.</summary>
    public static bool IsThere(string home, string location) =>
        (
            location.EndsWith(".jks", StringComparison.OrdinalIgnoreCase)
            || location.EndsWith(".p12", StringComparison.OrdinalIgnoreCase)
        ) && File.Exists(FileOf(home, location));

    private static string FileOf(string home, string location) =>
        Path.GetFullPath(location.Replace("${carbon.home}", home, StringComparison.Ordinal), home);

    private static IEnumerable<(string Location, string Password, string KeyPassword)> In(string home)
    {
        var quiet = new ReadingLog();
        var conf = Path.Combine(home, "repository", "conf");
        foreach (
            var name in (string[])
                ["carbon.xml", Path.Combine("axis2", "axis2.xml"), Path.Combine("tomcat", "catalina-server.xml")]
        )
        {
            var path = Path.Combine(conf, name);
            if (!File.Exists(path) || SafeXml.ReadFile(path, quiet) is not { Root: { } root })
            {
                continue;
            }

            foreach (var store in root.Descendants().Where(e => e.Name.LocalName is "KeyStore"))
            {
                if (Child(store, "Location") is { } location && Child(store, "Password") is { } password)
                {
                    yield return (location, password, Child(store, "KeyPassword") ?? password);
                }
            }

            foreach (var element in root.Descendants())
            {
                var file =
                    (string?)element.Attribute("keystoreFile") ?? (string?)element.Attribute("certificateKeystoreFile");
                var password =
                    (string?)element.Attribute("keystorePass")
                    ?? (string?)element.Attribute("certificateKeystorePassword");
                if (file is not null && password is not null)
                {
                    yield return (file, password, (string?)element.Attribute("certificateKeyPassword") ?? password);
                }
            }
        }
    }

    private static string? Child(XElement element, string name) =>
        element.Elements().FirstOrDefault(e => e.Name.LocalName == name)?.Value.Trim();

    private static void Take(KeystoreEntry entry, Place place, Import import)
    {
        var leaf = entry.Chain.Count > 0 ? entry.Chain[0] : null;
        if (leaf is null)
        {
            return;
        }

        var element = $"keystore/{entry.Alias}";
        using var rsa = leaf.GetRSAPublicKey();
        if (
            leaf.Subject.Contains("O=WSO2", StringComparison.Ordinal)
            && leaf.Subject.Contains("CN=localhost", StringComparison.Ordinal)
        )
        {
            Tell(
                Outcome.Dangerous,
                "the key that WSO2 ships: everybody has it, so nobody is proven by it; 'gatehouse cert create HOST' makes another"
            );
            return;
        }

        if (rsa?.KeySize < LeastRsaBits)
        {
            Tell(
                Outcome.Dangerous,
                $"a key of {rsa.KeySize} bits can be broken, so it is not served; 'gatehouse cert create {HostOf(leaf)}' makes another"
            );
            return;
        }

        var alias = string.Concat(
            entry.Alias.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_')
        );
        // Two stores may call their keys alike.
        var name = alias;
        for (var n = 2; import.Files.Any(f => f.Path == $"tls/{name}.crt"); n++)
        {
            name = $"{alias}-{n}";
        }
        import.Add(
            new ImportedFile(
                $"tls/{name}.crt",
                Encoding.ASCII.GetBytes(string.Concat(entry.Chain.Select(c => c.ExportCertificatePem() + "\n"))),
                false
            )
        );
        import.Add(
            new ImportedFile(
                $"tls/{name}.key",
                Encoding.ASCII.GetBytes(PemEncoding.WriteString("PRIVATE KEY", entry.Key) + "\n"),
                true
            )
        );
        import.AddCertificate($"tls/{name}.crt", $"tls/{name}.key", place);
        import.Log.Add(
            new Finding(
                leaf.NotAfter < DateTime.UtcNow ? Outcome.NeedsYou : Outcome.Converted,
                place,
                element,
                leaf.Subject,
                "tls.certificates",
                leaf.NotAfter < DateTime.UtcNow
                    ? $"it ended on {leaf.NotAfter:yyyy-MM-dd}: 'gatehouse cert create {HostOf(leaf)}', or have it renewed"
                    : $"tls/{name}.crt, tls/{name}.key"
            )
        );

        void Tell(Outcome outcome, string note) =>
            import.Log.Add(new Finding(outcome, place, element, leaf.Subject, null, note));
    }

    private static string HostOf(X509Certificate2 certificate) =>
        certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false);
}
