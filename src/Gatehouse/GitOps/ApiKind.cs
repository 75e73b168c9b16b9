using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Commands;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.GitOps;

/// <summary>
/// APIs: <c>api.yaml</c> with the OpenAPI document and other documents beside it. Says what the definition is, how the API is
/// listed, which state of its life it is in, and whether it is deployed.
/// </summary>
internal sealed class ApiKind : SourceKind
{
    private static readonly ImmutableArray<string> s_head =
    [
        "kind",
        "name",
        "version",
        "document",
        "state",
        "deployed",
        "listing",
        "documents",
        "operations",
    ];

    public override string Word => "Api";

    public override string Folder => "apis";

    public override WantedResource? Read(SourceFile file, ICollection<Problem> problems)
    {
        var before = problems.Count;
        var (head, settings) = (new JsonObject(), new JsonObject());
        foreach (var (name, value) in file.Content)
        {
            if (s_head.Contains(name))
            {
                head[name] = value?.DeepClone();
            }
            else if (ApiSource.SettingNames.Contains(name))
            {
                TypedJson.CheckMember<ApiDefinition>(file, name, value, problems);
                settings[name] = value?.DeepClone();
            }
            else
            {
                var known = s_head.Concat(ApiSource.SettingNames).ToList();
                problems.Add(
                    file.At(
                        $"/{name}",
                        $"'{name}' is not known here",
                        NearestName.Of(name, known) is { } near
                            ? $"did you mean '{near}'?"
                            : $"take of {string.Join(", ", known)}"
                    )
                );
            }
        }

        if (TypedJson.Read<ApiHead>(file, head, problems) is not { } api)
        {
            return null;
        }

        if (Text(file, "/document", api.Document, problems) is not { } document)
        {
            return null;
        }

        var source = new ApiSource
        {
            Settings = settings,
            Operations = api.Operations.IsDefault ? [] : api.Operations,
            Document = document,
        };
        foreach (var problem in source.Check(api.Name, api.Version))
        {
            problems.Add(
                problem.Line > 0
                    ? problem with
                    {
                        File = Path.Combine(file.Folder, api.Document),
                    }
                    : file.At(problem.Pointer, problem.Message, problem.Fix)
            );
        }

        var documents = new JsonArray();
        foreach (var (named, i) in (api.Documents.IsDefault ? [] : api.Documents).Select((d, i) => (d, i)))
        {
            var normal = new JsonObject
            {
                ["name"] = named.Name,
                ["type"] = TypeName(named.Type),
                ["summary"] = named.Summary ?? "",
                ["url"] = named.Url,
            };
            if (named.File is { } from)
            {
                var path = Path.Combine(file.Folder, from);
                if (!File.Exists(path))
                {
                    problems.Add(file.At($"/documents/{i}/file", $"there is no file {from}"));
                    continue;
                }

                normal["content"] = Digest.Of(File.ReadAllBytes(path)).ToString();
                normal["file"] = from;
            }

            documents.Add((JsonNode)normal);
        }

        if (problems.Count > before)
        {
            return null;
        }

        var content = new JsonObject
        {
            ["source"] = TypedJson.Write(source),
            ["state"] = api.State is { } state ? LifecycleWords.Of(state) : null,
            ["deployed"] = api.Deployed,
            ["listing"] = api.Listing is null ? null : Listing(api.Listing),
            ["documents"] = api.Documents.IsDefault ? null : documents,
        };
        return new(this, Api.EntityName(api.Name, api.Version), content, file);
    }

    public override async Task<PlannedChange?> PlanAsync(
        Call call,
        WantedResource wanted,
        CancellationToken cancellation
    )
    {
        var api = new ApiTarget(call, wanted);
        return await api.PlanAsync(cancellation);
    }

    public override async Task<IReadOnlyList<string>> NamesAsync(Call call, CancellationToken cancellation) =>
        [.. (await AllAsync(call, cancellation)).Select(a => a.Id)];

    public override PlannedChange Delete(Call call, string name) =>
        new("delete", Word, name, []) { Apply = stop => call.Manager.DeleteApiAsync(name, stop) };

