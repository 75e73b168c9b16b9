using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>Operation policies of 4.1 and later, by the names that API Manager ships.</summary>
internal static class OperationPolicies
{
    public static void Read(DataReader log, DataNode? policies, string path, ResourceDraft into, JsonArray others)
    {
        foreach (var (flow, _, list) in policies?.Members ?? [])
        {
            foreach (var policy in list.Items)
            {
                One(log, policy, $"{path}.{flow}", flow == "request", into, others);
            }
        }
    }

    private static void One(
        DataReader log,
        DataNode policy,
        string path,
        bool ofRequest,
        ResourceDraft into,
        JsonArray others
    )
    {
        var name = policy["policyName"]?.Text ?? "";
        var p = policy["parameters"];
        var at = $"{path}.{name}";
        switch (name)
        {
            case "addHeader" or "setHeader" when Of(p, "headerName") is { } header:
                into.SetHeader(ofRequest, header, Of(p, "headerValue") ?? "");
                log.Converted(policy, at, ofRequest ? "headers.request.set" : "headers.answer.set");
                break;
            case "removeHeader" when Of(p, "headerName") is { } header:
                into.RemoveHeader(ofRequest, header);
                log.Converted(policy, at, ofRequest ? "headers.request.remove" : "headers.answer.remove");
                break;
            case "rewriteResourcePath" when Of(p, "newResourcePath") is { } to:
                into.RewritePath = to.StartsWith('/') ? to : $"/{to}";
                log.Converted(policy, at, "rewrite.path");
                break;
            case "rewriteHTTPMethod" when (Of(p, "updatedMethod") ?? Of(p, "method")) is { } method:
                into.RewriteMethod = method.ToUpperInvariant();
                log.Converted(policy, at, "rewrite.method");
                break;
            case "addQueryParam" when Of(p, "paramKey") is { } key:
                others.Add(
                    Use(
                        "rewrite",
                        new JsonObject { ["setQuery"] = new JsonObject { [key] = Of(p, "paramValue") ?? "" } }
                    )
                );
                log.Converted(policy, at, "rewrite.setQuery");
                break;
            case "removeQueryParam" when Of(p, "paramKey") is { } key:
                others.Add(Use("rewrite", new JsonObject { ["removeQuery"] = new JsonArray(key) }));
                log.Converted(policy, at, "rewrite.removeQuery");
                break;
            case "jsonToXML" or "xmlToJson" or "xmlToJSON":
                others.Add(
                    Use(
                        "convert",
                        new JsonObject
                        {
                            [ofRequest ? "request" : "answer"] = name == "jsonToXML" ? "json-to-xml" : "xml-to-json",
                        }
                    )
                );
                log.Converted(policy, at, "convert");
                break;
            case "addLogMessage" or "disableChunking":
                log.NotNeeded(policy, at, "of the old gateway's inside");
                break;
            case "callInterceptorService":
                log.NeedsYou(
                    policy,
                    at,
                    "the call-out policy asks a service about each request, in a protocol of its own: docs/reference/policies.md"
                );
                break;
            case "JsonThreatProtector" or "jsonThreatProtector":
                others.Add(Use("json-limits", []));
                log.Converted(policy, at, "json-limits", "with our limits: compare them");
                break;
            case "RegularExpressionProtector" or "regexThreatProtector":
                log.NeedsYou(policy, at, "the regex-limits policy does this; set its patterns");
                break;
            default:
                log.NeedsYou(
                    policy,
                    at,
                    "this policy has no counterpart by its name: write what it does in policies of docs/reference/policies.md"
                );
                break;
        }
    }

    private static string? Of(DataNode? parameters, string name) => parameters?[name]?.Text;

    private static JsonObject Use(string name, JsonObject settings) =>
        new() { ["name"] = name, ["settings"] = settings };
}
