using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class ListingEndpoints
{
    public static void MapListings(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/listing", ShowAsync)
            .WithSummary("How app developers find an API")
            .Require(Permission.Read);
        rest.MapPut("/apis/{id}/listing", PutAsync)
            .WithSummary("Changes how app developers find an API")
            .Conditional()
            .Require(Permission.Publish);
        rest.MapGet("/apis/{id}/thumbnail", PictureAsync)
            .WithSummary("The picture of an API")
            .Produces<byte[]>(StatusCodes.Status200OK, "application/octet-stream")
            .Require(Permission.Read);
        rest.MapPut("/apis/{id}/thumbnail", SetPictureAsync)
            .WithSummary("Sets the picture of an API")
            .TakesBody(null, "image/png", "image/jpeg", "image/gif", "image/webp")
            .Require(Permission.Publish);
        rest.MapDelete("/apis/{id}/thumbnail", RemovePictureAsync)
            .WithSummary("Takes the picture of an API away")
            .Require(Permission.Publish);
        rest.MapGet("/tags", TagsAsync)
            .WithSummary("The tags of the APIs the caller may see, with how many have each")
            .Require(Permission.Read);
        rest.MapGet("/categories", CategoriesAsync).WithSummary("The categories").Require(Permission.Read);
        rest.MapPut("/categories/{name}", PutCategoryAsync)
            .WithSummary("Makes or changes a category")
            .Conditional()
            .Require(Permission.Operate);
        rest.MapDelete("/categories/{name}", DeleteCategoryAsync)
            .WithSummary("Deletes a category")
            .Require(Permission.Operate);
    }

    private static async Task<Ok<ApiListing>> ShowAsync(
        string id,
        HttpResponse response,
        Caller caller,
        Listings listings,
        CancellationToken cancellation
    )
    {
        var name = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var (listing, epoch) = await listings.ShowAsync(name, caller, cancellation).ConfigureAwait(false);
        response.SetEntityTag(epoch);
        return TypedResults.Ok(listing);
    }

    private static async Task<Ok<ApiListing>> PutAsync(
        string id,
        ApiListing listing,
        HttpContext http,
        Caller caller,
        Listings listings,
        CancellationToken cancellation
    )
    {
        var (stored, epoch) = await listings
            .PutAsync(id, listing, http.Request.ExpectedEpoch(), caller, cancellation)
            .ConfigureAwait(false);
        http.Response.SetEntityTag(epoch);
        return TypedResults.Ok(stored);
    }

    private static async Task<FileContentHttpResult> PictureAsync(
        string id,
        HttpResponse response,
        Caller caller,
        Listings listings,
        ApiDefinitions definitions,
        CancellationToken cancellation
    )
    {
        var name = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var (listing, _) = await listings.GetAsync(name, cancellation).ConfigureAwait(false);
        var picture =
            await definitions.FindDocumentAsync(listing.Thumbnail, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("picture of", name);
        response.Headers.XContentTypeOptions = "nosniff";
        return TypedResults.Bytes(picture.Content, picture.MediaType);
    }

    private static async Task<NoContent> SetPictureAsync(
        string id,
        HttpContext http,
        Caller caller,
        Listings listings,
        CancellationToken cancellation
    )
    {
        var picture = await RequestBody.ReadAsync(http, Listings.MaxThumbnail, cancellation).ConfigureAwait(false);
        if (picture.IsEmpty)
        {
            throw new ProblemsException([new("", "There is no picture in the body", "send its bytes as they are")]);
        }

        await listings.SetThumbnailAsync(id, picture, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<NoContent> RemovePictureAsync(
        string id,
        Caller caller,
        Listings listings,
        CancellationToken cancellation
    )
    {
        await listings.SetThumbnailAsync(id, default, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<ImmutableArray<TagView>>> TagsAsync(
        Caller caller,
        Listings listings,
        CancellationToken cancellation
    ) => TypedResults.Ok(await listings.TagsAsync(caller, cancellation).ConfigureAwait(false));

    private static async Task<Ok<Page<ApiCategory>>> CategoriesAsync(
        int? limit,
        int? offset,
        Catalogue catalogue,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(
                [
                    .. (
                        await catalogue
                            .ListAsync(EntityKinds.Category, ManagerJson.Default.ApiCategory, cancellation)
                            .ConfigureAwait(false)
                    ).Select(c => c.Value),
                ],
                limit,
                offset
            )
        );

    private static async Task<Ok<ApiCategory>> PutCategoryAsync(
        string name,
        ApiCategory category,
        HttpRequest request,
        Caller caller,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        var problems = ListingRules.Check(category);
        if (category.Name != name)
        {
            problems = problems.Add(RequestBody.OtherName);
        }

        if (!problems.IsEmpty)
        {
            throw new ProblemsException(problems);
        }

        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"set category {name}").Put(
                    EntityKinds.Category,
                    name,
                    category,
                    ManagerJson.Default.ApiCategory,
                    request.ExpectedEpoch()
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return TypedResults.Ok(category);
    }

    private static async Task<NoContent> DeleteCategoryAsync(
        string name,
        Caller caller,
        Catalogue catalogue,
        ApiIndex index,
        CancellationToken cancellation
    )
    {
        var users = (await index.ReadAsync(cancellation).ConfigureAwait(false))
            .Where(a => a.Listing.Categories.Contains(name))
            .Select(a => a.Id)
            .ToList();
        if (users.Count > 0)
        {
            throw new ConflictException(
                $"The category {Excerpt.Of(name)} holds {users.Count} APIs: {string.Join(", ", users.Take(5))}",
                "take it off their listings first"
            );
        }

        var result = await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"deleted category {name}").Delete(EntityKinds.Category, name),
                cancellation
            )
            .ConfigureAwait(false);
        return result.Moved ? TypedResults.NoContent() : throw new NotFoundException("category", Excerpt.Of(name));
    }
}
