using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Commands;
using Gatehouse.Management;

namespace Gatehouse.GitOps;

/// <summary>One API on its way to what its source wants: definition, then listing and documents, then gateways, then its life.</summary>
internal sealed class ApiTarget(Call call, WantedResource wanted)
{
    private ApiState? State =>
        wanted.Content["state"]?.GetValue<string>() is { } word
            ? Enum.GetValues<ApiState>().First(s => LifecycleWords.Of(s) == word)
            : null;

    private bool? Deployed => wanted.Content["deployed"]?.GetValue<bool>();

    public async Task<PlannedChange?> PlanAsync(CancellationToken cancellation)
    {
        var result = await SourceAsync(dryRun: true, cancellation);
        if (result.Before is not { } definition)
        {
            return Change("create", []);
        }

        // The document's text may differ where it means the same; then only its digest moves.
        var differences = JsonDifference
            .Of(TypedJson.Write(definition), TypedJson.Write(result.After), wanted.File.Secrets)
            .ToBuilder();
        var api = await call.Manager.GetApiAsync(wanted.Name, cancellation);
        if (wanted.Content["listing"] is { } listing)
        {
            var live = await call.Manager.GetListingOfApiAsync(wanted.Name, cancellation);
            // Of a team that is not spoken of nothing is wanted.
            live = live with
            {
                Team = listing["team"] is null ? null : live.Team ?? [],
            };
            Add("listing", JsonDifference.Of(ApiKind.Listing(live), listing, wanted.File.Secrets));
        }

        if (wanted.Content["documents"] is { } documents)
        {
            Add(
                "documents",
                JsonDifference.Of(await DocumentsAsync(cancellation), Documents(documents), wanted.File.Secrets)
            );
        }

        if (State is { } state && state != api.Summary.State)
        {
            // Told now, before anything is done.
            Steps(api.Summary.State, state);
            differences.Add(new("state", LifecycleWords.Of(api.Summary.State), LifecycleWords.Of(state)));
        }

        if (Deployed is { } deployed && deployed != api.Summary.DeployedRevision is not null)
        {
            differences.Add(new("deployed", deployed ? "no" : "yes", deployed ? "yes" : "no"));
        }

        return differences.Count == 0 ? null : Change("update", differences.ToImmutable());

        void Add(string what, ImmutableArray<Difference> found) =>
            differences.AddRange(found.Select(d => d with { Path = $"{what}/{d.Path}" }));
    }

    private PlannedChange Change(string action, ImmutableArray<Difference> differences) =>
        new(action, wanted.Kind.Word, wanted.Name, differences) { Apply = ApplyAsync, Finish = FinishAsync };

    private async Task ApplyAsync(CancellationToken cancellation)
    {
        try
        {
            var result = await SourceAsync(dryRun: false, cancellation);
            if (wanted.Content["listing"] is { } listing)
            {
                await call.Manager.PutListingOfApiAsync(
                    wanted.Name,
                    TypedJson.Restore<ApiListing>(listing),
                    cancellation
                );
            }

            if (wanted.Content["documents"] is JsonArray documents)
            {
                await PutDocumentsAsync(documents, cancellation);
            }

            var moved =
                result.Before is null
                || !JsonNode.DeepEquals(TypedJson.Write(result.Before), TypedJson.Write(result.After));
            await DeployAsync(moved, cancellation);
        }
        catch (CommandFailure failure) when (failure.Where != wanted.File.Path)
        {
            throw wanted.Locate(failure);
        }
    }

    private async Task DeployAsync(bool moved, CancellationToken cancellation)
    {
        var api = (await call.Manager.GetApiAsync(wanted.Name, cancellation)).Summary;
        var isDeployed = api.DeployedRevision is not null;
        if (State != ApiState.Retired && (isDeployed ? moved && Deployed != false : Deployed == true))
        {
            await call.Manager.DeployApiAsync(
                wanted.Name,
                new DeployRequest(Message: "applied from its source"),
                cancellation
            );
            api = (await call.Manager.GetApiAsync(wanted.Name, cancellation)).Summary;
        }

        if (State is { } state)
        {
            // Applications subscribe before the door is closed.
            var closes = state is ApiState.Blocked or ApiState.Deprecated or ApiState.Retired;
            if (!closes)
            {
                await StepAsync(api.State, state, cancellation);
            }
            else if (api.State is ApiState.Created or ApiState.Prototyped)
            {
                await StepAsync(api.State, ApiState.Published, cancellation);
            }
        }

        if (
            Deployed == false
            && (await call.Manager.GetApiAsync(wanted.Name, cancellation)).Summary.DeployedRevision is not null
        )
        {
            await call.Manager.UndeployApiAsync(wanted.Name, cancellation);
        }
    }

