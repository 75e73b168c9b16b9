using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>Who may call which operation of an API, and the scopes the API has. Operations take effect with the next deployment.</summary>
internal static class OperationEndpoints
{
    public static void MapOperations(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/operations", ListAsync)
            .WithSummary("The operations of an API and who may call them")
            .Require(Permission.Read);
        rest.MapPatch("/apis/{id}/operations", ChangeAsync)
            .WithSummary(
                "Changes who may call operations of an API and how often; all of those that are named, or none"
            )
            .Conditional()
            .Require(Permission.Publish);
        rest.MapGet("/apis/{id}/scopes", ScopesAsync).WithSummary("The scopes of an API").Require(Permission.Read);
        rest.MapPut("/apis/{id}/scopes/{name}", SetScopeAsync)
            .WithSummary("Makes a scope of an API, or changes what is said of it")
            .Conditional()
            .Require(Permission.Publish);
        rest.MapDelete("/apis/{id}/scopes/{name}", DeleteScopeAsync)
            .WithSummary("Takes a scope of an API away that no operation asks for")
            .Conditional()
            .Require(Permission.Publish);
    }

    private static async Task<Ok<Page<OperationView>>> ListAsync(
        string id,
        int? limit,
        int? offset,
        HttpResponse response,
        Caller caller,
        Listings listings,
        ApiOperations operations,
        CancellationToken cancellation
    )
    {
        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var list = await operations.ListAsync(id, cancellation).ConfigureAwait(false);
        response.SetEntityTag(list.Epoch);
        return TypedResults.Ok(Paging.Of(list.Items, limit, offset));
    }

    private static async Task<Ok<ImmutableArray<OperationView>>> ChangeAsync(
        string id,
        [FromBody] ImmutableArray<OperationChange> changes,
        HttpContext http,
        Caller caller,
        ApiOperations operations,
        CancellationToken cancellation
    )
    {
        var changed = await operations
            .ChangeAsync(id, changes, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        var list = await operations.ListAsync(changed.Name, cancellation).ConfigureAwait(false);
        http.Response.SetEntityTag(changed.Epoch);
        var named = changes.Select(c => (c.Method.ToUpperInvariant(), c.Path)).ToHashSet();
        return TypedResults.Ok(list.Items.RemoveAll(o => !named.Contains((o.Method, o.Path))));
    }

    private static async Task<Ok<Page<ApiScopeView>>> ScopesAsync(
        string id,
        int? limit,
        int? offset,
        HttpResponse response,
        Caller caller,
        Listings listings,
        ApiOperations operations,
        CancellationToken cancellation
    )
    {
        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var scopes = await operations.ScopesAsync(id, caller.SeesBehind, cancellation).ConfigureAwait(false);
        response.SetEntityTag(scopes.Epoch);
        return TypedResults.Ok(Paging.Of(scopes.Items, limit, offset));
    }

    private static async Task<Ok<ApiScopeView>> SetScopeAsync(
        string id,
        string name,
        SetApiScope said,
        HttpContext http,
        Caller caller,
        ApiOperations operations,
        CancellationToken cancellation
    )
    {
        var changed = await operations
            .SetScopeAsync(id, name, said, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        http.Response.SetEntityTag(changed.Epoch);
        return TypedResults.Ok(ApiOperations.ScopesOf(changed.Value, withRoles: true).First(s => s.Name == name));
    }

    private static async Task<NoContent> DeleteScopeAsync(
        string id,
        string name,
        HttpRequest request,
        Caller caller,
        ApiOperations operations,
        CancellationToken cancellation
    )
    {
        await operations
            .DeleteScopeAsync(id, name, request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        return TypedResults.NoContent();
    }
}
