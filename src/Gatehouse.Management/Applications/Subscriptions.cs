using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Which application may call which API version.</summary>
public sealed class Subscriptions(Catalogue catalogue, ApiDefinitions definitions, Applications applications)
{
    /// <summary>The subscriptions the caller may see, of one application or API when named.</summary>
    public async Task<ImmutableArray<SubscriptionView>> ListAsync(
        string? application,
        string? api,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var visible = application is null
            ? await applications.ListAsync(caller, cancellation).ConfigureAwait(false)
            : [await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false)];
        var names = visible.ToDictionary(a => a.Id, a => a.Name);
        var id = api is null ? null : (await definitions.GetAsync(api, cancellation).ConfigureAwait(false)).Name;
        var all = await catalogue
            .ListAsync(EntityKinds.Subscription, ModelJson.Default.Subscription, cancellation)
            .ConfigureAwait(false);
        return
        [
            .. all.Select(s => s.Value)
                .Where(s => names.ContainsKey(s.Application) && (id is null || s.Api == id))
                .Select(s => new SubscriptionView(s.Application, names[s.Application], s.Api)),
        ];
    }

    /// <summary>Lets an application call an API. Safe to do twice.</summary>
    public async Task<SubscriptionView> CreateAsync(
        string application,
        string api,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var app = await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(api, cancellation).ConfigureAwait(false);
        var subscription = new Subscription { Application = app.Id, Api = definition.Name };
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"subscribed {app.Name} to {definition.Name}").Put(
                    EntityKinds.Subscription,
                    Subscription.EntityName(app.Id, definition.Name),
                    subscription,
                    ModelJson.Default.Subscription
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return new(app.Id, app.Name, definition.Name);
    }

    /// <summary>Ends a subscription. Throws <see cref="NotFoundException"/> when there is none.</summary>
    public async Task DeleteAsync(string application, string api, Caller caller, CancellationToken cancellation)
    {
        var app = await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(api, cancellation).ConfigureAwait(false);
        var result = await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"unsubscribed {app.Name} from {definition.Name}").Delete(
                    EntityKinds.Subscription,
                    Subscription.EntityName(app.Id, definition.Name)
                ),
                cancellation
            )
            .ConfigureAwait(false);
        if (!result.Moved)
        {
            throw new NotFoundException("subscription", $"{app.Name} to {definition.Name}");
        }
    }
}

/// <summary>One subscription.</summary>
/// <param name="Application">The application's id.</param>
/// <param name="ApplicationName">Its name.</param>
/// <param name="Api"><c>name:version</c>.</param>
public sealed record SubscriptionView(string Application, string ApplicationName, string Api);
