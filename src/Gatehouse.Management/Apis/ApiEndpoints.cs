using Gatehouse.Management.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class ApiEndpoints
{
    public static void MapApis(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/apis", ListAsync).WithSummary("The APIs the caller may see").Require(Permission.Read);
        rest.MapPost("/apis", ImportAsync)
            .Once()
            .WithSummary("Imports an OpenAPI document: makes an API, or replaces its definition")
            .Conditional()
            .TakesBody(null, "application/yaml", "application/json")
            .Require(Permission.Publish);
        rest.MapGet("/apis/{id}", ShowAsync).WithSummary("One API in full").Require(Permission.Read);
        rest.MapPatch("/apis/{id}", EditAsync)
            .WithSummary("Changes an API's definition")
            .Conditional()
            .Require(Permission.Publish);
        rest.MapDelete("/apis/{id}", DeleteAsync)
            .WithSummary("Deletes an API")
            .Conditional()
            .Require(Permission.Publish)
            .Needs(ApiRight.Own);
        rest.MapGet("/apis/{id}/openapi", DocumentAsync)
            .WithSummary(
                "The OpenAPI document of an API: as it was made from for whoever may edit it, for callers (and with servers=gateway for everybody) with the gateway's addresses and in JSON"
            )
            .Produces<byte[]>(StatusCodes.Status200OK, "application/octet-stream")
            .Require(Permission.Read);
        rest.MapPut("/apis/{id}/openapi", UpdateDocumentAsync)
            .WithSummary("Replaces the OpenAPI document of an API")
            .Conditional()
            .TakesBody(null, "application/yaml", "application/json")
            .Require(Permission.Publish);
        rest.MapPost("/apis/create", CreateAsync)
            .Once()
            .WithSummary("Makes an API without a document")
            .Require(Permission.Publish);
        rest.MapPost("/apis/{id}/versions", CopyAsync)
            .Once()
            .WithSummary("Makes another version of an API")
            .Require(Permission.Publish);
    }

    private static async Task<Ok<Page<ApiSummary>>> ListAsync(
        string? query,
        int? limit,
        int? offset,
        Caller caller,
        Listings listings,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var names = Paging.Of(
            await listings.SearchAsync(query, caller, cancellation).ConfigureAwait(false),
            limit,
            offset
        );
        var summaries = await revisions.SummariesAsync(names.Items, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(new Page<ApiSummary>(summaries, names.Total, names.Offset, names.Limit));
    }

    // The document is the body, everything else the query: 20 MiB inside a JSON string would be read and escaped twice. The
    // manager takes text, never an address: fetching one for whoever asks would lend out its place in the network.
    private static async Task<Results<Ok<ImportView>, Created<ImportView>>> ImportAsync(
        string? name,
        string? version,
        string? context,
        // Said, not inferred: an array in a POST is taken for the body.
        [FromQuery] string[]? endpoint,
        [FromQuery] string[]? sandboxEndpoint,
        string? auth,
        string? clientCertificate,
        [FromQuery] string[]? issuer,
        [FromQuery] string[]? audience,
        string? authorizationHeader,
        bool? passAuthorization,
        string? apiKeyHeader,
        string? policy,
        int? maxTps,
        int? sandboxMaxTps,
        bool? update,
        HttpContext http,
        Caller caller,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var settings = new ImportSettings
        {
            Name = name,
            Version = version,
            Context = context,
            Endpoints = [.. endpoint ?? []],
            SandboxEndpoints = [.. sandboxEndpoint ?? []],
            Auth = auth,
            ClientCertificate = clientCertificate,
            Issuers = [.. issuer ?? []],
            Audiences = [.. audience ?? []],
            AuthorizationHeader = authorizationHeader,
            PassAuthorization = passAuthorization,
            ApiKeyHeader = apiKeyHeader,
            Policy = policy,
            MaxTps = maxTps,
            SandboxMaxTps = sandboxMaxTps,
            Update = update ?? false,
        };
        var text = await RequestBody.ReadAsync(http, DocumentLimits.MaxBytes + 1, cancellation).ConfigureAwait(false);
        return await TakeAsync(text, settings, http, caller, definitions, revisions, cancellation)
            .ConfigureAwait(false);
    }

    // The name and version are the API's: a document that says others is taken for this one all the same.
    private static async Task<Results<Ok<ImportView>, Created<ImportView>>> UpdateDocumentAsync(
        string id,
        HttpContext http,
        Caller caller,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var present = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var text = await RequestBody.ReadAsync(http, DocumentLimits.MaxBytes + 1, cancellation).ConfigureAwait(false);
        var settings = new ImportSettings
        {
            Name = present.Value.Name,
            Version = present.Value.Version,
            Update = true,
        };
        return await TakeAsync(text, settings, http, caller, definitions, revisions, cancellation)
            .ConfigureAwait(false);
    }

    private static Task<Results<Ok<ImportView>, Created<ImportView>>> CreateAsync(
        ApiDraft draft,
        HttpContext http,
        Caller caller,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    ) => TakeAsync(draft.ToDocument(), draft.Settings, http, caller, definitions, revisions, cancellation);

    private static async Task<Created<ApiView>> CopyAsync(
        string id,
        NewVersion ask,
        HttpContext http,
        Caller caller,
        ApiVersions versions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var made = await versions.CopyAsync(id, ask, caller.Actor, cancellation).ConfigureAwait(false);
        var summaries = await revisions.SummariesAsync([made.Name], cancellation).ConfigureAwait(false);
        http.Response.SetEntityTag(made.Epoch);
        return TypedResults.Created(
            $"/api/v1/apis/{Uri.EscapeDataString(made.Name)}",
            new ApiView(summaries[0], made.Value.Shown())
        );
    }

    private static async Task<Results<Ok<ImportView>, Created<ImportView>>> TakeAsync(
        ReadOnlyMemory<byte> text,
        ImportSettings settings,
        HttpContext http,
        Caller caller,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var imported = await definitions
            .ImportAsync(text, settings, http.Request.ExpectedEpoch(), caller, cancellation)
            .ConfigureAwait(false);
        var id = imported.Definition.Name;
        var summaries = await revisions.SummariesAsync([id], cancellation).ConfigureAwait(false);
        var view = new ImportView(summaries[0], imported.Created, imported.Warnings);
        http.Response.SetEntityTag(imported.Definition.Epoch);
        return imported.Created
            ? TypedResults.Created($"/api/v1/apis/{Uri.EscapeDataString(id)}", view)
            : TypedResults.Ok(view);
    }

    private static async Task<Ok<ApiView>> ShowAsync(
        string id,
        HttpResponse response,
        Caller caller,
        Listings listings,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var name = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(name, cancellation).ConfigureAwait(false);
        var summaries = await revisions.SummariesAsync([definition.Name], cancellation).ConfigureAwait(false);
        response.SetEntityTag(definition.Epoch);
        return TypedResults.Ok(new ApiView(summaries[0], definition.Value.ShownTo(caller)));
    }

    private static async Task<Ok<ApiView>> EditAsync(
        string id,
        ApiEdit edit,
        HttpContext http,
        Caller caller,
        ApiDefinitions definitions,
        Revisions revisions,
        CancellationToken cancellation
    )
    {
        var definition = await definitions
            .EditAsync(id, edit, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        var summaries = await revisions.SummariesAsync([definition.Name], cancellation).ConfigureAwait(false);
        http.Response.SetEntityTag(definition.Epoch);
        return TypedResults.Ok(new ApiView(summaries[0], definition.Value.Shown()));
    }

    private static async Task<NoContent> DeleteAsync(
        string id,
        HttpRequest request,
        Caller caller,
        ApiDefinitions definitions,
        CancellationToken cancellation
    )
    {
        await definitions.DeleteAsync(id, request.ExpectedEpoch(), caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<FileContentHttpResult> DocumentAsync(
        string id,
        string? servers,
        HttpResponse response,
        Caller caller,
        Listings listings,
        ApiDefinitions definitions,
        Revisions revisions,
        GatewayAddress gateway,
        CancellationToken cancellation
    )
    {
        if (servers is not (null or "gateway" or "source"))
        {
            throw new ProblemsException([
                new("servers", "'servers' says whose addresses the document has", "write gateway, or source"),
            ]);
        }

        var name = await listings.VisibleAsync(id, caller, cancellation).ConfigureAwait(false);
        var definition = await definitions.GetAsync(name, cancellation).ConfigureAwait(false);
        var document =
            await definitions.FindDocumentAsync(definition.Value.Document, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("OpenAPI document of", definition.Name);
        // A publisher wrote it: no browser may take it for a page.
        response.Headers.XContentTypeOptions = "nosniff";
        if (caller.May(Permission.Publish) && servers != "gateway")
        {
            return TypedResults.Bytes(document.Content, document.MediaType);
        }

        // Where backends are is nothing that callers need.
        var summary = (await revisions.SummariesAsync([name], cancellation).ConfigureAwait(false))[0];
        var doors = await gateway.DoorsAsync(summary, cancellation).ConfigureAwait(false);
        return TypedResults.Bytes(
            CallersDocument.Of(
                document.Content,
                [.. doors.Select(d => new CallAddress(d.Environment, d.Of(summary.Address)))]
            ),
            "application/json"
        );
    }
}