    private async Task FinishAsync(CancellationToken cancellation)
    {
        if (State is { } state)
        {
            var api = (await call.Manager.GetApiAsync(wanted.Name, cancellation)).Summary;
            await StepAsync(api.State, state, cancellation);
        }
    }

    private async Task StepAsync(ApiState from, ApiState to, CancellationToken cancellation)
    {
        foreach (var step in from == to ? [] : Steps(from, to))
        {
            await call.Manager.ChangeLifecycleOfApiAsync(
                wanted.Name,
                // Subscriptions are what the sources of applications say.
                new LifecycleRequest(step, RequireResubscription: true, Comment: "applied from its source"),
                cancellation
            );
        }
    }

    // The fewest steps from one state to another, breadth first.
    private ImmutableArray<LifecycleAction> Steps(ApiState from, ApiState to)
    {
        var paths = new Dictionary<ApiState, ImmutableArray<LifecycleAction>> { [from] = [] };
        var open = new Queue<ApiState>([from]);
        while (open.TryDequeue(out var state))
        {
            foreach (var (action, next) in ApiLifecycle.ActionsIn(state))
            {
                if (paths.TryAdd(next, paths[state].Add(action)))
                {
                    open.Enqueue(next);
                }
            }
        }

        return paths.TryGetValue(to, out var steps)
            ? steps
            : throw CommandFailure.Invalid(
                $"{wanted.Name} cannot come from {LifecycleWords.Of(from)} to {LifecycleWords.Of(to)}",
                [
                    wanted.File.At(
                        "/state",
                        $"{wanted.Name} is {LifecycleWords.Of(from)}, and no steps lead to {LifecycleWords.Of(to)}",
                        "give it another version"
                    ),
                ]
            );
    }

    private async Task<SourceResult> SourceAsync(bool dryRun, CancellationToken cancellation)
    {
        try
        {
            return await call.Manager.PutSourceOfApiAsync(
                wanted.Name,
                TypedJson.Restore<ApiSource>(wanted.Content["source"]!),
                cancellation,
                dryRun: dryRun
            );
        }
        catch (CommandFailure failure)
        {
            throw wanted.Locate(failure, Path.Combine(wanted.File.Folder, DocumentName()));
        }
    }

    private string DocumentName() => wanted.File.Content["document"]?.GetValue<string>() ?? "openapi.yaml";

    // Without the file's name, which is not part of what is compared.
    private static JsonArray Documents(JsonNode documents) =>
        [
            .. documents
                .AsArray()
                .OrderBy(d => d!["name"]!.GetValue<string>(), StringComparer.Ordinal)
                .Select(d =>
                {
                    var copy = d!.DeepClone().AsObject();
                    copy.Remove("file");
                    return (JsonNode)copy;
                }),
        ];

    private async Task<JsonArray> DocumentsAsync(CancellationToken cancellation)
    {
        var all = new JsonArray();
        foreach (var live in await call.Manager.ListDocumentsOfApiAsync(wanted.Name, cancellation))
        {
            var json = new JsonObject
            {
                ["name"] = live.Name,
                ["type"] = ApiKind.TypeName(live.Type),
                ["summary"] = live.Summary,
                ["url"] = live.Url,
            };
            if (live.Content is { } content)
            {
                json["content"] = content.ToString();
            }

            all.Add((JsonNode)json);
        }

        return all;
    }

    private async Task PutDocumentsAsync(JsonArray documents, CancellationToken cancellation)
    {
        var live = (await DocumentsAsync(cancellation)).ToDictionary(d => d!["name"]!.GetValue<string>());
        foreach (var document in documents.Select(d => d!.AsObject()))
        {
            var name = document["name"]!.GetValue<string>();
            live.Remove(name, out var before);
            if (before is not null && JsonNode.DeepEquals(before, Documents(new JsonArray(document.DeepClone()))[0]))
            {
                continue;
            }

            var file = document["file"]?.GetValue<string>();
            await call.Manager.PutDocumentOfApiAsync(
                wanted.Name,
                name,
                new()
                {
                    Name = name,
                    Type = Enum.GetValues<DocumentType>()
                        .First(t => ApiKind.TypeName(t) == document["type"]!.GetValue<string>()),
                    Summary = document["summary"]!.GetValue<string>(),
                    Url = document["url"]?.GetValue<string>(),
                    FileName = file is null ? null : Path.GetFileName(file),
                },
                cancellation
            );
            if (file is not null)
            {
                using var content = new ByteArrayContent(
                    await File.ReadAllBytesAsync(Path.Combine(wanted.File.Folder, file), cancellation)
                );
                content.Headers.ContentType = new MediaTypeHeaderValue(DocCommands.MediaTypeOf(file));
                await call.Manager.PutContentOfDocumentOfApiAsync(wanted.Name, name, content, cancellation);
            }
        }

        foreach (var name in live.Keys)
        {
            await call.Manager.DeleteDocumentOfApiAsync(wanted.Name, name, cancellation);
        }
    }
}
