using System.Collections.Immutable;
using Gatehouse.Cluster;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

internal static class NodeEndpoints
{
    public static void MapNodes(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/status", StatusAsync).WithSummary("The cluster on one screen").Require(Permission.Read);
        rest.MapGet("/nodes", ListAsync).WithSummary("The nodes").Require(Permission.Read);
        rest.MapGet("/nodes/{name}", FindAsync).WithSummary("One node").Require(Permission.Read);
        rest.MapGet("/nodes/{name}/inspection", InspectAsync)
            .WithSummary("A node's configuration and the end of its log")
            .Require(Permission.Operate);
        rest.MapPost("/nodes/{name}/drain", DrainAsync)
            .WithSummary("Lets a node take no new requests")
            .Conditional()
            .Require(Permission.Operate);
        rest.MapPost("/nodes/{name}/undrain", UndrainAsync)
            .WithSummary("Lets a drained node take requests again")
            .Conditional()
            .Require(Permission.Operate);
        rest.MapPut("/nodes/{name}/environments", SetEnvironmentsAsync)
            .WithSummary("Says which environments a worker may serve")
            .Conditional()
            .Require(Permission.Operate);
        rest.MapGet("/certificates", CertificatesAsync).WithSummary("The nodes' certificates").Require(Permission.Read);
        rest.MapPost("/nodes/{name}/certificate/renewal", RenewAsync)
            .WithSummary("Has a node renew its certificate")
            .Conditional()
            .Require(Permission.Operate);
        rest.MapDelete("/nodes/{name}", EvictAsync)
            .WithSummary("Evicts a node: its certificates count no more")
            .Conditional()
            .Require(Permission.Operate);
        rest.MapGet("/members", Members).WithSummary("The cluster as its membership sees it").Require(Permission.Read);
        rest.MapGet("/hosts", HostsAsync).WithSummary("The public host names").Require(Permission.Read);
        rest.MapGet("/join-tokens", ListTokensAsync)
            .WithSummary("Join tokens that are still good")
            .Require(Permission.Operate);
        rest.MapPost("/join-tokens", CreateTokenAsync)
            .Once()
            .WithSummary("Makes a join token; it is in this answer only")
            .Require(Permission.Operate);
        rest.MapDelete("/join-tokens/{id}", RevokeTokenAsync)
            .WithSummary("Revokes a join token")
            .Require(Permission.Operate);
    }

    private static async Task<Ok<StatusView>> StatusAsync(
        ClusterStatus status,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var view = await status.ReadAsync(cancellation).ConfigureAwait(false);
        return TypedResults.Ok(view.ShownTo(caller));
    }

    private static async Task<Ok<ImmutableArray<NodeView>>> ListAsync(
        ClusterStatus status,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var view = await status.ReadAsync(cancellation).ConfigureAwait(false);
        return TypedResults.Ok(view.ShownTo(caller).Nodes);
    }

    private static async Task<Ok<ImmutableArray<NodeCertificateView>>> CertificatesAsync(
        ClusterStatus status,
        CancellationToken cancellation
    ) => TypedResults.Ok(await status.CertificateViewsAsync(cancellation).ConfigureAwait(false));

    private static async Task<Results<Accepted<NodeCertificateView>, JsonHttpResult<ProblemDocument>>> RenewAsync(
        string name,
        HttpContext http,
        Caller caller,
        NodeRegistry registry,
        CancellationToken cancellation
    ) =>
        await registry.RenewAsync(name, http.Request.ExpectedEpoch(), caller.Actor, cancellation).ConfigureAwait(false)
            is { } asked
            ? TypedResults.Accepted("/api/v1/certificates", asked)
            : ManagementProblems.NotFound("node", name);

    private static async Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> FindAsync(
        string name,
        HttpResponse response,
        Caller caller,
        NodeRegistry registry,
        ClusterStatus status,
        CancellationToken cancellation
    )
    {
        var node = await registry.FindAsync(name, cancellation).ConfigureAwait(false);
        return await AnswerAsync(node, name, response, caller, status, cancellation).ConfigureAwait(false);
    }

    private static async Task<Ok<NodeInspection>> InspectAsync(
        string name,
        NodeInspections inspections,
        CancellationToken cancellation
    ) => TypedResults.Ok(await inspections.ReadAsync(name, cancellation).ConfigureAwait(false));

    private static Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> DrainAsync(
        string name,
        HttpContext http,
        Caller caller,
        NodeRegistry registry,
        ClusterStatus status,
        CancellationToken cancellation
    ) => SetDrainingAsync(name, true, http, caller, registry, status, cancellation);

    private static Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> UndrainAsync(
        string name,
        HttpContext http,
        Caller caller,
        NodeRegistry registry,
        ClusterStatus status,
        CancellationToken cancellation
    ) => SetDrainingAsync(name, false, http, caller, registry, status, cancellation);

