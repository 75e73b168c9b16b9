using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>One Synapse <c>api</c> file, as the old gateway ran it, made into an OpenAPI document with our extensions.</summary>
internal static partial class SynapseApiReader
{
    private static readonly string[] s_methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"];

    // Of the key manager, on the gateway's ports.
    private static readonly Dictionary<string, string> s_builtIn = new(StringComparer.Ordinal)
    {
        ["_WSO2AMTokenAPI_"] = "/token",
        ["_TokenAPI_"] = "/token",
        ["_WSO2AMAuthorizeAPI_"] = "/authorize",
        ["_AuthorizeAPI_"] = "/authorize",
        ["_WSO2AMRevokeAPI_"] = "/revoke",
        ["_RevokeAPI_"] = "/revoke",
        ["_WSO2AMUserInfoAPI_"] = "/userinfo",
        ["_UserInfoAPI_"] = "/userinfo",
        ["_OpenService_"] = "/services",
    };

    public static void Read(
        ElementReader xml,
        string file,
        SynapseLibrary library,
        SynapseDefaults defaults,
        string? tenant,
        Import import
    )
    {
        var root = xml.Root;
        if (root.Name.LocalName != "api")
        {
            xml.Wrong(root, $"the file's root is <{root.Name.LocalName}>, not <api>", "is it in the right folder?");
            return;
        }

        var full = (string?)root.Attribute("name") ?? Path.GetFileNameWithoutExtension(file);
        if (s_builtIn.TryGetValue(full, out var path))
        {
            xml.NotNeeded(root, $"{path} is the key manager's own address here");
            foreach (var inner in root.Elements())
            {
                xml.NotNeeded(inner, $"{path} is the key manager's own address here");
            }

            return;
        }

        var address = Address(xml, root, full, defaults);
        if (address is not { } at)
        {
            xml.Finish();
            return;
        }

        if (tenant is not null)
        {
            import.Log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    xml.At(root),
                    "tenant",
                    tenant,
                    at.Context,
                    $"there are no tenants: the API keeps its address {at.Context}; its publisher and subscribers become those of the cluster"
                )
            );
        }

        var handlers = new HandlerReader(xml);
        handlers.Read(ElementReader.Find(root, "handlers"));
        var paths = new JsonObject();
        EndpointDraft? production = null;
        EndpointDraft? sandbox = null;
        foreach (var resource in root.Elements().Where(e => e.Name.LocalName == "resource"))
        {
            var draft = new ResourceDraft();
            ReadResource(xml, resource, library, draft, import, full);
            Extensions(library, full, draft, import);
            Operations(xml, resource, draft, paths);
            Same(xml, resource, "production", ref production, draft.Production);
            Same(xml, resource, "sandbox", ref sandbox, draft.Sandbox);
        }

        if (paths.Count == 0)
        {
            xml.Wrong(
                root,
                "the API has no resource that could be served",
                "add a <resource> with methods and uri-template"
            );
            xml.Finish();
            return;
        }

        Attributes(xml, root);
        var document = Document(at.Name, at.Version, paths, production, handlers, IsMockedWhole(paths));
        if (sandbox is { IsPlain: false })
        {
            document["x-gatehouse-sandbox-endpoints"] = sandbox.ToJson();
        }

        import.Add(
            new ImportedApi
            {
                Name = at.Name,
                Version = at.Version,
                Context = at.Context,
                IsDefaultVersion = at.IsDefault,
                Document = document,
                SandboxEndpoints = sandbox is { IsPlain: true } plain ? plain.Urls : [],
                Auth = handlers.Auth ?? "none",
                ClientCertificate = handlers.ClientCertificate,
                AuthorizationHeader = handlers.AuthorizationHeader,
                ApiKeyHeader = handlers.ApiKeyHeader,
                PassAuthorization = handlers.PassAuthorization,
                Policy = handlers.Policy,
                MaxTps = handlers.MaxTps,
                SandboxMaxTps = handlers.SandboxMaxTps,
            },
            xml.At(root)
        );
        if (handlers.Auth is null)
        {
            import.Log.Add(
                new Finding(
                    Outcome.Dangerous,
                    xml.At(root),
                    "api/handlers",
                    null,
                    "auth: none",
                    "the API has no authentication handler, so it stays open to everybody; --auth closes it"
                )
            );
        }

        xml.Finish();
    }

    private static (string Name, string Version, string Context, bool IsDefault)? Address(
        ElementReader xml,
        XElement root,
        string full,
        SynapseDefaults defaults
    )
    {
        var parts = SynapseFolder.ApiName().Match(full);
        var context = ((string?)root.Attribute("context") ?? "").TrimEnd('/');
        if (context is not ['/', _, ..])
        {
            xml.Wrong(root, $"'{context}' is not a context", "write context=\"/name\"");
            return null;
        }

        var version =
            (string?)root.Attribute("version")
            ?? (parts.Groups["version"].Success ? parts.Groups["version"].Value : null);
        var name = Names().Replace(parts.Groups["name"].Value, "-").Trim('-', '.', '_');
        if (version is null)
        {
            // An API of a plain ESB: called without a version, now as before.
            xml.Converted(
                root,
                $"{name}:1.0.0",
                $"it has no version: it becomes 1.0.0, the default one, and answers at {context} as before"
            );
            return (name, "1.0.0", context, true);
        }

        var isDefault = defaults.Has(context) || defaults.Has($"{context}/{version}");
        if (context.EndsWith($"/{version}", StringComparison.Ordinal) && context.Length > version.Length + 1)
        {
            context = context[..^(version.Length + 1)];
        }
        else if (
            (string?)root.Attribute("version-type") is "context"
            && context.Contains($"/{version}/", StringComparison.Ordinal)
        )
        {
            xml.NeedsYou(
                root,
                $"the version stands inside the context {context}: here it comes last, so callers have to use {context}/{version}, unless this is made the default version"
            );
            return (name, version, context, true);
        }

        xml.Converted(root, $"{name}:{version}", $"at {context}/{version}");
        return (name, version, context, isDefault);
    }

    private static void Attributes(ElementReader xml, XElement root)
    {
        if (root.Attribute("transports") is { } transports && transports.Value.Trim() is "http" or "https")
        {
            xml.NeedsYou(
                root.Attribute("transports")!,
                $"only {root.Attribute("transports")!.Value} let callers in: close the other port with listen.gateway, which is for all APIs"
            );
        }

        if (root.Attribute("hostname") is { } host)
        {
            xml.NeedsYou(host, "the API answered on this name only; here it answers on every name of hosts.gateway");
        }
    }

    private static void ReadResource(
        ElementReader xml,
        XElement resource,
        SynapseLibrary library,
        ResourceDraft draft,
        Import import,
        string api
    )
    {
        var mediators = new MediatorReader(library, draft, import, api);
        foreach (
            var (attribute, element, flow) in (ReadOnlySpan<(string, string, Flow)>)
                [
                    ("inSequence", "inSequence", Flow.Request),
                    ("outSequence", "outSequence", Flow.Answer),
                    ("faultSequence", "faultSequence", Flow.Fault),
                ]
        )
        {
            if (ElementReader.Find(resource, element) is { } inline)
            {
                if (flow == Flow.Fault)
                {
                    Fault(xml, inline);
                }
                else
                {
                    mediators.Read(xml, inline, flow);
                }
            }
            else if (resource.Attribute(attribute) is { } named)
            {
                if (flow == Flow.Fault)
                {
                    xml.NotNeeded(named, "faults are told in WSO2's form by the gateway itself");
                }
                else if (library.Sequences.TryGetValue(named.Value, out var sequence))
                {
                    library.Used.Add(named.Value);
                    xml.Converted(named, "policies", $"what {Path.GetFileName(sequence.Xml.File)} says");
                    mediators.Read(sequence.Xml, sequence.Root, flow);
                }
                else
                {
                    xml.NeedsYou(named, $"no file of the sequences folder is named '{named.Value}'");
                }
            }
        }
    }

    private static void Fault(ElementReader xml, XElement sequence)
    {
        foreach (var mediator in sequence.Elements())
        {
            if (
                (string?)mediator.Attribute("key") is "fault"
                || mediator.Name.LocalName is "log" or "respond" or "drop"
            )
            {
                xml.NotNeeded(mediator, "faults are told in WSO2's form by the gateway itself");
            }
            else
            {
                xml.NeedsYou(
                    mediator,
                    "faults are told in WSO2's form by the gateway itself; a form of your own needs a proxy in front"
                );
                foreach (var inner in mediator.Descendants())
                {
                    xml.NotNeeded(inner, "part of the mediator above");
                }
            }
        }
    }

    // Sequences that API Manager runs for an API because of their name.
    private static void Extensions(SynapseLibrary library, string api, ResourceDraft draft, Import import)
    {
        foreach (var (suffix, flow) in ((string, Flow)[])[("--In", Flow.Request), ("--Out", Flow.Answer)])
        {
            foreach (var name in (string[])[$"WSO2AM--Ext{suffix}", $"{api}{suffix}"])
            {
                if (library.Sequences.TryGetValue(name, out var sequence) && sequence.Root.HasElements)
                {
                    library.Used.Add(name);
                    new MediatorReader(library, draft, import, api).Read(sequence.Xml, sequence.Root, flow);
                }
            }
        }
    }

    private static void Operations(ElementReader xml, XElement resource, ResourceDraft draft, JsonObject paths)
    {
        var template = resource.Attribute("uri-template") ?? resource.Attribute("url-mapping");
        if (PathOf(template?.Value) is not { } path)
        {
            xml.NeedsYou(resource, $"'{template?.Value}' matches by file extension: write out the paths it stands for");
            return;
        }

        var methods = ((string?)resource.Attribute("methods") ?? string.Join(' ', s_methods)).Split(
            [' ', ','],
            StringSplitOptions.RemoveEmptyEntries
        );
        xml.Converted(
            resource,
            $"{string.Join(", ", methods)} {path}",
            template?.Value.Contains('?') is true ? "the query of the template is not asked for" : null
        );
        if (paths[path] is not JsonObject item)
        {
            paths[path] = item = [];
            if (Parameters(path) is { Count: > 0 } parameters)
            {
                item["parameters"] = parameters;
            }
        }

        foreach (var method in methods.Select(m => m.ToLowerInvariant()))
        {
            // The gateway answers preflights itself.
            if (
                method == "options" && methods.Length > 1
                || item.ContainsKey(method)
                || !OpenApiMethods.Contains(method)
            )
            {
                continue;
            }

            var operation = new JsonObject
            {
                ["responses"] = new JsonObject
                {
                    ["default"] = new JsonObject { ["description"] = "What the backend answers" },
                },
            };
            if (draft.ToPolicies() is { } policies)
            {
                operation["x-gatehouse-policies"] = policies;
            }

            if (draft.Limit is not null)
            {
                operation["x-throttling-tier"] = draft.Limit;
            }

            item[method] = operation;
        }
    }

    private static readonly HashSet<string> OpenApiMethods =
    [
        "get",
        "put",
        "post",
        "delete",
        "options",
        "head",
        "patch",
        "trace",
    ];

    private static string? PathOf(string? template)
    {
        if (template is null)
        {
            return "/*";
        }

        var query = template.IndexOf('?', StringComparison.Ordinal);
        var path = query < 0 ? template : template[..query];
        path = path.Replace("{+", "{", StringComparison.Ordinal);
        return path.StartsWith("*.", StringComparison.Ordinal) ? null
            : path.Length == 0 ? "/"
            : path.StartsWith('/') ? path
            : $"/{path}";
    }

    private static JsonArray Parameters(string path) =>
        new([
            .. Variables()
                .Matches(path)
                .Select(m => new JsonObject
                {
                    ["name"] = m.Groups[1].Value,
                    ["in"] = "path",
                    ["required"] = true,
                    ["schema"] = new JsonObject { ["type"] = "string" },
                }),
        ]);

    // Backends belong to the API here, not to a resource.
    private static void Same(
        ElementReader xml,
        XElement resource,
        string type,
        ref EndpointDraft? first,
        EndpointDraft draft
    )
    {
        if (draft.Endpoints.Count == 0)
        {
            return;
        }

        if (first is null)
        {
            first = draft;
        }
        else if (!first.SameAs(draft))
        {
            xml.NeedsYou(
                resource.Attribute("methods") ?? (XObject)resource,
                $"this resource has another {type} backend ({string.Join(", ", draft.Urls)}) than the ones before: make an API of its own of it, with the same context in front"
            );
        }
    }

    private static bool IsMockedWhole(JsonObject paths) =>
        paths.All(p =>
            ((JsonObject)p.Value!)
                .Where(m => m.Key != "parameters")
                .All(m =>
                    m.Value!["x-gatehouse-policies"] is JsonArray policies
                    && policies.Any(u => (string?)u!["name"] == "mock")
                )
        );

    private static JsonObject Document(
        string name,
        string version,
        JsonObject paths,
        EndpointDraft? production,
        HandlerReader handlers,
        bool isMocked
    )
    {
        var document = new JsonObject
        {
            ["openapi"] = "3.0.3",
            ["info"] = new JsonObject { ["title"] = name, ["version"] = version },
        };
        if (production is not null)
        {
            document["x-gatehouse-endpoints"] = production.ToJson();
        }
        else if (isMocked)
        {
            // A backend has to be named; a mock never asks it.
            document["servers"] = new JsonArray(new JsonObject { ["url"] = "http://localhost:1" });
        }

        if (handlers.Cors is { } cors)
        {
            document["x-gatehouse-policies"] = new JsonArray(new JsonObject { ["name"] = "cors", ["settings"] = cors });
        }

        document["paths"] = paths;
        return document;
    }

    [GeneratedRegex("[^A-Za-z0-9._-]+")]
    private static partial Regex Names();

    [GeneratedRegex(@"\{([^}/]+)\}")]
    private static partial Regex Variables();
}
