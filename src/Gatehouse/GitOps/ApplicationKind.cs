using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Gatehouse.Cli;
using Gatehouse.Commands;
using Gatehouse.Management;
using Gatehouse.Model;
using Live = System.Collections.Generic.SortedDictionary<
    string,
    (string Id, Gatehouse.GitOps.ApplicationSource? Source)
>;

namespace Gatehouse.GitOps;

/// <summary>
/// Applications with their subscriptions, each named <c>owner/name</c>. Keys are secrets that are shown once, to who makes
/// them, so no file holds one.
/// </summary>
internal sealed class ApplicationKind : SourceKind
{
    // What a command plans from: looked at once, not for each of ten thousand files.
    private readonly ConditionalWeakTable<Call, Task<Live>> _plannedFrom = [];

    public override string Word => "Application";

    public override string Folder => "applications";

    public override WantedResource? Read(SourceFile file, ICollection<Problem> problems)
    {
        var content = file.Content.DeepClone().AsObject();
        content.Remove("kind");
        return TypedJson.Read<ApplicationSource>(file, content, problems) is { } source
            ? new(this, $"{source.Owner}/{source.Name}", TypedJson.Write(Sorted(source)), file)
            : null;
    }

    public override async Task<PlannedChange?> PlanAsync(
        Call call,
        WantedResource wanted,
        CancellationToken cancellation
    )
    {
        var found = (await PlannedFromAsync(call, cancellation)).GetValueOrDefault(wanted.Name);
        var differences = found.Source is null
            ? []
            : JsonDifference.Of(TypedJson.Write(found.Source), wanted.Content, wanted.File.Secrets);
        return found.Source is not null && differences.IsEmpty
            ? null
            : new(found.Source is null ? "create" : "update", Word, wanted.Name, differences)
            {
                Apply = async stop =>
                {
                    try
                    {
                        await ApplyAsync(
                            call,
                            TypedJson.Read<ApplicationSource>(wanted.File, wanted.Content, [])!,
                            found,
                            stop
                        );
                    }
                    catch (CommandFailure failure)
                    {
                        throw wanted.Locate(failure);
                    }
                },
            };
    }

    public override async Task<IReadOnlyList<string>> NamesAsync(Call call, CancellationToken cancellation) =>
        [.. (await PlannedFromAsync(call, cancellation)).Keys];

    public override PlannedChange Delete(Call call, string name) =>
        new("delete", Word, name, [])
        {
            Apply = async stop =>
            {
                if ((await PlannedFromAsync(call, stop)).TryGetValue(name, out var found))
                {
                    await call.Manager.DeleteApplicationAsync(found.Id, stop);
                }
            },
        };

    public override async Task ExportAsync(Call call, string directory, CancellationToken cancellation)
    {
        foreach (var (name, found) in await LiveAsync(call, cancellation))
        {
            WriteFile(
                Path.Combine(directory, Folder, SafeName(name.Replace('/', '-')) + ".yaml"),
                TypedJson.Write(found.Source!)
            );
        }
    }

