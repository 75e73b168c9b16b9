using System.Collections.Immutable;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>The policies of an API and its operations. They take effect with the next deployment, like all of a definition.</summary>
internal static class PolicyEndpoints
{
    public static void MapPolicies(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/policies", ShowAsync)
            .WithSummary("The policies of an API and its operations")
            .Require(Permission.Read);
        rest.MapPut("/apis/{id}/policies", SetAsync)
            .WithSummary("Replaces the policies of an API, or of one operation")
            .Conditional()
            .Require(Permission.Publish);
    }

    private static async Task<Ok<PoliciesView>> ShowAsync(
        string id,
        HttpResponse response,
        Caller caller,
        Listings listings,
        ApiDefinitions definitions,
        CancellationToken cancellation
    )
    {
        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        response.SetEntityTag(definition.Epoch);
        return TypedResults.Ok(PoliciesView.Of(definition.Value));
    }

    private static async Task<Ok<PoliciesView>> SetAsync(
        string id,
        string? method,
        string? path,
        [FromBody] ImmutableArray<PolicyUse> policies,
        HttpContext http,
        Caller caller,
        ApiDefinitions definitions,
        CancellationToken cancellation
    )
    {
        var definition = await definitions
            .SetPoliciesAsync(id, method, path, policies, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        http.Response.SetEntityTag(definition.Epoch);
        return TypedResults.Ok(PoliciesView.Of(definition.Value));
    }
}

/// <summary>The policies of an API.</summary>
/// <param name="Policies">Of every operation, in order.</param>
/// <param name="Operations">Operations that have some of their own.</param>
public sealed record PoliciesView(ImmutableArray<PolicyUse> Policies, ImmutableArray<OperationPoliciesView> Operations)
{
    internal static PoliciesView Of(ApiDefinition definition) =>
        new(
            definition.Policies,
            [
                .. definition
                    .Operations.Where(o => !o.Policies.IsEmpty)
                    .Select(o => new OperationPoliciesView(o.Method, o.Path, o.Policies)),
            ]
        );
}

/// <summary>The policies of one operation, after those of its API.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Path">Its path template.</param>
/// <param name="Policies">In order.</param>
public sealed record OperationPoliciesView(string Method, string Path, ImmutableArray<PolicyUse> Policies);
