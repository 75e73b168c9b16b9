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
    private const string Json = "application/json";

    public static void MapLimits(this IEndpointRouteBuilder rest)
    {
        rest.MapPolicies("plans", LimitKinds.Plans);
        rest.MapPolicies("application-policies", LimitKinds.Applications);
        rest.MapPolicies("api-policies", LimitKinds.Apis);
        rest.MapPolicies("custom-rules", LimitKinds.Rules);
        rest.MapGet("/blocks", ListBlocksAsync).WithSummary("What is blocked").Require(Permission.Read);
        rest.MapPost("/blocks", BlockAsync)
            .Once()
            .WithSummary("Blocks an API, application, user, address or condition")
            .Require(Permission.Operate);
        rest.MapDelete("/blocks/{**name}", UnblockAsync)
            .WithSummary("Lifts a block")
            .TakesRestOfPath()
            .Require(Permission.Operate);
    }

    // Written against the context: routes that are generic are not compiled at build time.
    private static void MapPolicies<T>(this IEndpointRouteBuilder rest, string path, LimitKind<T> kind)
        where T : class
    {
        rest.Map(HttpMethods.Get, path, http => ListAsync(http, kind))
            .Require(Permission.Read)
            .WithSummary($"Every {kind.Word}")
            .Paged()
            .Answers(StatusCodes.Status200OK, typeof(Page<T>));
        rest.Map(HttpMethods.Post, path, http => WriteAsync(http, path, kind, name: null))
            .Require(Permission.Operate)
            .WithSummary($"Makes a new {kind.Word}")
            .Once()
            .TakesBody(typeof(T), Json)
            .Answers(StatusCodes.Status201Created, typeof(T));
        rest.Map(HttpMethods.Get, $"{path}/{{name}}", http => ShowAsync(http, kind))
            .Require(Permission.Read)
            .WithSummary($"One {kind.Word}")
            .Answers(StatusCodes.Status200OK, typeof(T));
        rest.Map(HttpMethods.Put, $"{path}/{{name}}", http => WriteAsync(http, path, kind, NameIn(http)))
            .Require(Permission.Operate)
            .WithSummary($"Replaces the {kind.Word} of that name, or makes it")
            .Conditional()
            .TakesBody(typeof(T), Json)
            .Answers(StatusCodes.Status200OK, typeof(T))
            .Answers(StatusCodes.Status201Created, typeof(T));
        rest.Map(HttpMethods.Delete, $"{path}/{{name}}", http => DeleteAsync(http, kind))
            .Require(Permission.Operate)
            .WithSummary($"Deletes the {kind.Word} of that name")
            .Conditional()
            .Answers(StatusCodes.Status204NoContent, typeof(void));
    }

    // What describes the API finds a route by its method's metadata, which such a route does not get by itself.
    private static IEndpointConventionBuilder Map(
        this IEndpointRouteBuilder rest,
        string method,
        string path,
        RequestDelegate handle
    ) => rest.MapMethods($"/{path}", [method], handle).WithMetadata(handle.Method);

    private static IEndpointConventionBuilder Answers(this IEndpointConventionBuilder route, int status, Type type) =>
        route.WithMetadata(new ProducesResponseTypeMetadata(status, type, type == typeof(void) ? [] : [Json]));

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
        await PoliciesOf(http)
            .DeleteAsync(kind, NameIn(http), http.Request.ExpectedEpoch(), caller, http.RequestAborted)
            .ConfigureAwait(false);
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
