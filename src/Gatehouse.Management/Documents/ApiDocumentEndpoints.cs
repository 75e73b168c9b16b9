using System.Collections.Immutable;
using System.Net.Http.Headers;
using Gatehouse.Management.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class ApiDocumentEndpoints
{
    public static void MapApiDocuments(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/documents", ListAsync).WithSummary("The documents of an API").Require(Permission.Read);
        rest.MapGet("/apis/{id}/documents/{name}", ShowAsync)
            .WithSummary("One document of an API, without its content")
            .Require(Permission.Read);
        rest.MapPut("/apis/{id}/documents/{name}", PutAsync)
            .WithSummary("Makes or changes a document of an API")
            .Conditional()
            .Require(Permission.Publish);
        rest.MapDelete("/apis/{id}/documents/{name}", DeleteAsync)
            .WithSummary("Deletes a document of an API")
            .Require(Permission.Publish);
        rest.MapGet("/apis/{id}/documents/{name}/content", ReadAsync)
            .WithSummary("The content of a document")
            .Produces<byte[]>(StatusCodes.Status200OK, "application/octet-stream")
            .Require(Permission.Read);
        rest.MapPut("/apis/{id}/documents/{name}/content", WriteAsync)
            .WithSummary("Replaces the content of a document; Content-Type says what it is")
            .TakesBody(null, "*/*")
            .Require(Permission.Publish);
    }

    private static async Task<Ok<ImmutableArray<ApiDocument>>> ListAsync(
        string id,
        Caller caller,
        Listings listings,
        ApiDocuments documents,
        CancellationToken cancellation
    )
    {
        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(await documents.ListAsync(api, cancellation).ConfigureAwait(false));
    }

    private static async Task<Ok<ApiDocument>> ShowAsync(
        string id,
        string name,
        HttpResponse response,
        Caller caller,
        Listings listings,
        ApiDocuments documents,
        CancellationToken cancellation
    )
    {
        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var document = await documents.GetAsync(api, name, cancellation).ConfigureAwait(false);
        response.SetEntityTag(document.Epoch);
        return TypedResults.Ok(document.Value);
    }

    private static async Task<Results<Ok<ApiDocument>, Created<ApiDocument>>> PutAsync(
        string id,
        string name,
        ApiDocument document,
        HttpContext http,
        Caller caller,
        ApiDocuments documents,
        CancellationToken cancellation
    )
    {
        if (document.Name.Length > 0 && document.Name != name)
        {
            throw new ProblemsException([RequestBody.OtherName]);
        }

        var (stored, created) = await documents
            .PutAsync(id, document with { Name = name }, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        http.Response.SetEntityTag(stored.Epoch);
        return created ? TypedResults.Created((string?)null, stored.Value) : TypedResults.Ok(stored.Value);
    }

    private static async Task<NoContent> DeleteAsync(
        string id,
        string name,
        Caller caller,
        ApiDocuments documents,
        CancellationToken cancellation
    )
    {
        await documents.DeleteAsync(id, name, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<FileContentHttpResult> ReadAsync(
        string id,
        string name,
        HttpResponse response,
        Caller caller,
        Listings listings,
        ApiDocuments documents,
        ApiDefinitions definitions,
        CancellationToken cancellation
    )
    {
        var api = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var document = (await documents.GetAsync(api, name, cancellation).ConfigureAwait(false)).Value;
        var content =
            await definitions.FindDocumentAsync(document.Content, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("content of document", Excerpt.Of(name));
        // A publisher wrote it: no browser may take it for a page of ours.
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        return TypedResults.File(
            content.Content,
            document.MediaType ?? content.MediaType,
            document.FileName ?? (document.MediaType == "text/markdown" ? null : name)
        );
    }

    private static async Task<Ok<ApiDocument>> WriteAsync(
        string id,
        string name,
        HttpContext http,
        Caller caller,
        ApiDocuments documents,
        CancellationToken cancellation
    )
    {
        if (!MediaTypeHeaderValue.TryParse(http.Request.ContentType, out var type) || type.MediaType is not { } media)
        {
            throw new ProblemsException([
                new("Content-Type", "Nothing says what the content is", "send Content-Type: text/markdown, or another"),
            ]);
        }

        var content = await RequestBody.ReadAsync(http, ApiDocuments.MaxContent, cancellation).ConfigureAwait(false);
        var stored = await documents
            .SetContentAsync(id, name, content, media, caller.Actor, cancellation)
            .ConfigureAwait(false);
        http.Response.SetEntityTag(stored.Epoch);
        return TypedResults.Ok(stored.Value);
    }
}
