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
        Approvals approvals,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        if (
            await approvals
                .IsNeededAsync(ApprovalKind.Lifecycle, caller.May(Permission.Administer), cancellation)
                .ConfigureAwait(false)
        )
        {
            var (before, _) = await lifecycles.GetAsync(id, cancellation).ConfigureAwait(false);
            // Told now that it is impossible, not when it is approved.
            new ApiLifecycle { State = before.State }.After(before.Api, ask.Action, caller.User, default, null);
            var task = approvals.New(
                ApprovalKind.Lifecycle,
                $"{caller.User} takes {before.Api} from {LifecycleWords.Of(before.State)} by {LifecycleWords.Of(ask.Action)}",
                caller.User
            ) with
            {
                Api = before.Api,
                Step = ask,
            };
            await catalogue
                .CommitAsync(
                    Approvals.Put(
                        new(caller.Actor, $"asked for {LifecycleWords.Of(ask.Action)} of API {before.Api}"),
                        task
                    ),
                    cancellation
                )
                .ConfigureAwait(false);
            return TypedResults.Accepted((string?)null, before with { PendingTask = task.Id });
        }

        var (view, epoch) = await lifecycles
            .TakeAsync(id, ask, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        http.Response.SetEntityTag(epoch);
        return TypedResults.Ok(view);
    }
}
