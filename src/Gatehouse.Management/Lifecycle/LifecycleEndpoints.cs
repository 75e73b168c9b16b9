using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class LifecycleEndpoints
{
    public static void MapLifecycle(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/lifecycle", ShowAsync)
            .WithSummary("Where an API stands in its life, and what it may be taken to")
            .Require(Permission.Read);
        rest.MapPost("/apis/{id}/lifecycle", TakeAsync)
            .WithSummary("Takes an API a step further in its life")
            .Conditional()
            .Require(Permission.Publish)
            .Needs(ApiRight.Deploy);
    }

    private static async Task<Ok<LifecycleView>> ShowAsync(
        string id,
        HttpResponse response,
        Caller caller,
        Listings listings,
        Lifecycles lifecycles,
        CancellationToken cancellation
    )
    {
        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var (view, epoch) = await lifecycles.GetAsync(id, cancellation).ConfigureAwait(false);
        response.SetEntityTag(epoch);
        return TypedResults.Ok(view);
    }

    private static async Task<Results<Ok<LifecycleView>, Accepted<LifecycleView>>> TakeAsync(
        string id,
        LifecycleRequest ask,
        HttpContext http,
        Caller caller,
        Lifecycles lifecycles,
        CancellationToken cancellation
    )
    {
        var (view, epoch) = await lifecycles
            .AskAsync(id, ask, http.Request.ExpectedEpoch(), caller, cancellation)
            .ConfigureAwait(false);
        if (view.PendingTask is not null)
        {
            return TypedResults.Accepted((string?)null, view);
        }

        http.Response.SetEntityTag(epoch);
        return TypedResults.Ok(view);
    }
}
