using System.Text.Json.Serialization;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>Asks for an environment, or another state of it.</summary>
/// <param name="Name">Its name; in the path when one is replaced.</param>
/// <param name="Description">What it is for.</param>
/// <param name="Hosts">Host names its deployments answer on; none for any.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SetEnvironment(string? Name = null, string? Description = null, string[]? Hosts = null)
{
    internal GatewayEnvironment ToEnvironment(string name) =>
        new()
        {
            Name = name,
            Description = Description,
            Hosts = [.. (Hosts ?? []).Select(h => h ?? "")],
        };
}

/// <summary>Says which environments a worker may serve.</summary>
/// <param name="Environments">Their names, at least one.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SetNodeEnvironments([property: JsonRequired] string[] Environments);

internal static class EnvironmentEndpoints
{
    public static void MapEnvironments(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/environments", ListAsync).WithSummary("The environments").Require(Permission.Read);
        rest.MapPost("/environments", CreateAsync)
            .Once()
            .WithSummary("Makes an environment")
            .Require(Permission.Operate);
        rest.MapGet("/environments/{name}", ShowAsync).WithSummary("One environment").Require(Permission.Read);
        rest.MapPut("/environments/{name}", PutAsync)
            .WithSummary("Replaces an environment, or makes it")
            .Conditional()
            .Require(Permission.Operate);
        rest.MapDelete("/environments/{name}", DeleteAsync)
            .WithSummary("Deletes an environment; with force, what is deployed there too")
            .Conditional()
            .Require(Permission.Operate);
    }

    private static async Task<Ok<Page<EnvironmentView>>> ListAsync(
        int? limit,
        int? offset,
        Environments environments,
        CancellationToken cancellation
    ) => TypedResults.Ok(Paging.Of(await environments.ListAsync(cancellation).ConfigureAwait(false), limit, offset));

    private static async Task<Ok<EnvironmentView>> ShowAsync(
        string name,
        HttpResponse response,
        Environments environments,
        CancellationToken cancellation
    )
    {
        var (view, epoch) = await environments.GetAsync(name, cancellation).ConfigureAwait(false);
        response.SetEntityTag(epoch);
        return TypedResults.Ok(view);
    }

    private static async Task<Created<EnvironmentView>> CreateAsync(
        SetEnvironment ask,
        Caller caller,
        Environments environments,
        CancellationToken cancellation
    )
    {
        var name = ask.Name ?? "";
        await environments.PutAsync(ask.ToEnvironment(name), 0, caller.Actor, cancellation).ConfigureAwait(false);
        var (view, _) = await environments.GetAsync(name, cancellation).ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/environments/{name}", view);
    }

    private static async Task<Ok<EnvironmentView>> PutAsync(
        string name,
        SetEnvironment ask,
        HttpContext http,
        Caller caller,
        Environments environments,
        CancellationToken cancellation
    )
    {
        if (ask.Name is { } other && other != name)
        {
            throw new ProblemsException([RequestBody.OtherName]);
        }

        await environments
            .PutAsync(ask.ToEnvironment(name), http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        var (view, epoch) = await environments.GetAsync(name, cancellation).ConfigureAwait(false);
        http.Response.SetEntityTag(epoch);
        return TypedResults.Ok(view);
    }

    private static async Task<NoContent> DeleteAsync(
        string name,
        bool? force,
        HttpRequest request,
        Caller caller,
        Environments environments,
        CancellationToken cancellation
    )
    {
        await environments
            .DeleteAsync(name, force ?? false, request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        return TypedResults.NoContent();
    }
}
