using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>Asks for an issuer. What is left out has the default of <see cref="Issuer"/>.</summary>
public sealed record SetIssuer(
    string Name,
    [property: JsonRequired] string Url,
    ImmutableArray<string>? Audiences = null,
    string? Keys = null,
    string? KeysUrl = null,
    bool Discovery = false,
    ImmutableArray<string>? Algorithms = null,
    ImmutableArray<string>? ClientClaims = null,
    string? ScopeClaim = null,
    long? ClockSkewSeconds = null,
    string? IntrospectionUrl = null,
    string? IntrospectionClientId = null,
    string? IntrospectionSecret = null,
    int? IntrospectionMemorySeconds = null,
    int? IntrospectionStaleSeconds = null,
    ImmutableArray<string>? Environments = null
)
{
    /// <summary>What would have to be asked for to make an issuer.</summary>
    public static SetIssuer Of(Issuer issuer) =>
        new(
            issuer.Name,
            issuer.Url,
            issuer.Audiences,
            issuer.Keys,
            issuer.KeysUrl,
            issuer.Discovery,
            issuer.Algorithms,
            issuer.ClientClaims,
            issuer.ScopeClaim,
            (long)issuer.ClockSkew.TotalSeconds,
            Environments: issuer.Environments
        );

    /// <summary>The same with the defaults written out.</summary>
    public SetIssuer Complete() => Of(ToIssuer());

    internal Issuer ToIssuer()
    {
        var issuer = new Issuer
        {
            Name = Name ?? "",
            Url = Url,
            Audiences = Audiences ?? [],
            Environments = Environments ?? [],
            Keys = Keys,
            KeysUrl = KeysUrl,
            Discovery = Discovery,
            Introspection = IntrospectionUrl is null
                ? null
                : new()
                {
                    Url = IntrospectionUrl,
                    ClientId = IntrospectionClientId,
                    MemorySeconds = IntrospectionMemorySeconds,
                    StaleSeconds = IntrospectionStaleSeconds,
                },
        };
        return issuer with
        {
            Algorithms = Algorithms is { IsDefaultOrEmpty: false } algorithms ? algorithms : issuer.Algorithms,
            ClientClaims = ClientClaims is { IsDefaultOrEmpty: false } claims ? claims : issuer.ClientClaims,
            ScopeClaim = ScopeClaim ?? issuer.ScopeClaim,
            ClockSkew = ClockSkewSeconds is { } skew
                ? TimeSpan.FromSeconds(Math.Clamp(skew, -1, int.MaxValue))
                : issuer.ClockSkew,
        };
    }
}

internal static class IssuerEndpoints
{
    public static void MapIssuers(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/issuers", ListAsync).WithSummary("The issuers of access tokens").Require(Permission.Read);
        rest.MapGet("/issuers/{name}", ShowAsync).WithSummary("One issuer").Require(Permission.Read);
        // Who issues tokens decides who gets in.
        rest.MapPost("/issuers", CreateAsync).Once().WithSummary("Makes an issuer").Require(Permission.Administer);
        rest.MapPut("/issuers/{name}", ReplaceAsync).WithSummary("Replaces an issuer").Require(Permission.Administer);
        rest.MapDelete("/issuers/{name}", DeleteAsync).WithSummary("Deletes an issuer").Require(Permission.Administer);
        rest.MapPost("/revocations", RevokeAsync)
            .Once()
            .WithSummary("Revokes an access token")
            .Require(Permission.Operate);
    }

    // A secret that is sealed is still nobody's to copy.
    private static Issuer Shown(Issuer issuer) =>
        issuer.Introspection is { Secret: not null } asked
            ? issuer with
            {
                Introspection = asked with { Secret = null },
            }
            : issuer;

    private static async Task<Ok<Page<Issuer>>> ListAsync(
        int? limit,
        int? offset,
        Issuers issuers,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of([.. (await issuers.ListAsync(cancellation).ConfigureAwait(false)).Select(Shown)], limit, offset)
        );

    private static async Task<Ok<Issuer>> ShowAsync(
        string name,
        HttpResponse response,
        Issuers issuers,
        CancellationToken cancellation
    )
    {
        var issuer = await issuers.GetAsync(name, cancellation).ConfigureAwait(false);
        response.SetEntityTag(issuer.Epoch);
        return TypedResults.Ok(Shown(issuer.Value));
    }

    private static async Task<Created<Issuer>> CreateAsync(
        SetIssuer ask,
        Caller caller,
        Issuers issuers,
        CancellationToken cancellation
    )
    {
        var made = await issuers
            .PutAsync(ask.ToIssuer(), ask.IntrospectionSecret, replace: false, caller, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/issuers/{made.Name}", Shown(made));
    }

    private static async Task<Ok<Issuer>> ReplaceAsync(
        string name,
        SetIssuer ask,
        Caller caller,
        Issuers issuers,
        CancellationToken cancellation
    )
    {
        var issuer = (ask with { Name = name }).ToIssuer();
        return TypedResults.Ok(
            Shown(
                await issuers
                    .PutAsync(issuer, ask.IntrospectionSecret, replace: true, caller, cancellation)
                    .ConfigureAwait(false)
            )
        );
    }

    private static async Task<NoContent> DeleteAsync(
        string name,
        Caller caller,
        Issuers issuers,
        CancellationToken cancellation
    )
    {
        await issuers.DeleteAsync(name, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<RevokedToken>> RevokeAsync(
        RevokeToken ask,
        Caller caller,
        Issuers issuers,
        CancellationToken cancellation
    ) => TypedResults.Ok(await issuers.RevokeAsync(ask, caller, cancellation).ConfigureAwait(false));
}
