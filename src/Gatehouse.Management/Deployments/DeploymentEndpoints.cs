using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>Asks for a deployment.</summary>
/// <param name="Revision">The revision; null for the definition as it stands.</param>
/// <param name="Message">What the publisher says about a new revision.</param>
/// <param name="Canary">How many of a hundred callers get it, beside what runs; null for everybody.</param>
/// <param name="Environment">Where; null for the default environment.</param>
public sealed record DeployRequest(
    int? Revision = null,
    string? Message = null,
    int? Canary = null,
    string? Environment = null
);

/// <summary>Asks to go back.</summary>
/// <param name="Revision">The revision; null for the one before what runs.</param>
/// <param name="Environment">Where; null for the default environment.</param>
public sealed record RollbackRequest(int? Revision = null, string? Environment = null);

internal static class DeploymentEndpoints
{
    private const int MaxWait = 60;

    public static void MapDeployments(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/deployments", StatusAsync)
            .WithSummary("What is deployed of an API and how far every worker is")
            .Require(Permission.Read);
        rest.MapPost("/apis/{id}/deployments", DeployAsync)
            .Once()
            .WithSummary("Deploys the definition, or a revision")
            .Conditional()
            .Require(Permission.Publish)
            .Needs(ApiRight.Deploy);
        rest.MapDelete("/apis/{id}/deployments", UndeployAsync)
            .WithSummary("Takes an API off the workers")
            .Conditional()
            .Require(Permission.Publish)
            .Needs(ApiRight.Deploy);
        rest.MapGet("/apis/{id}/environments", EverywhereAsync)
            .WithSummary("Every environment an API is deployed in and how far every worker there is")
            .Require(Permission.Read);
        rest.MapPost("/apis/{id}/rollback", RollBackAsync)
            .WithSummary("Deploys the revision before, or another")
            .Conditional()
            .Require(Permission.Publish)
            .Needs(ApiRight.Deploy);
    }

    private static async Task<Ok<DeploymentView>> StatusAsync(
        string id,
        int? wait,
        string? environment,
        Caller caller,
        Listings listings,
        Deployments deployments,
        CancellationToken cancellation
    )
    {
        if (wait is < 0 or > MaxWait)
        {
            throw new ProblemsException([
                new("wait", $"'wait' is between 0 and {MaxWait} seconds", "ask again after it"),
            ]);
        }

        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(
            await deployments
                .WaitAsync(id, environment, TimeSpan.FromSeconds(wait ?? 0), cancellation)
                .ConfigureAwait(false)
        );
    }

    private static async Task<Ok<DeploymentView>> DeployAsync(
        string id,
        DeployRequest? ask,
        HttpRequest request,
        Caller caller,
        Deployments deployments,
        CancellationToken cancellation
    )
    {
        if (ask?.Message is { Length: > 500 })
        {
            throw new ProblemsException([new("/message", "A message has at most 500 characters", "shorten it")]);
        }

        return TypedResults.Ok(
            await deployments
                .DeployAsync(id, ask ?? new(), request.ExpectedEpoch(), caller.Actor, cancellation)
                .ConfigureAwait(false)
        );
    }

    private static async Task<Ok<ImmutableArray<DeploymentView>>> EverywhereAsync(
        string id,
        Caller caller,
        Listings listings,
        Deployments deployments,
        CancellationToken cancellation
    )
    {
        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(await deployments.EverywhereAsync(id, cancellation).ConfigureAwait(false));
    }

    private static async Task<Ok<DeploymentView>> UndeployAsync(
        string id,
        string? environment,
        HttpRequest request,
        Caller caller,
        Deployments deployments,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            await deployments
                .UndeployAsync(id, environment, request.ExpectedEpoch(), caller.Actor, cancellation)
                .ConfigureAwait(false)
        );

    private static async Task<Ok<DeploymentView>> RollBackAsync(
        string id,
        RollbackRequest? ask,
        HttpRequest request,
        Caller caller,
        Deployments deployments,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            await deployments
                .RollBackAsync(id, ask ?? new(), request.ExpectedEpoch(), caller.Actor, cancellation)
                .ConfigureAwait(false)
        );
}
