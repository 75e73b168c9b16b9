using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>Asks for an application.</summary>
/// <param name="Name">What to call it.</param>
/// <param name="Policy">The application policy it is under; null for none.</param>
public sealed record CreateApplication([property: JsonRequired] string Name, string? Policy = null);

/// <summary>Asks for another policy of an application.</summary>
/// <param name="Policy">The application policy; null for none.</param>
public sealed record SetPolicy(string? Policy);

/// <summary>Asks for a subscription.</summary>
/// <param name="Application">Id or name.</param>
/// <param name="Api"><c>name:version</c>, or the name while it has one version.</param>
/// <param name="Plan">The plan to be on; null for no bound.</param>
public sealed record CreateSubscription(
    [property: JsonRequired] string Application,
    [property: JsonRequired] string Api,
    string? Plan = null
);

/// <summary>Asks for a key.</summary>
/// <param name="Sandbox">Calls sandbox endpoints.</param>
/// <param name="ExpiresInSeconds">How long it lives; null for ever.</param>
/// <param name="Type"><c>apikey</c>, <c>basic</c>, <c>certificate</c> or <c>oauth2</c>; <c>apikey</c> when null.</param>
/// <param name="Issuer">The issuer's name; of an OAuth2 client. Left out, with its id, the key manager makes one.</param>
/// <param name="ClientId">The client's id at its issuer; of an OAuth2 client.</param>
/// <param name="Certificate">The certificate in PEM, without its key.</param>
/// <param name="Addresses">Networks it may be used from.</param>
/// <param name="Referers">Beginnings of <c>Referer</c> it may be used with.</param>
/// <param name="Grants">Grant types of a client that the key manager makes; client_credentials when null.</param>
/// <param name="RedirectUris">Where that client's browsers may be sent back to.</param>
/// <param name="Public">True for a client that can keep no secret.</param>
public sealed record CreateKey(
    bool Sandbox = false,
    long? ExpiresInSeconds = null,
    string? Type = null,
    string? Issuer = null,
    string? ClientId = null,
    string? Certificate = null,
    ImmutableArray<string>? Addresses = null,
    ImmutableArray<string>? Referers = null,
    ImmutableArray<string>? Grants = null,
    ImmutableArray<string>? RedirectUris = null,
    bool Public = false
);

/// <summary>Changes an application.</summary>
/// <param name="Suspended">True to let none of its keys in.</param>
public sealed record SetApplication([property: JsonRequired] bool Suspended);

/// <summary>Changes a subscription.</summary>
/// <param name="State">What it opens.</param>
public sealed record SetSubscription([property: JsonRequired] SubscriptionState State);

/// <summary>Puts a subscription on another plan.</summary>
/// <param name="Plan">The plan; null for no bound.</param>
public sealed record SetPlan(string? Plan);

/// <summary>Asks for a key in place of another.</summary>
/// <param name="OverlapSeconds">How long the old one lives on.</param>
public sealed record RollKey(long OverlapSeconds = 0);

internal static class ConsumerEndpoints
{
    public static void MapConsumers(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/applications", ListAsync)
            .WithSummary("The applications the caller may see")
            .Require(Permission.Read);
        rest.MapPost("/applications", CreateAsync)
            .Once()
            .WithSummary("Makes an application")
            .Require(Permission.Subscribe);
        rest.MapGet("/applications/{app}", ShowAsync)
            .WithSummary("One application, by id or name")
            .Require(Permission.Read);
        rest.MapDelete("/applications/{app}", DeleteAsync)
            .WithSummary("Deletes an application, its subscriptions and its keys")
            .Require(Permission.Subscribe);
        // A subscriber must not lift what a publisher put on it.
        rest.MapPatch("/applications/{app}", SetAsync)
            .WithSummary("Suspends or resumes an application")
            .Require(Permission.Publish);
        rest.MapPatch("/subscriptions/{app}/{api}", SetSubscriptionAsync)
            .WithSummary("Blocks or opens a subscription")
            .Require(Permission.Publish);
        rest.MapPut("/applications/{app}/policy", SetPolicyAsync)
            .WithSummary("Puts an application under another policy")
            .Require(Permission.Subscribe);
        rest.MapPatch("/applications/{app}/about", EditAsync)
            .WithSummary("Changes an application's name, description or group")
            .Require(Permission.Subscribe);
        rest.MapPut("/applications/{app}/owner", ChangeOwnerAsync)
            .WithSummary("Gives an application to another user")
            .Require(Permission.Subscribe);
        rest.MapPut("/subscriptions/{app}/{api}/plan", SetPlanAsync)
            .WithSummary("Puts a subscription on another plan")
            .Require(Permission.Subscribe);
        rest.MapGet("/subscriptions", ListSubscriptionsAsync)
            .WithSummary("The subscriptions the caller may see")
            .Require(Permission.Read);
        rest.MapPost("/subscriptions", SubscribeAsync)
            .Once()
            .WithSummary("Subscribes an application to an API")
            .Require(Permission.Subscribe);
        rest.MapDelete("/subscriptions/{app}/{api}", UnsubscribeAsync)
            .WithSummary("Ends a subscription")
            .Require(Permission.Subscribe);
        rest.MapGet("/applications/{app}/keys", ListKeysAsync)
            .WithSummary("The keys of an application, without their secrets")
            .Require(Permission.Read);
        rest.MapPost("/applications/{app}/keys", CreateKeyAsync)
            .Once()
            .WithSummary("Makes a key of an application; its secret is in this answer only")
            .Require(Permission.Subscribe);
        rest.MapPost("/keys/{id}/roll", RollKeyAsync)
            .Once()
            .WithSummary("Makes a key in place of another, which ends after an overlap")
            .Require(Permission.Subscribe);
        rest.MapDelete("/keys/{id}", RevokeKeyAsync).WithSummary("Revokes a key").Require(Permission.Subscribe);
    }

