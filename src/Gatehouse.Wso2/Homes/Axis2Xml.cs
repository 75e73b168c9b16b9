using System.Collections.Immutable;
using System.Globalization;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary><c>axis2/axis2.xml</c>: the <c>clustering</c> element and the PassThrough transports.</summary>
internal static class Axis2Xml
{
    private const string Soap = "Axis2's own: there are no SOAP services here, bodies are passed on as they are";

    public static IReadOnlyDictionary<string, Verdict> Verdicts { get; } =
        new Dictionary<string, Verdict>
        {
            ["axisconfig"] = Verdict.NotNeeded(Soap),
            ["axisconfig/parameter"] = Verdict.NotNeeded(Soap),
            ["axisconfig/transportReceiver[local]"] = Verdict.NotNeeded("calls inside one Java process"),
            ["axisconfig/transportSender[local]"] = Verdict.NotNeeded("calls inside one Java process"),
            ["axisconfig/transportReceiver[http]"] = Verdict.NotNeeded("of the old transport's inside"),
            ["axisconfig/transportReceiver[https]"] = Verdict.NotNeeded("of the old transport's inside"),
            ["axisconfig/transportReceiver[https]/parameter[keystore]/KeyStore/Location"] = Verdict.NeedsYou(
                "'gatehouse import wso2' reads the keystore and writes its certificate as PEM for tls.certificates"
            ),
            ["axisconfig/transportReceiver[https]/parameter[truststore]"] = Verdict.NotNeeded(
                "client certificates are named by the applications that show them"
            ),
            ["axisconfig/transportReceiver[https]/parameter[SSLVerifyClient]"] = Verdict.NotNeeded(
                "client certificates are asked for by the APIs that want them"
            ),
            ["axisconfig/transportReceiver"] = Verdict.NeedsYou(
                "API traffic comes over HTTP and HTTPS only; whatever came in this way needs another way"
            ),
            ["axisconfig/transportSender[http]"] = Verdict.NotNeeded(
                "backends are reached by the gateway's own client"
            ),
            ["axisconfig/transportSender[https]"] = Verdict.NotNeeded(
                "backends are judged by the certificates that this machine trusts"
            ),
            ["axisconfig/transportSender[ws]"] = Verdict.NotNeeded("WebSocket needs no transport of its own"),
            ["axisconfig/transportSender[wss]"] = Verdict.NotNeeded("WebSocket needs no transport of its own"),
            ["axisconfig/transportSender"] = Verdict.NeedsYou("backends are called over HTTP and HTTPS only"),
            ["axisconfig/clustering"] = Verdict.NeedsYou(
                "this parameter is not known to any version that was read for this"
            ),
            ["axisconfig/clustering/groupManagement"] = Verdict.NotNeeded(
                "the load balancer learns its nodes from the managers; no second cluster is formed for it"
            ),
        };

    // parameter name → why nothing depends on it here.
    private static readonly Dictionary<string, string> s_unneeded = new()
    {
        ["AvoidInitiation"] = "membership starts last by itself",
        ["mcastAddress"] = "of the multicast scheme",
        ["mcastPort"] = "of the multicast scheme",
        ["mcastTTL"] = "of the multicast scheme",
        ["mcastTimeout"] = "of the multicast scheme",
        ["mcastBindAddress"] = "of the multicast scheme; the old agent did not read it either",
        ["localMemberBindPort"] = "the old agent did not read it either: it listened on localMemberPort",
        ["connTimeout"] = "addresses are tried side by side, with a time limit of their own",
        ["licenseKey"] = "of Hazelcast",
        ["mgtCenterURL"] = "of Hazelcast",
        ["hazelcastSerializers"] = "of Hazelcast",
        ["membershipSchemeClassName"] = "a Java class; schemes here are wka and dns",
    };

