using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>
/// An API project of apictl or of the older import/export tool: <c>api.yaml</c> with <c>Definitions/swagger.yaml</c> (4.x), or
/// <c>Meta-information/api.json</c> with <c>swagger.json</c> beside it (1.x to 3.x).
/// </summary>
internal sealed class ApiProject
{
    private readonly ProjectFiles _files;
    private readonly Import _import;
    private readonly DataReader _log;
    private readonly Dictionary<string, OperationDraft> _operations = new(StringComparer.Ordinal);

    private ApiProject(ProjectFiles files, Import import)
    {
        _files = files;
        _import = import;
        _log = new(import.Log);
    }

    public static bool Is(string path) =>
        File.Exists(Path.Combine(path, "api.yaml"))
        || File.Exists(Path.Combine(path, "api.json"))
        || Directory.Exists(Path.Combine(path, "Meta-information"));

    public static void Read(ProjectFiles files, Import import) => new ApiProject(files, import).Read();

    private void Read()
    {
        var name = _files.First("api.yaml", "api.json", "Meta-information/api.yaml", "Meta-information/api.json");
        if (name is null)
        {
            _import.Log.Problem(
                new Place(_files.Display),
                "",
                "the project has no api.yaml and no Meta-information/api.json",
                "export it again with apictl"
            );
            return;
        }

        if (
            _files.Read(name) is not { } bytes
            || SafeYaml.Read(bytes, _files.PathOf(name), _import.Log) is not { } root
        )
        {
            return;
        }

        if (root["data"] is DataMap data)
        {
            _log.NotNeeded(root["type"], "type", "what the file is");
            _log.NotNeeded(root["version"], "version", "of the file's form");
            root = data;
        }

        if (root is not DataMap)
        {
            _import.Log.Problem(root.Place, "", "the file holds no API", "export it again with apictl");
            return;
        }

        var api = root["id"] is DataMap ? OldModel(root) : NewModel(root);
        if (api is { } draft && Definition() is { } document)
        {
            Finish(root, draft, document);
        }

        Files();
    }

    private ProjectDraft? OldModel(DataNode root)
    {
        var id = root["id"]!;
        var reader = new OldApiModel(_log, _operations);
        var draft = reader.Read(root, id["apiName"]?.Text, id["version"]?.Text);
        _log.Converted(id["apiName"], "id.apiName", "name");
        _log.Converted(id["version"], "id.version", "version");
        _log.NotNeeded(id["providerName"], "id.providerName", "who imports it is its publisher");
        return Check(root, draft);
    }

    private ProjectDraft? NewModel(DataNode root) => Check(root, new NewApiModel(_log, _operations).Read(root));

    private ProjectDraft? Check(DataNode root, ProjectDraft draft)
    {
        if (draft.Name is null || draft.Version is null || draft.Context is null)
        {
            _import.Log.Problem(
                root.Place,
                "",
                $"the API has no {(draft.Name is null ? "name" : draft.Version is null ? "version" : "context")}",
                "export it again with apictl"
            );
            return null;
        }

        if (draft.UnfitType is { } type)
        {
            _log.NeedsYou(root["type"] ?? root, "type", type);
            return null;
        }

        return draft;
    }

    // The document as it was, as JSON, so that our extensions can stand in it.
    private JsonObject? Definition()
    {
        var name = _files.First(
            "Definitions/swagger.yaml",
            "Definitions/swagger.json",
            "Meta-information/swagger.json",
            "Meta-information/swagger.yaml",
            "Meta-information/swagger.yml"
        );
        if (name is null)
        {
            _import.Log.Problem(
                new Place(_files.Display),
                "",
                "the project has no OpenAPI document (Definitions/swagger.yaml)",
                "export it again with apictl"
            );
            return null;
        }

        if (
            _files.Read(name) is not { } bytes
            || SafeYaml.Read(bytes, _files.PathOf(name), _import.Log) is not { } read
        )
        {
            return null;
        }

        if (read.ToJson() is not JsonObject document || document["paths"] is not JsonObject)
        {
            _import.Log.Problem(
                read.Place with
                {
                    File = _files.PathOf(name),
                },
                "/paths",
                "the OpenAPI document has no paths",
                "export it again with apictl"
            );
            return null;
        }

        _import.Log.Add(
            new Finding(
                Outcome.Converted,
                read.Place,
                name,
                null,
                "openapi.json",
                "as it is, with the extensions of the lines around this one"
            )
        );
        return document;
    }

