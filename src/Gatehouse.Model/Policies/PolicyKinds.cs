using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Model;

/// <summary>Every policy that this build has, in the order of the reference.</summary>
public static class PolicyKinds
{
    /// <summary>All of them.</summary>
    public static ImmutableArray<PolicyKind> All { get; } =
    [
        new(
            "headers",
            PolicyFlows.Request | PolicyFlows.Answer | PolicyFlows.Fault,
            "Removes, renames, sets and adds headers of requests and answers.",
            """{ "request": { "set": { "X-Channel": "gateway" } }, "answer": { "remove": ["X-Powered-By"] } }""",
            PolicyJson.Default.HeadersSettings
        )
        {
            Repeats = true,
        },
        new(
            "rewrite",
            PolicyFlows.Request,
            "Changes the path, the method and the query that go to the backend. A path that is written anew is judged like one that came.",
            """{ "path": "/v2/animals/{id}", "setQuery": { "source": "gateway" } }""",
            PolicyJson.Default.RewriteSettings
        )
        {
            Repeats = true,
        },
        new(
            "cors",
            PolicyFlows.Request | PolicyFlows.Answer | PolicyFlows.Fault,
            "Lets pages of other origins call the API, and answers their preflights.",
            """{ "allowOrigins": ["https://*.example.com"], "allowCredentials": true, "maxAge": 600 }""",
            PolicyJson.Default.CorsSettings
        )
        {
            ApiOnly = true,
        },
        new(
            "cache",
            PolicyFlows.Request | PolicyFlows.Answer | PolicyFlows.Fault,
            "Answers from memory what the backend has answered before, as RFC 9111 lets a shared cache.",
            """{ "defaultSeconds": 30, "staleIfError": 600 }""",
            PolicyJson.Default.CacheSettings
        ),
        new(
            "convert",
            PolicyFlows.Request | PolicyFlows.Answer,
            "Turns JSON into XML and XML into JSON, the request's body, the answer's or both.",
            """{ "request": "json-to-xml", "answer": "xml-to-json" }""",
            PolicyJson.Default.ConvertSettings
        )
        {
            Repeats = true,
        },
        new(
            "size-limit",
            PolicyFlows.Request | PolicyFlows.Answer,
            "Bounds the size of requests and answers.",
            """{ "request": 1048576, "answer": 10485760 }""",
            PolicyJson.Default.SizeLimitSettings
        ),
        new(
            "json-limits",
            PolicyFlows.Request,
            "Refuses JSON that is broken, too deep or too large, before the backend has to parse it.",
            """{ "maxDepth": 16, "maxItems": 1000 }""",
            PolicyJson.Default.JsonLimitsSettings
        ),
        new(
            "xml-limits",
            PolicyFlows.Request,
            "Refuses XML that is broken, too deep or too large, or has a document type, before the backend has to parse it.",
            """{ "maxDepth": 16, "maxElements": 1000 }""",
            PolicyJson.Default.XmlLimitsSettings
        ),
        new(
            "regex-limits",
            PolicyFlows.Request,
            "Refuses requests that a regular expression matches.",
            """{ "patterns": ["(?i)union\\s+select"], "in": ["query", "body"] }""",
            PolicyJson.Default.RegexLimitsSettings
        ),
        new(
            "validate",
            PolicyFlows.Request | PolicyFlows.Answer,
            "Checks requests, and answers, against the OpenAPI document: parameters, content type and body.",
            """{ "request": "refuse", "answer": "log" }""",
            PolicyJson.Default.ValidateSettings
        ),
        new(
            "ip-filter",
            PolicyFlows.Request,
            "Lets addresses call or not.",
            """{ "allow": ["10.0.0.0/8", "127.0.0.1"], "deny": ["10.6.6.6"] }""",
            PolicyJson.Default.IpFilterSettings
        ),
        new(
            "backend-jwt",
            PolicyFlows.Request,
            "Tells the backend who calls, in a JWT that the worker signs. Managers publish the keys at /api/v1/gateway-keys.",
            """{ "encoding": "base64url", "tokenClaims": ["email"] }""",
            PolicyJson.Default.BackendJwtSettings
        ),
        new(
            "mock",
            PolicyFlows.Request,
            "Answers without a backend, by the examples of the OpenAPI document or by answers of its own.",
            """{ "answers": [{ "status": 200, "body": "{\"id\":1}" }] }""",
            PolicyJson.Default.MockSettings
        ),
        new(
            "mirror",
            PolicyFlows.Request,
            "Sends a copy of requests to a second backend, whose answers nobody sees. Never slows the call.",
            """{ "url": "http://shadow.example.com:8080", "percent": 10 }""",
            PolicyJson.Default.MirrorSettings
        )
        {
            Repeats = true,
        },
        new(
            "call-out",
            PolicyFlows.Request,
            "Asks another service about every request: 2xx lets it pass, anything else goes back to the caller as 403.",
            """{ "url": "http://gate.example.com:8080/check", "sendHeaders": ["Authorization"], "takeHeaders": ["X-User"] }""",
            PolicyJson.Default.CallOutSettings
        )
        {
            Repeats = true,
        },
        new(
            "compress",
            PolicyFlows.Answer,
            "Compresses answers for callers that take it.",
            """{ "minBytes": 512 }""",
            PolicyJson.Default.CompressSettings
        ),
    ];