    public static void Read(ElementReader xml, HomeDraft home)
    {
        if (ElementReader.Find(xml.Root, "clustering") is { } clustering)
        {
            ReadClustering(xml, home, clustering);
        }

        foreach (var receiver in xml.Root.Elements().Where(e => e.Name.LocalName == "transportReceiver"))
        {
            if ((string?)receiver.Attribute("name") is "http" or "https")
            {
                ReadReceiver(xml, home, receiver, (string)receiver.Attribute("name")!);
            }
        }

        xml.Finish();
    }

    private static void ReadClustering(ElementReader xml, HomeDraft home, XElement clustering)
    {
        var enable = clustering.Attribute("enable");
        var enabled = enable is not null && HomeDraft.Switch(xml, enable, enable.Value) is true;
        home.Set("cluster.enabled", enabled ? "true" : "false", xml.At((XObject?)enable ?? clustering));
        xml.Converted((XObject?)enable ?? clustering, "cluster.enabled");

        var scheme = ElementReader.Find(clustering, "parameter[membershipScheme]");
        var isWka = scheme is null || ElementReader.TextOf(scheme) == "wka";
        foreach (var parameter in clustering.Elements().Where(e => e.Name.LocalName == "parameter"))
        {
            ReadParameter(xml, home, parameter, enabled);
        }

        if (ElementReader.Find(clustering, "members") is { } members)
        {
            if (isWka)
            {
                ReadMembers(xml, home, members);
            }
            else
            {
                xml.NotNeeded(members, "members count with membershipScheme wka only");
            }
        }
    }

    private static void ReadParameter(ElementReader xml, HomeDraft home, XElement parameter, bool enabled)
    {
        var name = (string?)parameter.Attribute("name") ?? "";
        var text = home.Fill(ElementReader.TextOf(parameter));
        switch (name)
        {
            case "membershipScheme":
                ReadScheme(xml, home, parameter, text, enabled);
                break;
            case "domain":
                Take("cluster.domain");
                break;
            case "localMemberHost":
                home.LocalMemberHost = text;
                Take("cluster.localMember.host");
                if (enabled)
                {
                    // One address, all of a node: the old members knew each other by nothing else.
                    home.Set("node.advertise", text, xml.At(parameter));
                }

                break;
            case "localMemberPort":
                Take("cluster.localMember.port");
                break;
            case "localMemberBindAddress":
                Take("cluster.localMember.bind");
                break;
            case "groupPassword" when text.StartsWith("ghj1_", StringComparison.Ordinal):
                home.JoinToken = text;
                xml.Converted(
                    parameter,
                    "join token",
                    "lets this node in; it is of no use once the node has its certificate"
                );
                break;
            case "groupPassword":
                xml.Dangerous(
                    parameter,
                    "a password in plain text that every member shared; members show certificates here, so it is not needed"
                );
                break;
            case "properties":
                ReadProperties(xml, home, parameter);
                break;
            default:
                if (s_unneeded.TryGetValue(name, out var why))
                {
                    xml.NotNeeded(parameter, why);
                }

                break;
        }

        void Take(string key)
        {
            home.Set(key, text, xml.At(parameter));
            xml.Converted(parameter, key);
        }
    }

    private static void ReadScheme(ElementReader xml, HomeDraft home, XElement parameter, string scheme, bool enabled)
    {
        switch (scheme)
        {
            case "wka":
                home.Set("cluster.scheme", "wka", xml.At(parameter));
                xml.Converted(parameter, "cluster.scheme");
                break;
            case "kubernetes":
                xml.NeedsYou(
                    parameter,
                    "set cluster.scheme: dns and cluster.dnsName to the headless service of the pods"
                );
                break;
            case var other when !enabled:
                xml.NotNeeded(parameter, $"clustering is off, so '{other}' is not looked at");
                break;
            default:
                // What it is told to a user of gatehouse.yaml as well.
                home.Set("cluster.scheme", scheme, xml.At(parameter));
                break;
        }
    }