    private static async Task<Ok<Page<Application>>> ListAsync(
        int? limit,
        int? offset,
        Caller caller,
        Applications applications,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(await applications.ListAsync(caller, cancellation).ConfigureAwait(false), limit, offset)
        );

    private static async Task<Created<Application>> CreateAsync(
        CreateApplication ask,
        Caller caller,
        Applications applications,
        CancellationToken cancellation
    )
    {
        var made = await applications.CreateAsync(ask.Name, ask.Policy, caller, cancellation).ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/applications/{made.Id}", made);
    }

    private static async Task<Ok<Application>> SetPolicyAsync(
        string app,
        SetPolicy ask,
        Caller caller,
        Applications applications,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(await applications.SetPolicyAsync(app, ask.Policy, caller, cancellation).ConfigureAwait(false));

    private static async Task<Ok<Application>> EditAsync(
        string app,
        ApplicationEdit edit,
        Caller caller,
        Applications applications,
        CancellationToken cancellation
    ) => TypedResults.Ok(await applications.EditAsync(app, edit, caller, cancellation).ConfigureAwait(false));

    private static async Task<Ok<Application>> ChangeOwnerAsync(
        string app,
        ChangeOwner ask,
        Caller caller,
        Applications applications,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            await applications.ChangeOwnerAsync(app, ask.Owner, caller, cancellation).ConfigureAwait(false)
        );

    private static async Task<Ok<SubscriptionView>> SetPlanAsync(
        string app,
        string api,
        SetPlan ask,
        Caller caller,
        Subscriptions subscriptions,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            await subscriptions.SetPlanAsync(app, api, ask.Plan, caller, cancellation).ConfigureAwait(false)
        );

    private static async Task<Ok<Application>> ShowAsync(
        string app,
        Caller caller,
        Applications applications,
        CancellationToken cancellation
    ) => TypedResults.Ok(await applications.GetAsync(app, caller, cancellation).ConfigureAwait(false));

    private static async Task<NoContent> DeleteAsync(
        string app,
        Caller caller,
        Applications applications,
        CancellationToken cancellation
    )
    {
        await applications.DeleteAsync(app, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<Page<SubscriptionView>>> ListSubscriptionsAsync(
        string? application,
        string? api,
        int? limit,
        int? offset,
        Caller caller,
        Subscriptions subscriptions,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            await subscriptions.PageAsync(application, api, caller, limit, offset, cancellation).ConfigureAwait(false)
        );

    private static async Task<Created<SubscriptionView>> SubscribeAsync(
        CreateSubscription ask,
        Caller caller,
        Subscriptions subscriptions,
        CancellationToken cancellation
    )
    {
        var made = await subscriptions
            .CreateAsync(ask.Application, ask.Api, ask.Plan, caller, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/subscriptions/{made.Application}/{Uri.EscapeDataString(made.Api)}", made);
    }

    private static async Task<NoContent> UnsubscribeAsync(
        string app,
        string api,
        Caller caller,
        Subscriptions subscriptions,
        CancellationToken cancellation
    )
    {
        await subscriptions.DeleteAsync(app, api, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<Page<KeyView>>> ListKeysAsync(
        string app,
        int? limit,
        int? offset,
        Caller caller,
        ApiKeys keys,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(await keys.ListAsync(app, caller, cancellation).ConfigureAwait(false), limit, offset)
        );

    private static async Task<Created<CreatedKey>> CreateKeyAsync(
        string app,
        CreateKey? ask,
        HttpResponse response,
        Caller caller,
        ApiKeys keys,
        CancellationToken cancellation
    )
    {
        response.Headers.CacheControl = "no-store";
        var made = await keys.CreateAsync(app, ask ?? new(), Seconds(ask?.ExpiresInSeconds), caller, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/keys/{made.Key.Id}", made);
    }

    private static async Task<Created<CreatedKey>> RollKeyAsync(
        string id,
        RollKey? ask,
        HttpResponse response,
        Caller caller,
        ApiKeys keys,
        CancellationToken cancellation
    )
    {
        response.Headers.CacheControl = "no-store";
        var made = await keys.RollAsync(id, Seconds(ask?.OverlapSeconds) ?? TimeSpan.Zero, caller, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/keys/{made.Key.Id}", made);
    }

    private static async Task<Ok<Application>> SetAsync(
        string app,
        SetApplication ask,
        Caller caller,
        Applications applications,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            await applications.SetSuspendedAsync(app, ask.Suspended, caller, cancellation).ConfigureAwait(false)
        );

    private static async Task<Ok<SubscriptionView>> SetSubscriptionAsync(
        string app,
        string api,
        SetSubscription ask,
        Caller caller,
        ApiTeams teams,
        Subscriptions subscriptions,
        CancellationToken cancellation
    )
    {
        api = await teams.RequireAsync(api, ApiRight.Edit, caller, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(
            await subscriptions.SetStateAsync(app, api, ask.State, caller, cancellation).ConfigureAwait(false)
        );
    }

    private static async Task<NoContent> RevokeKeyAsync(
        string id,
        Caller caller,
        ApiKeys keys,
        CancellationToken cancellation
    )
    {
        await keys.RevokeAsync(id, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    // Clamped, so that a senseless number is refused by who knows the bounds instead of overflowing here.
    private static TimeSpan? Seconds(long? seconds) =>
        seconds is { } s ? TimeSpan.FromSeconds(Math.Clamp(s, -1, int.MaxValue)) : null;
}
