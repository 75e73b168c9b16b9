using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Which application may call which API version.</summary>
public sealed class Subscriptions(
    Catalogue catalogue,
    ApiDefinitions definitions,
    Applications applications,
    ApplicationIndex index,
    Listings listings,
    Approvals approvals
)
{
    /// <summary>The subscriptions the caller may see, of one application or API when named.</summary>
    public async Task<ImmutableArray<SubscriptionView>> ListAsync(
        string? application,
        string? api,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var one = application is null
            ? null
            : await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var visible = one is null ? await applications.ListAsync(caller, cancellation).ConfigureAwait(false) : [one];
        var names = visible.ToDictionary(a => a.Id, a => a.Name);
        var id = api is null ? null : (await definitions.GetAsync(api, cancellation).ConfigureAwait(false)).Name;
        var all = await catalogue
            .ListBelowAsync(
                EntityKinds.Subscription,
                one is null ? "" : Subscription.EntityName(one.Id, ""),
                ModelJson.Default.Subscription,
                cancellation
            )
            .ConfigureAwait(false);
        return
        [
            .. all.Select(s => s.Value)
                .Where(s => names.ContainsKey(s.Application) && (id is null || s.Api == id))
                .Select(s => View(s, names[s.Application])),
        ];
    }

    /// <summary>
    /// A page of what <see cref="ListAsync"/> tells: read from the database page by page where the caller may see all of it, so that
    /// reading a long list to its end reads it once.
    /// </summary>
    public async Task<Page<SubscriptionView>> PageAsync(
        string? application,
        string? api,
        Caller caller,
        int? limit,
        int? offset,
        CancellationToken cancellation
    )
    {
        if (application is not null || api is not null || !Applications.SeesAll(caller))
        {
            var all = await ListAsync(application, api, caller, cancellation).ConfigureAwait(false);
            return Paging.Of(all, limit, offset);
        }

        var (take, skip) = Paging.Bounds(limit, offset);
        var (items, total) = await catalogue
            .PageAsync(EntityKinds.Subscription, skip, take, ModelJson.Default.Subscription, cancellation)
            .ConfigureAwait(false);
        var known = await index.ByIdAsync(cancellation).ConfigureAwait(false);
        return new(
            [
                .. items.Select(s =>
                    View(s.Value, known.GetValueOrDefault(s.Value.Application)?.Name ?? s.Value.Application)
                ),
            ],
            total,
            skip,
            take
        );
    }

    /// <summary>Lets an application call an API, on a plan. Safe to do twice; another plan takes the place of the one before.</summary>
    public async Task<SubscriptionView> CreateAsync(
        string application,
        string api,
        string? plan,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var app = await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var visible = await listings.VisibleAsync(api, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(visible, cancellation).ConfigureAwait(false);
        var name = Subscription.EntityName(app.Id, definition.Name);
        await EnsureOfferedAsync(definition.Name, plan, cancellation).ConfigureAwait(false);
        var known = await LimitPolicies
            .KnownAsync(catalogue, LimitKinds.Plans, plan, "/plan", cancellation)
            .ConfigureAwait(false);
        var there = await FindAsync(name, cancellation).ConfigureAwait(false);

        if (there is null)
        {
            await EnsureTakesSubscribersAsync(definition.Name, caller, cancellation).ConfigureAwait(false);
        }

        // Subscribing again must not lift a block; another plan takes the place of the one before.
        var subscription = (there?.Value ?? new Subscription { Application = app.Id, Api = definition.Name }) with
        {
            Plan = known,
        };
        var transaction = new CatalogueTransaction(caller.Actor, $"subscribed {app.Name} to {definition.Name}");
        if (
            there is null
            && await approvals
                .IsNeededAsync(ApprovalKind.Subscription, caller.May(Permission.Publish), cancellation)
                .ConfigureAwait(false)
        )
        {
            subscription = subscription with { State = SubscriptionState.OnHold };
            Approvals.Put(
                transaction,
                approvals.New(
                    ApprovalKind.Subscription,
                    $"{app.Name} of {caller.User} subscribes to {definition.Name} on {known ?? Plan.Unlimited}",
                    caller.User
                ) with
                {
                    Application = app.Id,
                    Api = definition.Name,
                }
            );
        }

        transaction.Put(
            EntityKinds.Subscription,
            name,
            subscription,
            ModelJson.Default.Subscription,
            there?.Epoch ?? 0,
            there?.ExpiresAt
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return View(app, subscription);
    }

    /// <summary>Blocks a subscription, puts it on hold, or opens it again. Throws <see cref="NotFoundException"/> when there is none.</summary>
    public async Task<SubscriptionView> SetStateAsync(
        string application,
        string api,
        SubscriptionState state,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var app = await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(api, cancellation).ConfigureAwait(false);
        var name = Subscription.EntityName(app.Id, definition.Name);
        var found =
            await FindAsync(name, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("subscription", $"{app.Name} to {definition.Name}");
        var subscription = found.Value with { State = state };
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(
                    caller.Actor,
                    $"set the subscription of {app.Name} to {definition.Name} to {state}"
                ).Put(
                    EntityKinds.Subscription,
                    name,
                    subscription,
                    ModelJson.Default.Subscription,
                    found.Epoch,
                    found.ExpiresAt
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return View(app, subscription);
    }

    /// <summary>Puts a subscription on another plan; its state stays. Throws <see cref="NotFoundException"/> when there is none.</summary>
    public async Task<SubscriptionView> SetPlanAsync(
        string application,
        string api,
        string? plan,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var app = await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(api, cancellation).ConfigureAwait(false);
        var name = Subscription.EntityName(app.Id, definition.Name);
        var found =
            await FindAsync(name, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("subscription", $"{app.Name} to {definition.Name}");
        await EnsureOfferedAsync(definition.Name, plan, cancellation).ConfigureAwait(false);
        var subscription = found.Value with
        {
            Plan = await LimitPolicies
                .KnownAsync(catalogue, LimitKinds.Plans, plan, "/plan", cancellation)
                .ConfigureAwait(false),
        };
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(
                    caller.Actor,
                    $"put the subscription of {app.Name} to {definition.Name} on {subscription.Plan ?? Plan.Unlimited}"
                ).Put(
                    EntityKinds.Subscription,
                    name,
                    subscription,
                    ModelJson.Default.Subscription,
                    found.Epoch,
                    found.ExpiresAt
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return View(app, subscription);
    }

    /// <summary>Ends a subscription. Throws <see cref="NotFoundException"/> when there is none.</summary>
    public async Task DeleteAsync(string application, string api, Caller caller, CancellationToken cancellation)
    {
        var app = await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(api, cancellation).ConfigureAwait(false);
        var found = await FindAsync(Subscription.EntityName(app.Id, definition.Name), cancellation)
            .ConfigureAwait(false);
        if (found is { Value.State: not SubscriptionState.Active } && !caller.May(Permission.Publish))
        {
            // Made again, it would be active.
            throw new ConflictException(
                $"The subscription is {found.Value.State}, and who published the API put it there",
                "ask a publisher to end it"
            );
        }

        var result = await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"unsubscribed {app.Name} from {definition.Name}").Delete(
                    EntityKinds.Subscription,
                    Subscription.EntityName(app.Id, definition.Name),
                    found?.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
        if (!result.Moved)
        {
            throw new NotFoundException("subscription", $"{app.Name} to {definition.Name}");
        }
    }

    private async Task EnsureOfferedAsync(string api, string? plan, CancellationToken cancellation)
    {
        var (listing, _) = await listings.GetAsync(api, cancellation).ConfigureAwait(false);
        var wanted = string.IsNullOrEmpty(plan) ? Plan.Unlimited : plan;
        if (!listing.Plans.IsEmpty && !listing.Plans.Contains(wanted))
        {
            throw new ProblemsException([
                new(
                    "/plan",
                    $"{api} is not offered on the plan {OpenApi.Excerpt.Of(wanted)}",
                    $"take one of {string.Join(", ", listing.Plans)}"
                ),
            ]);
        }
    }

    // Who publishes tries an API with subscriptions of their own before anybody else may have one.
    private async Task EnsureTakesSubscribersAsync(string api, Caller caller, CancellationToken cancellation)
    {
        var (life, _) = await Lifecycles.ReadAsync(catalogue, api, cancellation).ConfigureAwait(false);
        var state = life.State;
        var isTrial = state is ApiState.Created or ApiState.Prototyped;
        if (state != ApiState.Published && !(isTrial && caller.May(Permission.Publish)))
        {
            throw new ConflictException(
                $"{api} is {LifecycleWords.Of(state)} and takes no new subscriptions",
                state switch
                {
                    ApiState.Prototyped => "call it without one: a prototype is open to everybody",
                    ApiState.Created => $"have it published first: gatehouse api lifecycle {api} publish",
                    _ => "subscribe to a newer version",
                }
            );
        }
    }

    private Task<StoredEntity<Subscription>?> FindAsync(string name, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.Subscription, name, ModelJson.Default.Subscription, cancellation);

    private static SubscriptionView View(Application app, Subscription subscription) => View(subscription, app.Name);

    private static SubscriptionView View(Subscription subscription, string applicationName) =>
        new(
            subscription.Application,
            applicationName,
            subscription.Api,
            subscription.State,
            subscription.Plan ?? Plan.Unlimited
        );
}

/// <summary>One subscription.</summary>
/// <param name="Application">The application's id.</param>
/// <param name="ApplicationName">Its name.</param>
/// <param name="Api"><c>name:version</c>.</param>
/// <param name="State">What it opens.</param>
/// <param name="Plan">The plan it is on.</param>
public sealed record SubscriptionView(
    string Application,
    string ApplicationName,
    string Api,
    SubscriptionState State = SubscriptionState.Active,
    string Plan = Model.Plan.Unlimited
);
