using System.Globalization;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>
/// <c>tomcat/catalina-server.xml</c>: the servlet connectors, which are our management ports. Both dialects of TLS: attributes
/// of the connector (<c>keystoreFile</c>, <c>sslEnabledProtocols</c>) and <c>SSLHostConfig</c>.
/// </summary>
internal static class CatalinaServerXml
{
    private const string OurTls =
        "TLS 1.2 and 1.3 with the ciphers of the operating system; the public certificate is tls.certificates";

    public static IReadOnlyDictionary<string, Verdict> Verdicts { get; } =
        new Dictionary<string, Verdict>
        {
            ["Server"] = Verdict.NotNeeded("Tomcat's own; there is no servlet container here"),
            ["Server/Service/Connector"] = Verdict.NotNeeded(
                "Tomcat's own tuning; connections are not tied to threads here"
            ),
            ["Server/Service/Connector/@proxyName"] = Verdict.NeedsYou("set publicUrls.management with this name"),
            ["Server/Service/Connector/@sslEnabledProtocols"] = Verdict.NotNeeded(OurTls),
            ["Server/Service/Connector/@sslProtocol"] = Verdict.NotNeeded(OurTls),
            ["Server/Service/Connector/@ciphers"] = Verdict.NotNeeded(OurTls),
            ["Server/Service/Connector/@keystoreFile"] = Verdict.NeedsYou(
                "'gatehouse import wso2' reads the keystore and writes its certificate as PEM for tls.certificates"
            ),
            ["Server/Service/Connector/@keyAlias"] = Verdict.NotNeeded("belongs to the keystore"),
            ["Server/Service/Connector/@keystoreType"] = Verdict.NotNeeded("belongs to the keystore"),
            ["Server/Service/Connector/@clientAuth"] = Verdict.NotNeeded(
                "client certificates are asked for by the APIs that want them"
            ),
            ["Server/Service/Connector/@compression"] = Verdict.NotNeeded("the compress policy of an API does it"),
            ["Server/Service/Connector/@acceptCount"] = Verdict.NotNeeded("the system's own queue of new connections"),
            ["Server/Service/Connector/SSLHostConfig"] = Verdict.NotNeeded(OurTls),
            ["Server/Service/Connector/SSLHostConfig/Certificate"] = Verdict.NotNeeded("belongs to the keystore"),
            ["Server/Service/Connector/SSLHostConfig/Certificate/@certificateKeystoreFile"] = Verdict.NeedsYou(
                "'gatehouse import wso2' reads the keystore and writes its certificate as PEM for tls.certificates"
            ),
            ["Server/Service/Engine"] = Verdict.NotNeeded("Tomcat's own; there is no servlet container here"),
        };

    public static void Read(ElementReader xml, HomeDraft home)
    {
        foreach (var connector in xml.Root.Descendants().Where(e => e.Name.LocalName == "Connector"))
        {
            var secure =
                Is(connector, "SSLEnabled")
                || Is(connector, "secure")
                || (string?)connector.Attribute("scheme") == "https";
            foreach (var attribute in connector.Attributes())
            {
                Read(xml, home, attribute, secure);
            }

            foreach (var protocols in connector.Descendants().Attributes("protocols"))
            {
                JudgeProtocols(xml, protocols);
            }
        }

        xml.Finish("Connector", "SSLHostConfig", "Certificate", "Server");
    }

    private static void Read(ElementReader xml, HomeDraft home, XAttribute attribute, bool secure)
    {
        var scheme = secure ? "https" : "http";
        switch (attribute.Name.LocalName)
        {
            case "port" when HomeDraft.Port(xml, attribute, home.Fill(attribute.Value)) is { } port:
                if (secure)
                {
                    home.HttpsPort ??= port;
                }
                else
                {
                    home.HttpPort ??= port;
                }

                home.Set($"listen.management.{scheme}", port.ToString(CultureInfo.InvariantCulture), xml.At(attribute));
                xml.Converted(attribute, $"listen.management.{scheme}");
                break;
            case "proxyPort" when HomeDraft.Port(xml, attribute, home.Fill(attribute.Value)) is { } port:
                if (secure)
                {
                    home.HttpsProxyPort ??= (port, xml.At(attribute));
                }
                else
                {
                    home.HttpProxyPort ??= (port, xml.At(attribute));
                }

                xml.Converted(
                    attribute,
                    secure && !home.IsWorker ? "publicUrls.management" : $"publicUrls.gateway.{scheme}",
                    "the port that the outside sees; the offset does not move it"
                );
                break;
            case "redirectPort":
                xml.NotNeeded(attribute, "the plain management port leads to the TLS one by itself");
                break;
            case "address":
                home.Set("listen.management.bind", attribute.Value, xml.At(attribute));
                xml.Converted(attribute, "listen.management.bind");
                break;
            case "maxHttpHeaderSize"
                when int.TryParse(attribute.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var size):
                if (size > 32 * 1024)
                {
                    home.Set("limits.requestHead", attribute.Value, xml.At(attribute));
                    xml.Converted(attribute, "limits.requestHead");
                }
                else
                {
                    xml.NotNeeded(attribute, "limits.requestHead is 32KiB by default, which is no less");
                }

                break;
            case "sslEnabledProtocols":
                JudgeProtocols(xml, attribute);
                break;
            default:
                break;
        }
    }

    private static void JudgeProtocols(ElementReader xml, XAttribute attribute)
    {
        if (attribute.Value.Split(['+', ',', ' ']).Any(p => p is "TLSv1" or "TLSv1.1" or "SSLv3" or "SSLv2Hello"))
        {
            xml.Dangerous(attribute, "TLS below 1.2 is broken; callers that know no better are refused here");
        }
    }

    private static bool Is(XElement element, string name) =>
        string.Equals((string?)element.Attribute(name), "true", StringComparison.OrdinalIgnoreCase);
}
