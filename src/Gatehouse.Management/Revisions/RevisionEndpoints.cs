using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class RevisionEndpoints
{
    public static void MapRevisions(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/revisions", ListAsync).WithSummary("The revisions of an API").Require(Permission.Read);
        rest.MapGet("/apis/{id}/revisions/{number:int}", ShowAsync)
            .WithSummary("One revision of an API")
            .Require(Permission.Read);
        rest.MapGet("/apis/{id}/diff", DiffAsync)
            .WithSummary("What differs between two revisions, or a revision and the definition")
            .Require(Permission.Read);
    }

    private static async Task<Ok<Page<RevisionView>>> ListAsync(
        string id,
        int? limit,
        int? offset,
        Caller caller,
        Listings listings,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var all = await revisions.ListAsync(definition.Name, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(Paging.Of(all, limit, offset));
    }

    private static async Task<Ok<ApiDefinition>> ShowAsync(
        string id,
        int number,
        Caller caller,
        Listings listings,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var revision = await revisions.GetAsync(definition.Name, number, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(revision.Definition.ShownTo(caller));
    }

    private static async Task<Ok<RevisionDiff>> DiffAsync(
        string id,
        int? from,
        int? to,
        Caller caller,
        Listings listings,
        RevisionComparison comparison,
        CancellationToken cancellation
    )
    {
        id = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        if (!caller.SeesBehind)
        {
            throw new ApiRightException(id, ApiRight.Edit);
        }

        return TypedResults.Ok(await comparison.CompareAsync(id, from, to, cancellation).ConfigureAwait(false));
    }
}
