using System.Text;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class ApiSourceEndpoints
{
    // The document inside a JSON string: escapes may double it.
    private const long MaxBody = 2L * DocumentLimits.MaxBytes;

    public static void MapApiSources(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis/{id}/source", ShowAsync)
            .WithSummary("An API as its source would say it")
            .Require(Permission.Publish);
        rest.MapPut("/apis/{id}/source", PutAsync)
            .WithSummary("Makes an API what its source says")
            .Conditional()
            .Require(Permission.Publish)
            .Needs(ApiRight.Edit, makes: true)
            .LimitBody(MaxBody);
    }

    private static async Task<Ok<ApiSource>> ShowAsync(
        string id,
        HttpResponse response,
        ApiDefinitions definitions,
        CancellationToken cancellation
    )
    {
        var stored = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var document =
            await definitions.FindDocumentAsync(stored.Value.Document, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("OpenAPI document of", stored.Name);
        var read = await definitions.ReadAsync(document.Content, cancellation).ConfigureAwait(false);
        response.SetEntityTag(stored.Epoch);
        return TypedResults.Ok(ApiSource.Of(stored.Value, read, Encoding.UTF8.GetString(document.Content)));
    }

    private static async Task<Ok<SourceResult>> PutAsync(
        string id,
        ApiSource source,
        bool? dryRun,
        HttpContext http,
        Caller caller,
        ApiDefinitions definitions,
        CancellationToken cancellation
    )
    {
        if (id.Split(':') is not [{ Length: > 0 } name, { Length: > 0 } version])
        {
            throw new ProblemsException([
                new("", $"'{Excerpt.Of(id)}' does not say which version", "write name:version in the path"),
            ]);
        }

        return TypedResults.Ok(
            await definitions
                .PutSourceAsync(
                    name,
                    version,
                    source,
                    dryRun ?? false,
                    http.Request.ExpectedEpoch(),
                    caller.Actor,
                    cancellation
                )
                .ConfigureAwait(false)
        );
    }
}
