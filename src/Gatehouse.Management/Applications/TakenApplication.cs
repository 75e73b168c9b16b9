using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>An application of an old installation with what its callers prove themselves with. Of secrets it holds the hashes.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TakenApplication
{
    /// <summary>Its name; with the owner it says which application this is.</summary>
    public required string Name { get; init; }

    /// <summary>The user it belongs to, whether or not there is one of that name yet.</summary>
    public required string Owner { get; init; }

    /// <summary>For people.</summary>
    public string? Description { get; init; }

    /// <summary>The application policy; null for no bound.</summary>
    public string? Policy { get; init; }

    /// <summary>True while it may call nothing.</summary>
    public bool Suspended { get; init; }

    /// <summary>What it may call.</summary>
    public ImmutableArray<TakenSubscription>? Subscriptions { get; init; }

    /// <summary>Its OAuth2 clients.</summary>
    public ImmutableArray<TakenClient>? Clients { get; init; }

    /// <summary>Access tokens of its clients; at most <see cref="MostTokens"/> in one request.</summary>
    public ImmutableArray<TakenToken>? Tokens { get; init; }

    /// <summary>Most tokens of one request; more come in further requests for the same application.</summary>
    public const int MostTokens = 500;
}

/// <summary>A subscription of an old installation.</summary>
/// <param name="Api"><c>name:version</c>.</param>
/// <param name="Plan">The plan; null for no bound.</param>
/// <param name="State">What it opens.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TakenSubscription(
    [property: JsonRequired] string Api,
    string? Plan = null,
    SubscriptionState State = SubscriptionState.Active
);

/// <summary>An OAuth2 client of an old key manager (WSO2: consumer key and secret).</summary>
/// <param name="ClientId">Its id.</param>
/// <param name="Secret">SHA-256 of its secret; null when it is not known, so that a new one has to be made.</param>
/// <param name="Sandbox">Its tokens call sandbox endpoints.</param>
/// <param name="Grants">Grant types; client_credentials when null.</param>
/// <param name="RedirectUris">Where browsers may be sent back to.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TakenClient(
    [property: JsonRequired] string ClientId,
    Digest? Secret = null,
    bool Sandbox = false,
    ImmutableArray<string>? Grants = null,
    ImmutableArray<string>? RedirectUris = null
);

/// <summary>An access token that an old key manager issued.</summary>
/// <param name="Hash">SHA-256 of the token.</param>
/// <param name="ClientId">The client it was issued to; one of the application's.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
/// <param name="LastFour">Its last characters, to recognise it by.</param>
/// <param name="Scopes">Its scopes.</param>
/// <param name="User">Whom it speaks for; null for the client alone.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TakenToken(
    [property: JsonRequired] Digest Hash,
    [property: JsonRequired] string ClientId,
    [property: JsonRequired] DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt = null,
    string? LastFour = null,
    ImmutableArray<string>? Scopes = null,
    string? User = null
);

/// <summary>What a take-over came to. What was there already counts too.</summary>
/// <param name="Application">The application's id.</param>
/// <param name="Created">True when it was made now.</param>
/// <param name="Subscriptions">Subscriptions in place.</param>
/// <param name="Clients">Clients in place.</param>
/// <param name="Tokens">Tokens in place.</param>
/// <param name="Left">What was not taken, with the reason and what to do.</param>
public sealed record Takeover(
    string Application,
    bool Created,
    int Subscriptions,
    int Clients,
    int Tokens,
    ImmutableArray<string> Left
);

internal static class TakeoverEndpoints
{
    private const long MaxBody = 2 * 1024 * 1024;

    public static void MapTakeovers(this IEndpointRouteBuilder rest) =>
        rest.MapPost("/takeovers", TakeAsync)
            .WithSummary("Takes over an application of an old product, with its keys and subscriptions")
            .Require(Permission.Administer)
            .LimitBody(MaxBody);

    private static async Task<Ok<Takeover>> TakeAsync(
        TakenApplication ask,
        Caller caller,
        Takeovers takeovers,
        CancellationToken cancellation
    ) => TypedResults.Ok(await takeovers.TakeAsync(ask, caller, cancellation).ConfigureAwait(false));
}