    private static async Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> SetDrainingAsync(
        string name,
        bool draining,
        HttpContext http,
        Caller caller,
        NodeRegistry registry,
        ClusterStatus status,
        CancellationToken cancellation
    )
    {
        var node = await registry
            .DrainAsync(name, draining, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        return await AnswerAsync(node, name, http.Response, caller, status, cancellation).ConfigureAwait(false);
    }

    private static async Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> SetEnvironmentsAsync(
        string name,
        SetNodeEnvironments ask,
        HttpContext http,
        Caller caller,
        NodeRegistry registry,
        ClusterStatus status,
        CancellationToken cancellation
    )
    {
        var node = await registry
            .SetEnvironmentsAsync(name, ask.Environments, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        return await AnswerAsync(node, name, http.Response, caller, status, cancellation).ConfigureAwait(false);
    }

    private static async Task<Results<NoContent, JsonHttpResult<ProblemDocument>>> EvictAsync(
        string name,
        HttpRequest request,
        Caller caller,
        NodeRegistry registry,
        ManagementOptions options,
        CancellationToken cancellation
    )
    {
        if (name == options.NodeName)
        {
            return ManagementProblems.Problem(
                StatusCodes.Status409Conflict,
                $"{name} is the manager that answers you",
                "A manager does not evict itself; ask another manager to."
            );
        }

        return await registry
            .EvictAsync(name, "evicted", request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false)
            ? TypedResults.NoContent()
            : ManagementProblems.NotFound("node", name);
    }

    private static async Task<Ok<PublicHosts>> HostsAsync(Catalogue catalogue, CancellationToken cancellation)
    {
        var hosts = await catalogue
            .FindAsync(EntityKinds.Hosts, "default", ModelJson.Default.PublicHosts, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Ok(hosts?.Value ?? new PublicHosts());
    }

    private static Ok<MembersView> Members(ManagementOptions options)
    {
        if (options.Membership?.Invoke() is not { } view || view.Phase == MembershipPhase.Off)
        {
            return TypedResults.Ok(new MembersView(false, null, null, null, null, [], []));
        }

        return TypedResults.Ok(
            new MembersView(
                true,
                view.Domain,
                view.Phase.ToString().ToLowerInvariant(),
                view.ClusterId,
                view.OwnAddress?.ToString(),
                [
                    .. view.Members.Select(m => new MemberView(
                        m.Name,
                        m.Address.ToString(),
                        m.State.ToString().ToLowerInvariant(),
                        m.Since,
                        m.IsSelf,
                        m.Profile?.Name(),
                        m.SubDomain,
                        m.Version,
                        m.Started,
                        m.Properties
                    )),
                ],
                view.Problems
            )
        );
    }

    private static async Task<Ok<ImmutableArray<JoinTokenView>>> ListTokensAsync(
        NodeRegistry registry,
        CancellationToken cancellation
    )
    {
        var tokens = await registry.ListTokensAsync(cancellation).ConfigureAwait(false);
        return TypedResults.Ok<ImmutableArray<JoinTokenView>>([
            .. tokens.Select(t => new JoinTokenView(
                t.Id,
                t.Profile,
                t.Node,
                t.CreatedBy,
                t.CreatedAt,
                t.ExpiresAt,
                t.Attempts,
                t.UsedAt
            )
            {
                Environments = t.Profile.IsWorker() ? t.EnvironmentNames() : [],
            }),
        ]);
    }

    private static async Task<Created<CreatedJoinToken>> CreateTokenAsync(
        CreateJoinToken ask,
        Caller caller,
        NodeRegistry registry,
        ManagementOptions options,
        CancellationToken cancellation
    )
    {
        var grant = await registry
            .CreateTokenAsync(ask.Profile, ask.Node, caller.Actor, cancellation, ask.Environments)
            .ConfigureAwait(false);
        return TypedResults.Created(
            $"/api/v1/join-tokens/{grant.Id}",
            new CreatedJoinToken(grant.Id, options.EncodeJoinToken(grant), grant.Profile, grant.Node, grant.ExpiresAt)
            {
                Environments = grant.Environments,
            }
        );
    }

    private static async Task<Results<NoContent, JsonHttpResult<ProblemDocument>>> RevokeTokenAsync(
        string id,
        Caller caller,
        NodeRegistry registry,
        CancellationToken cancellation
    ) =>
        await registry.RevokeTokenAsync(id, caller.Actor, cancellation).ConfigureAwait(false)
            ? TypedResults.NoContent()
            : ManagementProblems.NotFound("join token", id);

    private static async Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> AnswerAsync(
        StoredEntity<Node>? node,
        string name,
        HttpResponse response,
        Caller caller,
        ClusterStatus status,
        CancellationToken cancellation
    )
    {
        if (node is null)
        {
            return ManagementProblems.NotFound("node", name);
        }

        response.SetEntityTag(node.Epoch);
        var view = await status.ViewAsync(node.Value, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(view.ShownTo(caller));
    }
}
