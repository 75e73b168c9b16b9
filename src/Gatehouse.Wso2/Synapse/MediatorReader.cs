using System.Globalization;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>Which way a sequence's message goes.</summary>
internal enum Flow
{
    Request,
    Answer,
    Fault,
}

/// <summary>
/// Synapse mediators of one resource, read in their order. Those with a counterpart become policies of its operations; what has
/// none is named with what to do about it.
/// </summary>
internal sealed class MediatorReader(SynapseLibrary library, ResourceDraft resource, Import import, string api)
{
    private const int MaxDepth = 20;
    private readonly SynapseEndpointReader _endpoints = new(library);

    // Set by the gateway's own sequences for its measurements, or of the old transport's inside.
    private static readonly HashSet<string> s_inside = new(StringComparer.Ordinal)
    {
        "api.ut.backendRequestTime",
        "api.ut.requestTime",
        "CACHE_ENABLED",
        "isDefault",
        "FORCE_HTTP_1.0",
        "DISABLE_CHUNKING",
        "FORCE_HTTP_CONTENT_LENGTH",
        "COPY_CONTENT_LENGTH_FROM_INCOMING",
        "PRESERVE_WS_ADDRESSING",
        "NO_KEEPALIVE",
        "RESPONSE",
        "NO_ENTITY_BODY",
        "messageType",
        "ContentType",
        "ClientApiNonBlocking",
        "TRANSPORT_HEADERS",
        "OUT_ONLY",
        "FORCE_SC_ACCEPTED",
        "custom_content_type",
        "error_message_type",
        "ENDPOINT_ADDRESS",
        "api.ut.resource",
        "forced_http_content_length",
    };

    // Mediator classes of API Manager itself.
    private static readonly string[] s_known =
    [
        "org.wso2.carbon.apimgt.gateway.",
        "org.wso2.carbon.apimgt.usage.",
        "org.wso2.carbon.mediation.",
    ];

    /// <summary>Reads every mediator in an element.</summary>
    public void Read(ElementReader xml, XElement sequence, Flow flow, string? keyType = null, int depth = 0)
    {
        if (depth > MaxDepth)
        {
            xml.Wrong(sequence, $"sequences are nested more than {MaxDepth} deep", "is there a circle?");
            return;
        }

        foreach (var mediator in sequence.Elements())
        {
            ReadOne(xml, mediator, flow, keyType, depth);
        }
    }

    private void ReadOne(ElementReader xml, XElement mediator, Flow flow, string? keyType, int depth)
    {
        switch (mediator.Name.LocalName)
        {
            case "property":
                ReadProperty(xml, mediator, flow);
                break;
            case "propertyGroup":
                Read(xml, mediator, flow, keyType, depth + 1);
                break;
            case "header":
                ReadHeader(xml, mediator, flow);
                break;
            case "filter":
                ReadFilter(xml, mediator, flow, keyType, depth);
                break;
            case "send" or "call":
                ReadSend(xml, mediator, flow, keyType);
                break;
            case "endpoint":
                _endpoints.Read(xml, mediator, keyType == "SANDBOX" ? resource.Sandbox : resource.Production);
                break;
            case "sequence":
                ReadSequence(xml, mediator, flow, keyType, depth);
                break;
            case "respond" or "loopback":
                xml.NotNeeded(mediator, flow == Flow.Request ? "the answer begins here" : "the end of the flow");
                break;
            case "drop":
                xml.NotNeeded(mediator, "the end of the flow");
                break;
            case "log":
                xml.NotNeeded(
                    mediator,
                    "log.access has a line for each request; 'gatehouse why' says what became of one"
                );
                break;
            case "description":
                xml.NotNeeded(mediator, "a remark");
                break;
            case "payloadFactory":
                ReadPayload(xml, mediator, flow);
                break;
            case "rewrite" or "urlRewrite":
                ReadRewrite(xml, mediator, flow);
                break;
            case "cache":
                ReadCache(xml, mediator, flow);
                break;
            case "throttle":
                new ThrottleReader(import).Read(xml, mediator, resource, api);
                break;
            case "class":
                ReadClass(xml, mediator);
                break;
            case "builder" or "propertybuilder":
                xml.NotNeeded(mediator, "bodies are passed on as they come");
                break;
            default:
                Unknown(xml, mediator);
                break;
        }
    }

    private static void Unknown(ElementReader xml, XElement mediator)
    {
        xml.NeedsYou(mediator, SynapseVerdicts.Todo(mediator.Name.LocalName));
        foreach (var inner in mediator.Descendants())
        {
            xml.NotNeeded(inner, $"part of the {mediator.Name.LocalName} above");
        }
    }

