using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class CommunityEndpoints
{
    public static void MapCommunity(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/comments", ListAsync)
            .WithSummary("The comments on an API, the newest first")
            .Require(Permission.Read);
        rest.MapPost("/apis/{id}/comments", SayAsync)
            .Once()
            .WithSummary("Comments on an API")
            .Require(Permission.Subscribe);
        rest.MapPut("/apis/{id}/comments/{comment}", EditAsync)
            .WithSummary("Changes one's own comment")
            .Require(Permission.Subscribe);
        rest.MapDelete("/apis/{id}/comments/{comment}", DeleteAsync)
            .WithSummary("Deletes a comment")
            .Require(Permission.Subscribe);
        rest.MapGet("/apis/{id}/rating", ShowAsync)
            .WithSummary("How an API is rated, and by oneself")
            .Require(Permission.Read);
        rest.MapPut("/apis/{id}/rating", RateAsync).WithSummary("Rates an API").Require(Permission.Subscribe);
        rest.MapDelete("/apis/{id}/rating", TakeBackAsync)
            .WithSummary("Takes one's rating back")
            .Require(Permission.Subscribe);
    }

    private static async Task<Ok<Page<Comment>>> ListAsync(
        string id,
        int? limit,
        int? offset,
        Caller caller,
        Community community,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(await community.CommentsAsync(id, caller, cancellation).ConfigureAwait(false), limit, offset)
        );

    private static async Task<Created<Comment>> SayAsync(
        string id,
        SayComment ask,
        Caller caller,
        Community community,
        CancellationToken cancellation
    ) =>
        TypedResults.Created(
            (string?)null,
            await community.SayAsync(id, ask, caller, cancellation).ConfigureAwait(false)
        );

    private static async Task<Ok<Comment>> EditAsync(
        string id,
        string comment,
        SayComment ask,
        Caller caller,
        Community community,
        CancellationToken cancellation
    ) => TypedResults.Ok(await community.EditAsync(id, comment, ask, caller, cancellation).ConfigureAwait(false));

    private static async Task<NoContent> DeleteAsync(
        string id,
        string comment,
        Caller caller,
        Community community,
        CancellationToken cancellation
    )
    {
        await community.DeleteAsync(id, comment, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<RatingView>> ShowAsync(
        string id,
        Caller caller,
        Community community,
        CancellationToken cancellation
    ) => TypedResults.Ok(await community.RatingAsync(id, caller, cancellation).ConfigureAwait(false));

    private static async Task<Ok<RatingView>> RateAsync(
        string id,
        GiveRating ask,
        Caller caller,
        Community community,
        CancellationToken cancellation
    ) => TypedResults.Ok(await community.RateAsync(id, ask.Stars, caller, cancellation).ConfigureAwait(false));

    private static async Task<Ok<RatingView>> TakeBackAsync(
        string id,
        Caller caller,
        Community community,
        CancellationToken cancellation
    ) => TypedResults.Ok(await community.RateAsync(id, null, caller, cancellation).ConfigureAwait(false));
}