    private static ImmutableArray<PolicyKind> s_plugins = [];

    /// <summary>Every policy that this process knows: <see cref="All"/>, and what the plug-ins it has loaded add.</summary>
    public static ImmutableArray<PolicyKind> Known => [.. All, .. s_plugins];

    /// <summary>
    /// Makes known what plug-ins add, for the rest of the process, as their assemblies are in it for the rest of it. A name
    /// that is known already gets the newer kind.
    /// </summary>
    public static void Add(IEnumerable<PolicyKind> plugins) =>
        ImmutableInterlocked.Update(
            ref s_plugins,
            static (known, added) =>
                [
                    .. known
                        .ExceptBy(added.Select(k => k.Name), k => k.Name)
                        .Concat(added)
                        .OrderBy(k => k.Name, StringComparer.Ordinal),
                ],
            plugins.Where(k => IsPlugin(k.Name)).ToList()
        );

    /// <summary>The policy of that name; null when there is none.</summary>
    public static PolicyKind? Find(string name) =>
        All.FirstOrDefault(k => k.Name == name) ?? s_plugins.FirstOrDefault(k => k.Name == name);

    /// <summary>True for names that plug-ins have.</summary>
    public static bool IsPlugin(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Contains('/', StringComparison.Ordinal);
    }

    /// <summary>Everything that is wrong with a list of policies.</summary>
    /// <param name="uses">As an API or operation names them.</param>
    /// <param name="pointer">Where the list stands.</param>
    /// <param name="ofOperation">True for the list of one operation.</param>
    public static IEnumerable<Problem> Check(ImmutableArray<PolicyUse> uses, string pointer, bool ofOperation)
    {
        var problems = new List<Problem>();
        for (var i = 0; i < uses.Length; i++)
        {
            var name = uses[i].Name;
            var known = Find(name);
            if (known is null && IsPlugin(name))
            {
                // Its settings are the plug-in's to judge; a worker without it refuses the API and says so.
                continue;
            }

            if (known is not { } kind)
            {
                problems.Add(
                    new($"{pointer}/{i}/name", $"There is no policy '{name}'", "gatehouse policy list shows all")
                );
                continue;
            }

            if (kind.ApiOnly && ofOperation)
            {
                problems.Add(new($"{pointer}/{i}/name", $"{name} stands at an API, not at one operation"));
            }

            if (!kind.Repeats && uses.Take(i).Any(u => u.Name == name))
            {
                problems.Add(new($"{pointer}/{i}/name", $"{name} is there twice"));
            }

            kind.Read(uses[i].Settings, $"{pointer}/{i}/settings", problems);
        }

        return problems;
    }
}

/// <summary>How settings of policies are written. A name that is not known is a mistake of whoever wrote it.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true
)]
[JsonSerializable(typeof(HeadersSettings))]
[JsonSerializable(typeof(RewriteSettings))]
[JsonSerializable(typeof(CorsSettings))]
[JsonSerializable(typeof(CacheSettings))]
[JsonSerializable(typeof(ConvertSettings))]
[JsonSerializable(typeof(SizeLimitSettings))]
[JsonSerializable(typeof(JsonLimitsSettings))]
[JsonSerializable(typeof(XmlLimitsSettings))]
[JsonSerializable(typeof(RegexLimitsSettings))]
[JsonSerializable(typeof(ValidateSettings))]
[JsonSerializable(typeof(IpFilterSettings))]
[JsonSerializable(typeof(MockSettings))]
[JsonSerializable(typeof(BackendJwtSettings))]
[JsonSerializable(typeof(MirrorSettings))]
[JsonSerializable(typeof(CallOutSettings))]
[JsonSerializable(typeof(CompressSettings))]
internal sealed partial class PolicyJson : JsonSerializerContext;
