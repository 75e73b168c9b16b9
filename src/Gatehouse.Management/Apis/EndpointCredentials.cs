using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>How the gateway proves itself to the backends of APIs. Takes effect with the next deployment.</summary>
public sealed class EndpointCredentials(Catalogue catalogue, ApiDefinitions definitions, EntitySecrets secrets)
{
    /// <summary>The sets of endpoints.</summary>
    public static ImmutableArray<string> Sets { get; } = ["production", "sandbox"];

    /// <summary>
    /// Sets the credential of one set of endpoints, or takes it away. Throws <see cref="ProblemsException"/> when it cannot be
    /// taken; then nothing was written.
    /// </summary>
    public async Task<StoredEntity<ApiDefinition>> SetAsync(
        string id,
        string set,
        SetEndpointCredential? ask,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        if (!Sets.Contains(set))
        {
            throw new NotFoundException("set of endpoints", OpenApi.Excerpt.Of(set));
        }

        var stored = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var credential = ask is null ? null : Close(ask, stored.Value, set);
        var definition =
            set == "sandbox"
                ? stored.Value with
                {
                    SandboxCredential = credential,
                }
                : stored.Value with
                {
                    Credential = credential,
                };
        if (ApiRules.Check(definition) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        var what = credential is null ? "took away the" : $"set the {credential.Type}";
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(actor, $"{what} credential of API {stored.Name} for {set}").Put(
                    EntityKinds.Definition,
                    stored.Name,
                    definition,
                    DefinitionJson.Default.ApiDefinition,
                    expectedEpoch ?? stored.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return await definitions.GetAsync(stored.Name, cancellation).ConfigureAwait(false);
    }

    private EndpointCredential Close(SetEndpointCredential ask, ApiDefinition definition, string set)
    {
        var credential = new EndpointCredential
        {
            Type = ask.Type,
            User = ask.User,
            TokenUrl = ask.TokenUrl,
            Scopes = ask.Scopes ?? [],
            Name = ask.Name,
            InQuery = ask.InQuery,
            Certificate = ask.Certificate,
        };
        var problems = credential.Check(ask.Secret).ToList();
        if (string.IsNullOrEmpty(ask.Secret))
        {
            problems.Add(
                new("/secret", "The credential has no secret", "give the password, client secret, key or private key")
            );
        }

        return problems.Count > 0
            ? throw new ProblemsException([.. problems])
            : credential with
            {
                Secret = secrets.Close(EndpointCredential.PlaceOf(definition.Name, set), ask.Secret!, "/secret"),
            };
    }
}

/// <summary>Asks for a credential. The meaning is that of <see cref="EndpointCredential"/>'s members.</summary>
/// <param name="Type"><c>basic</c>, <c>oauth2</c>, <c>apikey</c> or <c>mutualtls</c>.</param>
/// <param name="Secret">The secret, open; it is sealed and never told again.</param>
/// <param name="User">User, or client id.</param>
/// <param name="TokenUrl">Where tokens are got.</param>
/// <param name="Scopes">Scopes asked for.</param>
/// <param name="Name">Header or query parameter.</param>
/// <param name="InQuery">True for a query parameter.</param>
/// <param name="Certificate">PEM.</param>
public sealed record SetEndpointCredential(
    [property: JsonRequired] string Type,
    string? Secret = null,
    string? User = null,
    string? TokenUrl = null,
    ImmutableArray<string>? Scopes = null,
    string? Name = null,
    bool InQuery = false,
    string? Certificate = null
);

internal static class CredentialEndpoints
{
    public static void MapCredentials(this IEndpointRouteBuilder rest)
    {
        rest.MapPut("/apis/{id}/credentials/{set}", SetAsync)
            .WithSummary("Sets what the gateway shows an API's endpoints")
            .Conditional()
            .Require(Permission.Publish);
        rest.MapDelete("/apis/{id}/credentials/{set}", RemoveAsync)
            .WithSummary("Takes away what the gateway shows an API's endpoints")
            .Conditional()
            .Require(Permission.Publish);
    }

    private static async Task<Ok<EndpointCredential>> SetAsync(
        string id,
        string set,
        SetEndpointCredential ask,
        HttpContext http,
        Caller caller,
        EndpointCredentials credentials,
        CancellationToken cancellation
    )
    {
        var stored = await credentials
            .SetAsync(id, set, ask, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        http.Response.SetEntityTag(stored.Epoch);
        var shown = stored.Value.Shown();
        return TypedResults.Ok(set == "sandbox" ? shown.SandboxCredential! : shown.Credential!);
    }

    private static async Task<NoContent> RemoveAsync(
        string id,
        string set,
        HttpContext http,
        Caller caller,
        EndpointCredentials credentials,
        CancellationToken cancellation
    )
    {
        await credentials
            .SetAsync(id, set, null, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        return TypedResults.NoContent();
    }
}
