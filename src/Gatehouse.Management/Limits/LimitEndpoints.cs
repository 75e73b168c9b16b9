using System.Globalization;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Management;

internal static class LimitEndpoints
{
    public static void MapLimits(this IEndpointRouteBuilder rest)
    {
        rest.MapPolicies("plans", LimitKinds.Plans);
        rest.MapPolicies("application-policies", LimitKinds.Applications);
        rest.MapPolicies("api-policies", LimitKinds.Apis);
        rest.MapPolicies("custom-rules", LimitKinds.Rules);
        rest.MapGet("/blocks", ListBlocksAsync).Require(Permission.Read);
        rest.MapPost("/blocks", BlockAsync).Require(Permission.Operate);
        rest.MapDelete("/blocks/{**name}", UnblockAsync).Require(Permission.Operate);
    }

    // Written against the context: routes that are generic are not compiled at build time.
    private static void MapPolicies<T>(this IEndpointRouteBuilder rest, string path, LimitKind<T> kind)
        where T : class
    {
        rest.MapGet($"/{path}", http => ListAsync(http, kind)).Require(Permission.Read);
        rest.MapPost($"/{path}", http => WriteAsync(http, path, kind, name: null)).Require(Permission.Operate);
        rest.MapGet($"/{path}/{{name}}", http => ShowAsync(http, kind)).Require(Permission.Read);
        rest.MapPut($"/{path}/{{name}}", http => WriteAsync(http, path, kind, NameIn(http)))
            .Require(Permission.Operate);
        rest.MapDelete($"/{path}/{{name}}", http => DeleteAsync(http, kind)).Require(Permission.Operate);
    }

    private static async Task ListAsync<T>(HttpContext http, LimitKind<T> kind)
        where T : class
    {
        var all = await PoliciesOf(http).ListAsync(kind, http.RequestAborted).ConfigureAwait(false);
        var page = Paging.Of(all, Number(http, "limit"), Number(http, "offset"));
        await TypedResults.Ok(page).ExecuteAsync(http).ConfigureAwait(false);
    }

    private static async Task ShowAsync<T>(HttpContext http, LimitKind<T> kind)
        where T : class
    {
        var policy = await PoliciesOf(http).GetAsync(kind, NameIn(http), http.RequestAborted).ConfigureAwait(false);
        http.Response.SetEntityTag(policy.Epoch);
        await TypedResults.Ok(policy.Value).ExecuteAsync(http).ConfigureAwait(false);
    }

    private static async Task WriteAsync<T>(HttpContext http, string path, LimitKind<T> kind, string? name)
        where T : class
    {
        var policy = await ReadAsync(http, kind).ConfigureAwait(false);
        if (name is not null && kind.NameOf(policy) != name)
        {
            throw new ProblemsException([RequestBody.OtherName]);
        }

        var caller = await CallerOfAsync(http).ConfigureAwait(false);
        var isNew = await PoliciesOf(http)
            .PutAsync(
                kind,
                policy,
                replace: name is not null,
                name is null ? 0 : http.Request.ExpectedEpoch(),
                caller,
                http.RequestAborted
            )
            .ConfigureAwait(false);
        IResult result = isNew
            ? TypedResults.Created($"/api/v1/{path}/{kind.NameOf(policy)}", policy)
            : TypedResults.Ok(policy);
        await result.ExecuteAsync(http).ConfigureAwait(false);
    }

    private static async Task DeleteAsync<T>(HttpContext http, LimitKind<T> kind)
        where T : class
    {
        var caller = await CallerOfAsync(http).ConfigureAwait(false);
        await PoliciesOf(http).DeleteAsync(kind, NameIn(http), caller, http.RequestAborted).ConfigureAwait(false);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static async Task<T> ReadAsync<T>(HttpContext http, LimitKind<T> kind)
        where T : class
    {
        if (!http.Request.HasJsonContentType())
        {
            throw new BadHttpRequestException("The body is not JSON.", StatusCodes.Status415UnsupportedMediaType);
        }

        return await http.Request.ReadFromJsonAsync(kind.Type, http.RequestAborted).ConfigureAwait(false)
            ?? throw new ProblemsException([new("", "The body is empty", $"send a {kind.Word} as JSON")]);
    }

    private static LimitPolicies PoliciesOf(HttpContext http) =>
        http.RequestServices.GetRequiredService<LimitPolicies>();

    private static string NameIn(HttpContext http) => (string)http.GetRouteValue("name")!;

    private static int? Number(HttpContext http, string name) =>
        http.Request.Query[name] is not [{ Length: > 0 } text] ? null
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw new ProblemsException([new(name, $"'{name}' is no number", "leave it out")]);

    // Every route here asks for a permission, so there is somebody.
    private static async ValueTask<Caller> CallerOfAsync(HttpContext http) =>
        (await Caller.BindAsync(http).ConfigureAwait(false))!;

    private static async Task<Ok<Page<BlockView>>> ListBlocksAsync(
        int? limit,
        int? offset,
        Blocks blocks,
        CancellationToken cancellation
    ) => TypedResults.Ok(Paging.Of(await blocks.ListAsync(cancellation).ConfigureAwait(false), limit, offset));

    private static async Task<Created<BlockView>> BlockAsync(
        CreateBlock ask,
        Caller caller,
        Blocks blocks,
        CancellationToken cancellation
    )
    {
        var made = await blocks.PutAsync(ask, caller, cancellation).ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/blocks/{made.Name}", made);
    }

    private static async Task<NoContent> UnblockAsync(
        string name,
        Caller caller,
        Blocks blocks,
        CancellationToken cancellation
    )
    {
        await blocks.DeleteAsync(name, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }
}