    private static void ReadProperties(ElementReader xml, HomeDraft home, XElement properties)
    {
        var free = ImmutableArray.CreateBuilder<(string, string, Place)>();
        foreach (var property in properties.Elements().Where(e => e.Name.LocalName == "property"))
        {
            var name = (string?)property.Attribute("name") ?? "";
            var value = home.Fill((string?)property.Attribute("value") ?? "");
            if (name == "subDomain")
            {
                home.Set("node.subDomain", value, xml.At(property));
                xml.Converted(property, "node.subDomain", "a label for people; it decides nothing");
            }
            else if (name.Length > 0)
            {
                free.Add((name, value, xml.At(property)));
                xml.Converted(
                    property,
                    $"node.properties.{name}",
                    name.StartsWith("port.mapping.", StringComparison.Ordinal)
                        ? "shown beside the member, and what 'gatehouse lb export' goes by"
                        : "shown beside the member"
                );
            }
        }

        if (free.Count > 0)
        {
            home.Set("node.properties", new HomeValue.Map(free.ToImmutable()), xml.At(properties));
        }
    }

    private static void ReadMembers(ElementReader xml, HomeDraft home, XElement members)
    {
        var list = ImmutableArray.CreateBuilder<(string, Place)>();
        foreach (var member in members.Elements().Where(e => e.Name.LocalName == "member"))
        {
            var host = ElementReader.Find(member, "hostName");
            var port = ElementReader.Find(member, "port");
            if (host is null || ElementReader.TextOf(host).Length == 0)
            {
                xml.Wrong(member, "the member has no hostName", "write <hostName>ADDRESS</hostName><port>4000</port>");
                continue;
            }

            if (port is null)
            {
                list.Add((home.Fill(ElementReader.TextOf(host)), xml.At(host)));
                xml.Converted(host, "cluster.members", "port 4000, as none is given");
            }
            else if (HomeDraft.Port(xml, port, home.Fill(ElementReader.TextOf(port))) is { } number)
            {
                list.Add(
                    (
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"{home.Fill(ElementReader.TextOf(host))}:{number}"
                        ),
                        xml.At(host)
                    )
                );
                xml.Converted(host, "cluster.members");
                xml.Converted(port, "cluster.members");
            }
        }

        if (list.Count > 0)
        {
            home.Set("cluster.members", new HomeValue.List(list.ToImmutable()), xml.At(members));
        }
    }

    private static void ReadReceiver(ElementReader xml, HomeDraft home, XElement receiver, string scheme)
    {
        foreach (var parameter in receiver.Elements().Where(e => e.Name.LocalName == "parameter"))
        {
            var text = home.Fill(ElementReader.TextOf(parameter));
            switch ((string?)parameter.Attribute("name"))
            {
                case "port" when HomeDraft.Port(xml, parameter, text) is not null:
                    home.Set($"listen.gateway.{scheme}", text, xml.At(parameter));
                    xml.Converted(parameter, $"listen.gateway.{scheme}");
                    break;
                case "bind-address":
                    home.Set("listen.gateway.bind", text, xml.At(parameter));
                    xml.Converted(parameter, "listen.gateway.bind");
                    break;
                case "WSDLEPRPrefix":
                    ReadPrefix(xml, home, parameter, text);
                    break;
                default:
                    break;
            }
        }
    }

    // The address that callers are told for API traffic, of whichever scheme it says.
    private static void ReadPrefix(ElementReader xml, HomeDraft home, XElement parameter, string text)
    {
        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
        {
            var key = $"publicUrls.gateway.{url!.Scheme}";
            home.Set(key, url.GetLeftPart(UriPartial.Path).TrimEnd('/'), xml.At(parameter));
            xml.Converted(parameter, key);
        }
        else
        {
            xml.Wrong(parameter, $"'{text}' is not an http or https URL", "write it like https://am.example.com:443");
        }
    }
}
