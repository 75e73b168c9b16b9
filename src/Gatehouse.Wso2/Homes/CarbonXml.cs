using System.Globalization;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary><c>carbon.xml</c>: public names, the port offset, the deployment synchronizer, keystores.</summary>
internal static class CarbonXml
{
    private const string Keystore =
        "'gatehouse import wso2' reads the keystore and writes its certificate as PEM for tls.certificates";

    public static IReadOnlyDictionary<string, Verdict> Verdicts { get; } =
        new Dictionary<string, Verdict>
        {
            ["Server/Name"] = Verdict.NotNeeded("the old product's name"),
            ["Server/ServerKey"] = Verdict.NotNeeded("the old product's name"),
            ["Server/Version"] = Verdict.NotNeeded("the old product's version"),
            ["Server/ServerURL"] = Verdict.NotNeeded("there are no SOAP admin services; REST is at the management URL"),
            ["Server/ServerRoles"] = Verdict.NotNeeded("chose what Carbon archives deploy; there are none here"),
            ["Server/Package"] = Verdict.NotNeeded("a Java package"),
            ["Server/WebContextRoot"] = Verdict.NotNeeded("'/' is where everything is"),
            ["Server/ProxyContextPath"] = Verdict.NeedsYou(
                "the proxy in front must take this prefix off before it passes a request on"
            ),
            ["Server/MgtProxyContextPath"] = Verdict.NeedsYou(
                "the proxy in front must take this prefix off before it passes a request on"
            ),
            ["Server/ItemsPerPage"] = Verdict.NotNeeded("of the old console"),
            ["Server/Ports/JMX"] = Verdict.NotNeeded(
                "Java's remote management; metrics are at listen.health, /metrics"
            ),
            ["Server/Ports/EmbeddedLDAP"] = Verdict.NotNeeded("there is no LDAP server inside"),
            ["Server/Ports/ThriftEntitlementReceivePort"] = Verdict.NotNeeded("there is no XACML engine inside"),
            ["Server/JNDI"] = Verdict.NotNeeded("Java's directory"),
            ["Server/IsCloudDeployment"] = Verdict.NotNeeded("of WSO2's own cloud"),
            ["Server/EnableMetering"] = Verdict.NotNeeded("of WSO2's own cloud"),
            ["Server/MaxThreadExecutionTime"] = Verdict.NotNeeded("requests are bounded by timeouts, not by threads"),
            ["Server/GhostDeployment"] = Verdict.NotNeeded(
                "APIs are compiled when they are deployed, which takes microseconds"
            ),
            ["Server/Tenant"] = Verdict.NotNeeded(
                "there are no tenants to load; /t/<tenant> stays part of an API's context"
            ),
            ["Server/Cache"] = Verdict.NotNeeded("what is cached here needs no expiry: changes tell it"),
            ["Server/Axis2Config"] = Verdict.NotNeeded(
                "the catalogue is the repository; changes are told in milliseconds, not looked for"
            ),
            ["Server/ServiceUserRoles"] = Verdict.NotNeeded(
                "roles are those of gatehouse: admin, publisher, operator, auditor"
            ),
            ["Server/CryptoService"] = Verdict.NotNeeded("secrets are wrapped by the cluster key"),
            ["Server/Security"] = Verdict.NotNeeded("of the old console"),
            ["Server/Security/KeyStore"] = Verdict.NotNeeded("belongs to the keystore"),
            ["Server/Security/KeyStore/Location"] = Verdict.NeedsYou(Keystore),
            ["Server/Security/InternalKeyStore"] = Verdict.NotNeeded("secrets are wrapped by the cluster key"),
            ["Server/Security/TrustStore"] = Verdict.NotNeeded("belongs to the trust store"),
            ["Server/Security/TrustStore/Location"] = Verdict.NotNeeded(
                "backends are judged by the certificates that this machine trusts (/etc/ssl/certs); add private authorities there"
            ),
            ["Server/HideMenuItemIds"] = Verdict.NotNeeded("of the old console"),
            ["Server/WorkDirectory"] = Verdict.NotNeeded("there is one data directory"),
            ["Server/HouseKeeping"] = Verdict.NotNeeded("nothing is left in temporary files"),
            ["Server/FileUploadConfig"] = Verdict.NotNeeded("of the old console"),
            ["Server/HttpGetRequestProcessors"] = Verdict.NotNeeded(
                "SOAP services and their WSDL; there are none here"
            ),
            ["Server/ServerInitializers"] = Verdict.NeedsYou("Java classes cannot be run here: find out what they do"),
            ["Server/RequireCarbonServlet"] = Verdict.NotNeeded("of the old console"),
            ["Server/StatisticsReporterDisabled"] = Verdict.NotNeeded("nothing is reported to anybody"),
            ["Server/FeatureRepository"] = Verdict.NotNeeded("there is one binary; features are not downloaded"),
            ["Server/APIManagement"] = Verdict.NotNeeded("API management is always on"),
            ["Server/MediationConfig"] = Verdict.NotNeeded("the catalogue is the one place of definitions"),
            ["Server/H2DatabaseConfiguration"] = Verdict.NotNeeded("there is no H2 here"),
            ["Server/EnableHTTPAdminConsole"] = Verdict.NotNeeded("the console is served over TLS only"),
        };