    private static async Task ApplyAsync(
        Call call,
        ApplicationSource wanted,
        (string Id, ApplicationSource? Source) found,
        CancellationToken cancellation
    )
    {
        var (id, before) = found;
        if (before is null)
        {
            var made = await call.Manager.CreateApplicationAsync(
                new CreateApplication(wanted.Name, wanted.Policy),
                cancellation
            );
            id = made.Id;
            before = new()
            {
                Name = made.Name,
                Owner = made.Owner,
                Policy = made.Policy,
            };
        }

        if (before.Owner != wanted.Owner)
        {
            await call.Manager.PutOwnerOfApplicationAsync(id, new ChangeOwner(wanted.Owner), cancellation);
        }

        if (before.Description != wanted.Description || !before.Group.SequenceEqual(wanted.Group))
        {
            await call.Manager.PatchAboutOfApplicationAsync(
                id,
                new ApplicationEdit { Description = wanted.Description ?? "", Group = wanted.Group },
                cancellation
            );
        }

        if (before.Policy != wanted.Policy)
        {
            await call.Manager.PutPolicyOfApplicationAsync(id, new SetPolicy(wanted.Policy), cancellation);
        }

        if (before.Suspended != wanted.Suspended)
        {
            await call.Manager.PatchApplicationAsync(id, new SetApplication(wanted.Suspended), cancellation);
        }

        var live = before.Subscriptions.ToDictionary(s => s.Api);
        foreach (var subscription in wanted.Subscriptions)
        {
            live.Remove(subscription.Api, out var held);
            if (held is null)
            {
                var made = await call.Manager.CreateSubscriptionAsync(
                    new CreateSubscription(id, subscription.Api, subscription.Plan),
                    cancellation
                );
                held = new()
                {
                    Api = made.Api,
                    Plan = made.Plan,
                    State = made.State,
                };
            }

            if (held.Plan != subscription.Plan)
            {
                await call.Manager.PutPlanOfSubscriptionAsync(
                    id,
                    subscription.Api,
                    new SetPlan(subscription.Plan),
                    cancellation
                );
            }

            if (held.State != subscription.State)
            {
                await call.Manager.PatchSubscriptionAsync(
                    id,
                    subscription.Api,
                    new SetSubscription(subscription.State),
                    cancellation
                );
            }
        }

        foreach (var api in live.Keys)
        {
            await call.Manager.DeleteSubscriptionAsync(id, api, cancellation);
        }
    }

    private Task<Live> PlannedFromAsync(Call call, CancellationToken cancellation) =>
        _plannedFrom.GetValue(call, c => LiveAsync(c, cancellation));

    private static async Task<Live> LiveAsync(Call call, CancellationToken cancellation)
    {
        var subscriptions = (
            await Pages.AllAsync(
                (stop, limit, offset) => call.Manager.ListSubscriptionsAsync(stop, limit: limit, offset: offset),
                cancellation
            )
        ).ToLookup(s => s.Application);
        var all = new Live(StringComparer.Ordinal);
        foreach (var app in await Pages.AllAsync(call.Manager.ListApplicationsAsync, cancellation))
        {
            all[$"{app.Owner}/{app.Name}"] = (
                app.Id,
                Sorted(
                    new()
                    {
                        Name = app.Name,
                        Owner = app.Owner,
                        Description = app.Description,
                        Group = app.Group,
                        Policy = app.Policy,
                        Suspended = app.Suspended,
                        Subscriptions =
                        [
                            .. subscriptions[app.Id]
                                .Select(s => new SubscriptionSource
                                {
                                    Api = s.Api,
                                    Plan = s.Plan,
                                    State = s.State,
                                }),
                        ],
                    }
                )
            );
        }

        return all;
    }

    // Nothing said and "Unlimited" mean the same.
    private static ApplicationSource Sorted(ApplicationSource source) =>
        source with
        {
            Description = source.Description is { Length: > 0 } ? source.Description : null,
            Policy = source.Policy == Plan.Unlimited ? null : source.Policy,
            Group = [.. (source.Group.IsDefault ? [] : source.Group).Distinct().Order(StringComparer.Ordinal)],
            Subscriptions =
            [
                .. (source.Subscriptions.IsDefault ? [] : source.Subscriptions).OrderBy(
                    s => s.Api,
                    StringComparer.Ordinal
                ),
            ],
        };
}

/// <summary>An application as a file says it.</summary>
internal sealed record ApplicationSource
{
    public required string Name { get; init; }

    public required string Owner { get; init; }

    public string? Description { get; init; }

    public ImmutableArray<string> Group { get; init; } = [];

    public string? Policy { get; init; }

    public bool Suspended { get; init; }

    public ImmutableArray<SubscriptionSource> Subscriptions { get; init; } = [];
}

/// <summary>A subscription as a file says it.</summary>
internal sealed record SubscriptionSource
{
    public required string Api { get; init; }

    public string Plan { get; init; } = Model.Plan.Unlimited;

    public SubscriptionState State { get; init; }
}
