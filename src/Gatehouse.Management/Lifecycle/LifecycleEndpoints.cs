using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class LifecycleEndpoints
{
    public static void MapLifecycle(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/lifecycle", ShowAsync).Require(Permission.Read);
        rest.MapPost("/apis/{id}/lifecycle", TakeAsync).Require(Permission.Publish);
    }

    private static async Task<Ok<LifecycleView>> ShowAsync(
        string id,
        HttpResponse response,
        Lifecycles lifecycles,
        CancellationToken cancellation
    )
    {
        var (view, epoch) = await lifecycles.GetAsync(id, cancellation).ConfigureAwait(false);
        response.SetEntityTag(epoch);
        return TypedResults.Ok(view);
    }

    private static async Task<Ok<LifecycleView>> TakeAsync(
        string id,
        LifecycleRequest ask,
        HttpContext http,
        Caller caller,
        Lifecycles lifecycles,
        CancellationToken cancellation
    )
    {
        var (view, epoch) = await lifecycles
            .TakeAsync(id, ask, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        http.Response.SetEntityTag(epoch);
        return TypedResults.Ok(view);
    }
}