    private void ReadProperty(ElementReader xml, XElement property, Flow flow)
    {
        var name = (string?)property.Attribute("name") ?? "";
        var scope = (string?)property.Attribute("scope") ?? "default";
        var value = (string?)property.Attribute("value");
        var removes = (string?)property.Attribute("action") == "remove";
        if (scope == "transport")
        {
            EditHeader(xml, property, flow, name, removes ? null : value, removes);
        }
        else if (s_inside.Contains(name))
        {
            xml.NotNeeded(property, "of the old gateway's inside");
        }
        else if (name == "HTTP_METHOD" && value is not null)
        {
            resource.RewriteMethod = value.ToUpperInvariant();
            xml.Converted(property, "rewrite.method");
        }
        else if (name == "REST_URL_POSTFIX" && removes)
        {
            resource.RewritePath = "/";
            xml.Converted(property, "rewrite.path");
        }
        else if (name == "REST_URL_POSTFIX" && value is not null)
        {
            resource.RewritePath = value.StartsWith('/') ? value : $"/{value}";
            xml.Converted(property, "rewrite.path");
        }
        else if (
            name == "HTTP_SC"
            && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var status)
            && status is >= 200 and <= 599
        )
        {
            resource.MockStatus = status;
            xml.Converted(property, "mock.answers.status", "counts where the answer is made here");
        }
        else if (removes || value is not null && property.Attribute("expression") is null)
        {
            xml.NotNeeded(property, "a variable for other mediators; those that have a counterpart do not read it");
        }
        else
        {
            xml.NeedsYou(
                property,
                "a variable made of the message: where a mediator below uses it, do that in a policy or the backend"
            );
        }
    }

    private void ReadHeader(ElementReader xml, XElement header, Flow flow)
    {
        if ((string?)header.Attribute("scope") is not "transport")
        {
            xml.NeedsYou(header, "a SOAP header: bodies are passed on as they are");
            return;
        }

        var removes = (string?)header.Attribute("action") == "remove";
        EditHeader(
            xml,
            header,
            flow,
            (string?)header.Attribute("name") ?? "",
            removes ? null : (string?)header.Attribute("value"),
            removes
        );
    }

    private void EditHeader(ElementReader xml, XElement element, Flow flow, string name, string? value, bool removes)
    {
        if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c)))
        {
            xml.Wrong(element, $"'{name}' is not the name of a header", "write letters, digits and '-'");
        }
        else if (IsOurs(name) is { } why)
        {
            xml.NotNeeded(element, why);
        }
        else if (removes)
        {
            resource.RemoveHeader(flow == Flow.Request, name);
            xml.Converted(element, flow == Flow.Request ? "headers.request.remove" : "headers.answer.remove");
        }
        else if (name.Equals("Authorization", StringComparison.OrdinalIgnoreCase))
        {
            xml.Dangerous(
                element,
                "credentials of the backend stand in the file, readable by whoever reads it; change them at the backend and give the new ones with 'gatehouse api credential'"
            );
        }
        else if (value is not null && !value.Any(char.IsControl))
        {
            resource.SetHeader(flow == Flow.Request, name, value);
            xml.Converted(element, flow == Flow.Request ? "headers.request.set" : "headers.answer.set");
        }
        else
        {
            xml.NeedsYou(
                element,
                $"the value of {name} is made of the message: the headers policy sets fixed values; the call-out policy takes values from a service"
            );
        }
    }

    private static string? IsOurs(string name) =>
        name.ToLowerInvariant() switch
        {
            "host" => "the backend gets its own name for Host",
            "content-length" or "transfer-encoding" or "connection" or "keep-alive" or "te" or "trailer" or "upgrade" =>
                "of one connection: the gateway's own business",
            _ => null,
        };

    // The gateway's own: production to one endpoint, sandbox to the other.
    private void ReadFilter(ElementReader xml, XElement filter, Flow flow, string? keyType, int depth)
    {
        var source = (string?)filter.Attribute("source") ?? (string?)filter.Attribute("xpath") ?? "";
        var then = ElementReader.Find(filter, "then");
        var otherwise = ElementReader.Find(filter, "else");
        if (source.Contains("AM_KEY_TYPE", StringComparison.Ordinal))
        {
            var isProduction = ((string?)filter.Attribute("regex") ?? "PRODUCTION").Equals(
                "PRODUCTION",
                StringComparison.OrdinalIgnoreCase
            );
            xml.Converted(filter, "production and sandbox endpoints", "the type of the caller's key chooses");
            if (then is not null)
            {
                Read(xml, then, flow, isProduction ? "PRODUCTION" : "SANDBOX", depth + 1);
            }

            if (otherwise is not null)
            {
                Read(xml, otherwise, flow, isProduction ? "SANDBOX" : "PRODUCTION", depth + 1);
            }

            return;
        }

        if (IsGatewaysOwn(source))
        {
            xml.NotNeeded(filter, "of the old gateway's inside");
            foreach (var inner in filter.Descendants())
            {
                xml.NotNeeded(inner, "of the old gateway's inside");
            }

            return;
        }

        Unknown(xml, filter);
    }

    private static bool IsGatewaysOwn(string source) =>
        source.Contains("isDefault", StringComparison.Ordinal)
        || source.Contains("CORSConfiguration.Enabled", StringComparison.Ordinal);

    private void ReadSend(ElementReader xml, XElement send, Flow flow, string? keyType)
    {
        var endpoint = ElementReader.Find(send, "endpoint");
        if (endpoint is null)
        {
            if (flow == Flow.Request)
            {
                xml.NeedsYou(send, "the request went wherever the message said: an API has fixed backends");
            }
            else
            {
                xml.NotNeeded(send, "answers go back by themselves");
            }

            return;
        }

        if (send.Name.LocalName == "call" && IsFollowedBySomething(send))
        {
            Unknown(xml, send);
            return;
        }

        xml.Converted(send, "x-gatehouse-endpoints");
        _endpoints.Read(xml, endpoint, keyType == "SANDBOX" ? resource.Sandbox : resource.Production);
    }

    // A call whose answer is the answer is a send.
    private static bool IsFollowedBySomething(XElement call) =>
        call.ElementsAfterSelf()
            .Any(e => e.Name.LocalName is not ("respond" or "send" or "log" or "property" or "drop"));

    private void ReadSequence(ElementReader xml, XElement sequence, Flow flow, string? keyType, int depth)
    {
        var key = (string?)sequence.Attribute("key");
        if (key is null)
        {
            Read(xml, sequence, flow, keyType, depth + 1);
        }
        else if (library.Sequences.TryGetValue(key, out var named))
        {
            library.Used.Add(key);
            xml.Converted(sequence, "policies", $"what {Path.GetFileName(named.Xml.File)} says");
            Read(named.Xml, named.Root, flow, keyType, depth + 1);
        }
        else if (key.StartsWith('_') || key is "fault" or "main")
        {
            xml.NotNeeded(sequence, "of every installation: what it does, the gateway does by itself");
        }
        else
        {
            xml.NeedsYou(
                sequence,
                $"no file of the sequences folder is named '{key}'; it may lie in the registry (conf:/…): export it from there"
            );
        }
    }

    private void ReadPayload(ElementReader xml, XElement payload, Flow flow)
    {
        var format = ElementReader.Find(payload, "format");
        var arguments = ElementReader.Find(payload, "args");
        var isFixed = arguments is null || !arguments.HasElements;
        var answers =
            flow == Flow.Request && payload.ElementsAfterSelf().Any(e => e.Name.LocalName is "respond" or "loopback");
        if (format is null || !isFixed || !answers)
        {
            Unknown(xml, payload);
            return;
        }

        var isXml = (string?)payload.Attribute("media-type") is not ("json" or "text");
        var body = isXml
            ? string.Concat(format.Elements().Select(e => e.ToString(SaveOptions.DisableFormatting)))
            : format.Value.Trim();
        resource.Mock = (
            body,
            (string?)payload.Attribute("media-type") switch
            {
                "json" => "application/json",
                "text" => "text/plain",
                _ => "application/xml",
            }
        );
        xml.Converted(payload, "mock");
        xml.Converted(format, "mock.answers.body");
        foreach (var inner in format.Descendants())
        {
            xml.NotNeeded(inner, "part of the body");
        }
    }

    private void ReadRewrite(ElementReader xml, XElement rewrite, Flow flow)
    {
        var rules = rewrite.Elements().Where(e => e.Name.LocalName == "rewriterule").ToList();
        if (flow == Flow.Request && rules is [var rule] && ElementReader.Find(rule, "condition") is null)
        {
            var actions = rule.Elements().Where(e => e.Name.LocalName == "action").ToList();
            if (
                actions is [var action]
                && (string?)action.Attribute("fragment") == "path"
                && (string?)action.Attribute("type") is null or "set"
                && (string?)actions[0].Attribute("value") is ['/', ..] path
            )
            {
                resource.RewritePath = path;
                xml.Converted(rewrite, "rewrite");
                xml.Converted(action, "rewrite.path");
                return;
            }
        }

        Unknown(xml, rewrite);
    }

    private void ReadCache(ElementReader xml, XElement cache, Flow flow)
    {
        if (flow != Flow.Request || (string?)cache.Attribute("collector") == "true")
        {
            xml.NotNeeded(cache, "answers are kept as they pass");
        }
        else if (
            int.TryParse(
                (string?)cache.Attribute("timeout") ?? "300",
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var seconds
            )
        )
        {
            resource.CacheSeconds = seconds;
            if (
                int.TryParse(
                    (string?)cache.Attribute("maxMessageSize"),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out var bytes
                ) && bytes is > 0 and <= 64 << 20
            )
            {
                resource.CacheMaxBody = bytes;
            }

            xml.Converted(cache, "cache", "by RFC 9111: what the backend says of an answer comes first");
        }
        else
        {
            xml.Wrong(cache, $"'{(string?)cache.Attribute("timeout")}' is not a number of seconds");
        }

        foreach (var inner in cache.Descendants())
        {
            xml.NotNeeded(inner, "of the old cache's inside");
        }
    }

    private static void ReadClass(ElementReader xml, XElement mediator)
    {
        var name = (string?)mediator.Attribute("name") ?? "";
        if (s_known.Any(k => name.StartsWith(k, StringComparison.Ordinal)))
        {
            xml.NotNeeded(mediator, "of API Manager itself: the gateway counts, caches and passes tokens on by itself");
            foreach (var inner in mediator.Descendants())
            {
                xml.NotNeeded(inner, "of API Manager itself");
            }
        }
        else
        {
            Unknown(xml, mediator);
        }
    }
}
