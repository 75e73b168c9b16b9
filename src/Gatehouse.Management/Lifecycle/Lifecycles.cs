using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Takes APIs from one state of their life to the next, with what that means for gateways, subscribers and older versions.</summary>
public sealed class Lifecycles(
    Catalogue catalogue,
    ApiDefinitions definitions,
    Deployments deployments,
    Revisions revisions,
    Approvals approvals
)
{
    /// <summary>Where an API stands and what may follow. The epoch is 0 for one that took no step yet.</summary>
    public async Task<(LifecycleView View, long Epoch)> GetAsync(string id, CancellationToken cancellation)
    {
        var name = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        var (life, epoch) = await ReadAsync(catalogue, name, cancellation).ConfigureAwait(false);
        return (View(name, life), epoch);
    }

    /// <summary>
    /// Takes a step that a person asks for, or has it wait for an administrator's approval
    /// (<see cref="LifecycleView.PendingTask"/>, the state stays). Throws <see cref="ConflictException"/> when the state does not allow it.
    /// </summary>
    public async Task<(LifecycleView View, long Epoch)> AskAsync(
        string id,
        LifecycleRequest ask,
        long? expectedEpoch,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (
            !await approvals
                .IsNeededAsync(ApprovalKind.Lifecycle, caller.May(Permission.Administer), cancellation)
                .ConfigureAwait(false)
        )
        {
            return await TakeAsync(id, ask, expectedEpoch, caller.Actor, cancellation).ConfigureAwait(false);
        }

        var (before, epoch) = await GetAsync(id, cancellation).ConfigureAwait(false);
        // Told now that it is impossible, not when it is approved.
        new ApiLifecycle { State = before.State }.After(before.Api, ask.Action, caller.User, default, null);
        var task = approvals.New(
            ApprovalKind.Lifecycle,
            $"{caller.User} takes {before.Api} from {LifecycleWords.Of(before.State)} by {LifecycleWords.Of(ask.Action)}",
            caller.User
        ) with
        {
            Api = before.Api,
            Step = ask,
        };
        await catalogue
            .CommitAsync(
                Approvals.Put(
                    new(caller.Actor, $"asked for {LifecycleWords.Of(ask.Action)} of API {before.Api}"),
                    task
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return (before with { PendingTask = task.Id }, epoch);
    }

    /// <summary>
    /// Takes a step. One transaction: the state, what the gateways do with the API, its subscriptions, and older versions.
    /// Throws <see cref="ConflictException"/> when the state does not allow it.
    /// </summary>
    public async Task<(LifecycleView View, long Epoch)> TakeAsync(
        string id,
        LifecycleRequest ask,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        if (ask.Comment is { Length: > 500 })
        {
            throw new ProblemsException([new("/comment", "A comment has at most 500 characters", "shorten it")]);
        }

        // 1. The step itself. 2. The gateways. 3. On publishing, older versions and their subscribers.
        var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var name = definition.Name;
        var (life, epoch) = await ReadAsync(catalogue, name, cancellation).ConfigureAwait(false);
        var next = life.After(name, ask.Action, actor.Name, catalogue.Time.GetUtcNow(), ask.Comment);
        var transaction = new CatalogueTransaction(
            actor,
            $"{LifecycleWords.Of(ask.Action)}: API {name} is {LifecycleWords.Of(next.State)}"
        );
        Put(transaction, name, next, expectedEpoch ?? epoch);

        var running = await Deployments.OfAsync(catalogue, name, cancellation).ConfigureAwait(false);
        if (next.State == ApiState.Retired)
        {
            foreach (var deployed in running.Select(d => d.Name).Union([name]))
            {
                transaction.Delete(EntityKinds.Api, deployed);
            }

            foreach (var subscription in await SubscriptionsToAsync(name, cancellation).ConfigureAwait(false))
            {
                transaction.Delete(EntityKinds.Subscription, subscription.Name);
            }
        }
        else if (running.Count > 0)
        {
            await Deployments
                .ChangeAsync(
                    catalogue,
                    transaction,
                    name,
                    api => api with { Status = ApiLifecycle.StatusOf(next.State) },
                    cancellation
                )
                .ConfigureAwait(false);
        }
        else if (next.State is ApiState.Published or ApiState.Prototyped)
        {
            // What is published can be called: in WSO2 too, publishing puts an API on the gateways.
            var revision = await revisions.NextAsync(definition, cancellation).ConfigureAwait(false);
            await deployments
                .AddAsync(
                    transaction,
                    definition.Value,
                    revision,
                    new DeployRequest(Message: ask.Comment),
                    next.State,
                    cancellation
                )
                .ConfigureAwait(false);
        }

        if (ask.Action == LifecycleAction.Publish)
        {
            await FollowOlderVersionsAsync(transaction, definition.Value, ask, actor, cancellation)
                .ConfigureAwait(false);
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await GetAsync(name, cancellation).ConfigureAwait(false);
    }

    /// <summary>The life of an API and its epoch; 0 for one that took no step yet.</summary>
    internal static async Task<(ApiLifecycle Life, long Epoch)> ReadAsync(
        Catalogue catalogue,
        string name,
        CancellationToken cancellation
    )
    {
        var stored = await catalogue
            .FindAsync(EntityKinds.Lifecycle, name, ManagerJson.Default.ApiLifecycle, cancellation)
            .ConfigureAwait(false);
        if (stored is not null)
        {
            return (stored.Value, stored.Epoch);
        }

        // Builds without lifecycles deployed what was published.
        var deployed = await catalogue
            .FindAsync(EntityKinds.Api, name, ModelJson.Default.Api, cancellation)
            .ConfigureAwait(false);
        return (new() { State = deployed is null ? ApiState.Created : ApiState.Published }, 0);
    }

    internal static void Put(CatalogueTransaction transaction, string name, ApiLifecycle life, long expectedEpoch) =>
        transaction.Put(EntityKinds.Lifecycle, name, life, ManagerJson.Default.ApiLifecycle, expectedEpoch);

    // WSO2's checklist: older published versions may be deprecated, and their subscribers come along unless they must
    // subscribe anew.
    private async Task FollowOlderVersionsAsync(
        CatalogueTransaction transaction,
        ApiDefinition published,
        LifecycleRequest ask,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var prefix = published.Name + ":";
        var older = (await definitions.NamesAsync(cancellation).ConfigureAwait(false))
            .Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
            .Where(n => VersionOrder.Instance.Compare(n[prefix.Length..], published.Version) < 0)
            .OrderByDescending(n => n[prefix.Length..], VersionOrder.Instance)
            .ToList();
        if (!ask.RequireResubscription)
        {
            await CarrySubscriptionsAsync(transaction, older, published.Id, cancellation).ConfigureAwait(false);
        }

        if (!ask.DeprecateOlderVersions)
        {
            return;
        }

        foreach (var name in older)
        {
            var (life, epoch) = await ReadAsync(catalogue, name, cancellation).ConfigureAwait(false);
            if (life.State != ApiState.Published)
            {
                continue;
            }

            Put(
                transaction,
                name,
                life.After(
                    name,
                    LifecycleAction.Deprecate,
                    actor.Name,
                    catalogue.Time.GetUtcNow(),
                    $"{published.Id} was published"
                ),
                epoch
            );
            await Deployments
                .ChangeAsync(
                    catalogue,
                    transaction,
                    name,
                    api => api with { Status = ApiStatus.Deprecated },
                    cancellation
                )
                .ConfigureAwait(false);
        }
    }

    private async Task CarrySubscriptionsAsync(
        CatalogueTransaction transaction,
        List<string> older,
        string api,
        CancellationToken cancellation
    )
    {
        var taken = (await SubscriptionsToAsync(api, cancellation).ConfigureAwait(false))
            .Select(s => s.Value.Application)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var version in older)
        {
            foreach (var subscription in await SubscriptionsToAsync(version, cancellation).ConfigureAwait(false))
            {
                // The newest version's subscription counts; one that waits for approval was never granted.
                if (subscription.Value.State != SubscriptionState.OnHold && taken.Add(subscription.Value.Application))
                {
                    transaction.Put(
                        EntityKinds.Subscription,
                        Subscription.EntityName(subscription.Value.Application, api),
                        subscription.Value with
                        {
                            Api = api,
                        },
                        ModelJson.Default.Subscription,
                        expectedEpoch: 0,
                        subscription.ExpiresAt
                    );
                }
            }
        }
    }

    private async Task<IEnumerable<StoredEntity<Subscription>>> SubscriptionsToAsync(
        string api,
        CancellationToken cancellation
    ) =>
        (
            await catalogue
                .ListAsync(EntityKinds.Subscription, ModelJson.Default.Subscription, cancellation)
                .ConfigureAwait(false)
        ).Where(s => s.Value.Api == api);

    private static LifecycleView View(string name, ApiLifecycle life) =>
        new(
            name,
            life.State,
            [.. ApiLifecycle.ActionsIn(life.State).Select(a => new AllowedAction(a.Action, a.To))],
            [.. life.History.Reverse()]
        );
}

/// <summary>Asks for a step of an API's life.</summary>
/// <param name="Action">The step.</param>
/// <param name="DeprecateOlderVersions">On <see cref="LifecycleAction.Publish"/>: deprecates every older published version.</param>
/// <param name="RequireResubscription">On <see cref="LifecycleAction.Publish"/>: subscribers of older versions do not come along.</param>
/// <param name="Comment">For the history, at most 500 characters.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record LifecycleRequest(
    [property: JsonRequired] LifecycleAction Action,
    bool DeprecateOlderVersions = false,
    bool RequireResubscription = false,
    string? Comment = null
);

/// <summary>Where an API stands.</summary>
/// <param name="Api"><c>name:version</c>.</param>
/// <param name="State">Its state.</param>
/// <param name="Actions">What may follow.</param>
/// <param name="History">The steps that led here, the newest first.</param>
/// <param name="PendingTask">The task that the step now waits for; null when it was taken.</param>
public sealed record LifecycleView(
    string Api,
    ApiState State,
    ImmutableArray<AllowedAction> Actions,
    ImmutableArray<LifecycleStep> History,
    string? PendingTask = null
);

/// <summary>A step that the state allows.</summary>
/// <param name="Action">The step.</param>
/// <param name="To">Where it leads.</param>
public sealed record AllowedAction(LifecycleAction Action, ApiState To);