    public static void Read(ElementReader xml, HomeDraft home)
    {
        foreach (var element in xml.Root.Elements())
        {
            switch (element.Name.LocalName)
            {
                case "HostName":
                    home.HostName = Host(xml, home, element, "hosts.gateway");
                    break;
                case "MgtHostName":
                    home.ManagementHostName = Host(xml, home, element, "hosts.management");
                    break;
                case "Ports":
                    ReadPorts(xml, home, element);
                    break;
                case "DeploymentSynchronizer":
                    DeploymentSynchronizer.Read(xml, home, element);
                    break;
                default:
                    break;
            }
        }

        xml.Finish();
    }

    private static string? Host(ElementReader xml, HomeDraft home, XElement element, string key)
    {
        var text = home.Fill(ElementReader.TextOf(element));
        if (text.Length == 0)
        {
            xml.NotNeeded(element, "empty: every name is answered");
            return null;
        }

        if (Uri.CheckHostName(text) == UriHostNameType.Unknown)
        {
            xml.Wrong(
                element,
                $"'{text}' is not a host name",
                "write a name such as am.example.com, without scheme or port"
            );
            return null;
        }

        home.Set(key, new HomeValue.List([(text, xml.At(element))]), xml.At(element));
        xml.Converted(element, key);
        return text;
    }

    private static void ReadPorts(ElementReader xml, HomeDraft home, XElement ports)
    {
        foreach (var element in ports.Elements())
        {
            var text = home.Fill(ElementReader.TextOf(element));
            switch (element.Name.LocalName)
            {
                case "Offset":
                    ReadOffset(xml, home, element, text);
                    break;
                case "WorkerHttpProxyPort" when HomeDraft.Port(xml, element, text) is { } port:
                    home.WorkerHttpProxyPort = (port, xml.At(element));
                    xml.Converted(element, "publicUrls.gateway.http");
                    break;
                case "WorkerHttpsProxyPort" when HomeDraft.Port(xml, element, text) is { } port:
                    home.WorkerHttpsProxyPort = (port, xml.At(element));
                    xml.Converted(element, "publicUrls.gateway.https");
                    break;
                default:
                    break;
            }
        }
    }

    private static void ReadOffset(ElementReader xml, HomeDraft home, XElement element, string text)
    {
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var offset) || offset > 50_000)
        {
            xml.Wrong(element, $"'{text}' is not a port offset", "write a number from 0 to 50000");
            return;
        }

        home.Set("portOffset", text, xml.At(element));
        if (home.OffsetIsGiven)
        {
            xml.NotNeeded(element, "-DportOffset on the command line wins");
            return;
        }

        home.Offset = offset;
        xml.Converted(element, "portOffset", "moves every port but the membership port and what the outside sees");
    }
}