    public override async Task ExportAsync(Call call, string directory, CancellationToken cancellation)
    {
        foreach (var summary in await AllAsync(call, cancellation))
        {
            var folder = Path.Combine(directory, Folder, SafeName($"{summary.Name}-{summary.Version}"));
            Directory.CreateDirectory(folder);
            var source = await call.Manager.GetSourceOfApiAsync(summary.Id, cancellation);
            var name = source.Document.TrimStart().StartsWith('{') ? "openapi.json" : "openapi.yaml";
            await File.WriteAllTextAsync(Path.Combine(folder, name), source.Document, cancellation);
            var content = new JsonObject
            {
                ["name"] = summary.Name,
                ["version"] = summary.Version,
                ["document"] = name,
                ["state"] = LifecycleWords.Of(summary.State),
                ["deployed"] = summary.DeployedRevision is not null,
            };
            foreach (var (setting, value) in source.Settings)
            {
                content[setting] = value?.DeepClone();
            }

            content["operations"] = TypedJson.Write(source)["operations"]?.DeepClone();
            var variables = new List<string>();
            foreach (var part in (string[])["policies", "operations"])
            {
                content[part] = Secrets.ByName.Refer(part, content[part], summary.Name, variables);
            }

            if (variables.Count > 0)
            {
                call.Output.Warn(
                    $"{summary.Id} holds secrets, which were not written; set {string.Join(", ", variables)} before you apply it"
                );
            }

            var listing = await call.Manager.GetListingOfApiAsync(summary.Id, cancellation);
            content["listing"] = Sparse(Listing(listing));
            content["documents"] = await ExportDocumentsAsync(call, summary.Id, folder, cancellation);
            WriteFile(Path.Combine(folder, "api.yaml"), content);
        }
    }

    /// <summary>A listing in the form that is compared; its picture is no text and stays out.</summary>
    internal static JsonObject Listing(ApiListing listing)
    {
        var json = TypedJson.Write(listing with { Team = listing.Team is { } team ? ApiTeams.Sorted(team) : null });
        json.Remove("thumbnail");
        foreach (var words in (string[])["tags", "categories", "visibleTo", "plans"])
        {
            json[words] = new JsonArray([
                .. json[words]!
                    .AsArray()
                    .Select(w => w!.GetValue<string>())
                    .Distinct()
                    .Order(StringComparer.Ordinal)
                    .Select(w => (JsonNode)w),
            ]);
        }

        return json;
    }

    internal static string TypeName(DocumentType type) =>
        System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName($"{type}");

    private static JsonObject Sparse(JsonObject members) =>
        new(
            members
                .Where(m =>
                    m.Value is not null and not JsonArray { Count: 0 } and not JsonObject { Count: 0 }
                    && !(m.Value is JsonValue text && text.TryGetValue<string>(out var said) && said.Length == 0)
                )
                .Select(m => KeyValuePair.Create(m.Key, m.Value?.DeepClone()))
        );

    private static Task<IReadOnlyList<ApiSummary>> AllAsync(Call call, CancellationToken cancellation) =>
        Pages.AllAsync(
            (stop, limit, offset) => call.Manager.ListApisAsync(stop, limit: limit, offset: offset),
            cancellation
        );

    private static async Task<JsonArray> ExportDocumentsAsync(
        Call call,
        string api,
        string folder,
        CancellationToken cancellation
    )
    {
        var documents = new JsonArray();
        foreach (var document in await call.Manager.ListDocumentsOfApiAsync(api, cancellation))
        {
            var json = new JsonObject { ["name"] = document.Name, ["type"] = TypeName(document.Type) };
            if (document.Summary.Length > 0)
            {
                json["summary"] = document.Summary;
            }

            if (document.Url is { } url)
            {
                json["url"] = url;
            }

            if (document.Content is not null)
            {
                var bytes = await call.Manager.GetContentOfDocumentOfApiAsync(api, document.Name, cancellation);
                // Two documents may have come from files of one name.
                var safe = SafeName(document.FileName ?? document.Name);
                var file = Path.Combine("docs", safe);
                for (var n = 2; documents.Any(d => d!["file"]?.GetValue<string>() == file.Replace('\\', '/')); n++)
                {
                    file = Path.Combine("docs", $"{n}-{safe}");
                }

                Directory.CreateDirectory(Path.Combine(folder, "docs"));
                await File.WriteAllBytesAsync(Path.Combine(folder, file), bytes, cancellation);
                json["file"] = file.Replace('\\', '/');
            }

            documents.Add((JsonNode)json);
        }

        return documents;
    }

    private static string? Text(SourceFile file, string pointer, string name, ICollection<Problem> problems)
    {
        var path = Path.Combine(file.Folder, name);
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            problems.Add(file.At(pointer, $"{name} cannot be read: {e.Message}"));
            return null;
        }
    }
}

/// <summary>What <c>api.yaml</c> says beside the settings of a definition.</summary>
internal sealed record ApiHead
{
    public string? Kind { get; init; }

    public required string Name { get; init; }

    public required string Version { get; init; }

    public string Document { get; init; } = "openapi.yaml";

    public ApiState? State { get; init; }

    public bool? Deployed { get; init; }

    public ApiListing? Listing { get; init; }

    public ImmutableArray<DocumentHead> Documents { get; init; }

    public ImmutableArray<OperationSource> Operations { get; init; }
}

/// <summary>One document that <c>api.yaml</c> names.</summary>
internal sealed record DocumentHead
{
    public required string Name { get; init; }

    public DocumentType Type { get; init; }

    public string? Summary { get; init; }

    public string? Url { get; init; }

    public string? File { get; init; }
}