    private void Finish(DataNode root, ProjectDraft draft, JsonObject document)
    {
        if (document["info"] is JsonObject info)
        {
            info["version"] = draft.Version;
        }

        Sequences(draft);
        Extend(document, draft);
        var context = draft.Context!.TrimEnd('/');
        foreach (var suffix in (string[])[$"/{draft.Version}", "/{version}"])
        {
            context = context.EndsWith(suffix, StringComparison.Ordinal) ? context[..^suffix.Length] : context;
        }

        if (context.Contains("{version}", StringComparison.Ordinal))
        {
            context = context.Replace("{version}", draft.Version, StringComparison.Ordinal);
            draft.IsDefaultVersion = true;
            _import.Log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    root["context"]?.Place ?? root.Place,
                    "context",
                    root["context"]?.Text,
                    context,
                    "the version stands inside the context: as the default version the API answers there as before, and at the version behind it too"
                )
            );
        }

        _import.Add(
            new ImportedApi
            {
                Name = draft.Name!,
                Version = draft.Version!,
                Context = context.StartsWith('/') ? context : $"/{context}",
                Document = document,
                SandboxEndpoints = draft.Sandbox.IsPlain ? draft.Sandbox.Urls : [],
                Auth = draft.Auth,
                ClientCertificate = draft.ClientCertificate,
                AuthorizationHeader = draft.AuthorizationHeader,
                ApiKeyHeader = draft.ApiKeyHeader,
                Policy = draft.Policy,
                MaxTps = draft.MaxTps,
                SandboxMaxTps = draft.SandboxMaxTps,
                IsDefaultVersion = draft.IsDefaultVersion,
            },
            root.Place
        );
    }

    private void Extend(JsonObject document, ProjectDraft draft)
    {
        // What the old gateway kept there for itself; the lines of api.yaml say the same.
        foreach (
            var name in (string[])
                [
                    "x-wso2-production-endpoints",
                    "x-wso2-sandbox-endpoints",
                    "x-wso2-cors",
                    "x-wso2-basePath",
                    "x-wso2-transports",
                    "x-wso2-response-cache",
                    "x-wso2-disable-security",
                ]
        )
        {
            document.Remove(name);
        }

        if (draft.Production.Endpoints.Count > 0)
        {
            document["x-gatehouse-endpoints"] = draft.Production.ToJson();
        }
        else if (draft.IsMock)
        {
            document["servers"] = new JsonArray(new JsonObject { ["url"] = "http://localhost:1" });
        }

        if (!draft.Sandbox.IsPlain && draft.Sandbox.Endpoints.Count > 0)
        {
            document["x-gatehouse-sandbox-endpoints"] = draft.Sandbox.ToJson();
        }

        var policies = draft.Policies();
        if (policies.Count > 0)
        {
            document["x-gatehouse-policies"] = policies;
        }

        foreach (var (path, item) in ((JsonObject)document["paths"]!).Where(p => p.Value is JsonObject))
        {
            foreach (var (method, value) in ((JsonObject)item!).ToList())
            {
                if (
                    value is JsonObject operation
                    && _operations.TryGetValue($"{method.ToUpperInvariant()} {path}", out var said)
                )
                {
                    said.Extend(operation);
                }
            }
        }
    }

    // Sequences/in-sequence/*.xml of older projects, for every operation.
    private void Sequences(ProjectDraft draft)
    {
        foreach (
            var name in _files.Names.Where(n =>
                n.StartsWith("Sequences/", StringComparison.Ordinal) && n.EndsWith(".xml", StringComparison.Ordinal)
            )
        )
        {
            if (
                _files.Read(name) is not { } bytes
                || SafeXml.Read(bytes, _files.PathOf(name), _import.Log) is not { Root: not null } document
            )
            {
                continue;
            }

            var xml = new ElementReader(document, _files.PathOf(name), _import.Log, SynapseVerdicts.All);
            if (name.Contains("fault", StringComparison.Ordinal))
            {
                xml.NotNeeded(xml.Root, "faults are told in WSO2's form by the gateway itself");
            }
            else
            {
                new MediatorReader(new(), draft.Mediation, _import, draft.Name!).Read(
                    xml,
                    xml.Root,
                    name.Contains("in-sequence", StringComparison.Ordinal) ? Flow.Request : Flow.Answer
                );
            }

            xml.Finish();
        }
    }

    private void Files()
    {
        foreach (var name in _files.Names)
        {
            var (outcome, note) = name.Split('/')[0] switch
            {
                "Definitions" or "Meta-information" or "Sequences" or "api.yaml" or "api.json" => (
                    default(Outcome?),
                    ""
                ),
                "Image" => (Outcome.NotNeeded, "a picture for the old portal"),
                "Docs" or "Docs.json" => (
                    Outcome.NeedsYou,
                    "documents of the portal are not carried over: link them from the description"
                ),
                "WSDL" => (Outcome.NeedsYou, "a WSDL is not offered: put it where callers find it"),
                "Client-certificates" => (
                    Outcome.NeedsYou,
                    "bind each certificate to the application that shows it: gatehouse key create APP --type certificate --certificate FILE"
                ),
                "Endpoint-certificates" => (
                    Outcome.NeedsYou,
                    "tell the gateway to believe backends by these: gatehouse api set API backend-ca=FILE, with all of them in one PEM file"
                ),
                "Policies" => (
                    Outcome.NotNeeded,
                    "templates of the old gateway; the lines of operationPolicies say what became of their use"
                ),
                "deployment_environments.yaml" => (Outcome.NotNeeded, "'gatehouse deploy' puts it on every worker"),
                "api_meta.yaml" or "api_params.yaml" or ".DS_Store" or "README.md" => (
                    Outcome.NotNeeded,
                    "of the old tool"
                ),
                "params.yaml" => (
                    Outcome.NeedsYou,
                    "addresses and certificates for several environments: give each cluster its own with 'gatehouse api import --endpoint'"
                ),
                _ => (Outcome.NeedsYou, "this reader does not know the file: find out what it is for"),
            };
            if (outcome is { } known)
            {
                _import.Log.Add(new Finding(known, new Place(_files.PathOf(name)), name, null, null, note));
            }
        }
    }
}
