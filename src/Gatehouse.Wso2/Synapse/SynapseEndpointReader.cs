using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>
/// Synapse <c>endpoint</c> elements: <c>http</c>, <c>address</c>, <c>loadbalance</c>, <c>failover</c>, a name that refers to one,
/// with timeouts. What suspends an endpoint after one error has no counterpart on purpose.
/// </summary>
internal sealed class SynapseEndpointReader(SynapseLibrary library)
{
    private const int MaxDepth = 10;
    private const string NoSuspension =
        "one failed call never suspends an endpoint here; see docs/reference/endpoints.md for breaker";

    /// <summary>Adds what an <c>endpoint</c> element says.</summary>
    public void Read(ElementReader xml, XElement endpoint, EndpointDraft into) =>
        Read(xml, endpoint, into, group: 0, depth: 0);

    private void Read(ElementReader xml, XElement endpoint, EndpointDraft into, int group, int depth)
    {
        if (depth > MaxDepth)
        {
            xml.Wrong(endpoint, $"endpoints refer to each other more than {MaxDepth} deep", "is there a circle?");
            return;
        }

        var key =
            (string?)endpoint.Attribute("key") ?? (endpoint.HasElements ? null : (string?)endpoint.Attribute("name"));
        if (key is not null)
        {
            if (library.Endpoints.TryGetValue(key, out var named))
            {
                library.Used.Add(key);
                xml.Converted(endpoint, "x-gatehouse-endpoints", $"what {Path.GetFileName(named.Xml.File)} says");
                Read(named.Xml, named.Root, into, group, depth + 1);
            }
            else
            {
                xml.NeedsYou(
                    endpoint,
                    $"no file of the endpoints folder is named '{key}': give the API its backend with --endpoint"
                );
            }

            return;
        }

        foreach (var kind in endpoint.Elements())
        {
            ReadKind(xml, kind, into, group, depth);
        }
    }

    private void ReadKind(ElementReader xml, XElement kind, EndpointDraft into, int group, int depth)
    {
        switch (kind.Name.LocalName)
        {
            case "http":
                ReadAddress(xml, kind, "uri-template", into, group);
                break;
            case "address":
                ReadAddress(xml, kind, "uri", into, group);
                break;
            case "loadbalance":
                var algorithm = (string?)kind.Attribute("algorithm") ?? (string?)kind.Attribute("policy");
                into.Algorithm = algorithm?.Contains("WeightedRRLC", StringComparison.Ordinal) is true
                    ? "least-requests"
                    : "round-robin";
                ReadGroup(xml, kind, into, _ => group, depth, $"algorithm {into.Algorithm}");
                break;
            case "failover":
                ReadGroup(
                    xml,
                    kind,
                    into,
                    i => group + i,
                    depth,
                    "each next one is used when none before it looks well"
                );
                break;
            case "session":
                into.Sticky = true;
                xml.Converted(kind, "x-gatehouse-endpoints.sticky", "by the gateway's own cookie");
                foreach (var inner in kind.Elements())
                {
                    xml.NotNeeded(inner, "the cookie holds as long as the endpoint looks well");
                }

                break;
            case "wsdl":
                xml.NeedsYou(kind, "there is no WSDL here: give the API its backend with --endpoint");
                break;
            case "default":
                xml.NeedsYou(
                    kind,
                    "the backend was taken from the message: an API has fixed backends; give one with --endpoint"
                );
                break;
            case "class" or "dynamicLoadbalance" or "recipientlist" or "template":
                xml.NeedsYou(kind, "backends are fixed here: give them with --endpoint");
                break;
            case "property" or "description":
                xml.NotNeeded(kind, "of the old server");
                break;
            default:
                break;
        }
    }

    private void ReadGroup(
        ElementReader xml,
        XElement kind,
        EndpointDraft into,
        Func<int, int> groupOf,
        int depth,
        string note
    )
    {
        xml.Converted(kind, "x-gatehouse-endpoints", note);
        var i = 0;
        foreach (var child in kind.Elements())
        {
            switch (child.Name.LocalName)
            {
                case "endpoint":
                    Read(xml, child, into, groupOf(i++), depth + 1);
                    break;
                case "member":
                    Member(xml, child, into, groupOf(i++));
                    break;
                default:
                    break;
            }
        }
    }

    private static void Member(ElementReader xml, XElement member, EndpointDraft into, int group)
    {
        var host = (string?)member.Attribute("hostName") ?? (string?)member.Attribute("host");
        var port =
            (string?)member.Attribute("httpsPort")
            ?? (string?)member.Attribute("httpPort")
            ?? (string?)member.Attribute("port");
        if (host is null || port is null)
        {
            xml.Wrong(member, "the member has no host or no port");
            return;
        }

        var scheme = member.Attribute("httpsPort") is null ? "http" : "https";
        into.Endpoints.Add(($"{scheme}://{host}:{port}", group, null));
        xml.Converted(member, "x-gatehouse-endpoints");
    }

    private static void ReadAddress(
        ElementReader xml,
        XElement address,
        string attribute,
        EndpointDraft into,
        int group
    )
    {
        var url = ((string?)address.Attribute(attribute) ?? "").Trim();
        if (EndpointDraft.Problem(url) is { } problem)
        {
            xml.NeedsYou(address, $"'{url}': {problem}");
        }
        else
        {
            into.Endpoints.Add((EndpointDraft.Normal(url).TrimEnd('/'), group, null));
            xml.Converted(address, "x-gatehouse-endpoints", url);
        }

        if ((string?)address.Attribute("method") is { } method && address.Attribute(attribute) is not null)
        {
            xml.NotNeeded(
                address.Attribute("method")!,
                $"{method.ToUpperInvariant()} is what the operation is called with"
            );
        }

        foreach (var child in address.Elements())
        {
            switch (child.Name.LocalName)
            {
                case "timeout":
                    ReadTimeout(xml, child, into);
                    break;
                case "suspendOnFailure" or "markForSuspension" or "retryConfig":
                    xml.NotNeeded(child, NoSuspension);
                    break;
                case "enableSec" or "enableRM" or "enableAddressing":
                    xml.NeedsYou(child, "WS-* is not spoken here: the backend, or a proxy in front of it, has to");
                    break;
                case "authentication":
                    xml.Dangerous(
                        child,
                        "credentials of the backend stand in the file: give them with 'gatehouse api credential'"
                    );
                    break;
                default:
                    break;
            }
        }
    }

    private static void ReadTimeout(ElementReader xml, XElement timeout, EndpointDraft into)
    {
        var duration = ElementReader.Find(timeout, "duration");
        if (duration is not null && EndpointDraft.Seconds(ElementReader.TextOf(duration)) is { } seconds)
        {
            into.ResponseTimeout = Math.Max(into.ResponseTimeout ?? 0, seconds);
            xml.Converted(duration, "x-gatehouse-endpoints.responseTimeout");
        }

        foreach (var child in timeout.Elements())
        {
            xml.NotNeeded(child, "a backend that is silent for too long is answered for with 504");
        }
    }
}
