using System.Collections.Immutable;
using Gatehouse.Cluster;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

internal static class NodeEndpoints
{
    public static void MapNodes(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/status", StatusAsync).Require(Permission.Read);
        rest.MapGet("/nodes", ListAsync).Require(Permission.Read);
        rest.MapGet("/nodes/{name}", FindAsync).Require(Permission.Read);
        rest.MapPost("/nodes/{name}/drain", DrainAsync).Require(Permission.Operate);
        rest.MapPost("/nodes/{name}/undrain", UndrainAsync).Require(Permission.Operate);
        rest.MapDelete("/nodes/{name}", EvictAsync).Require(Permission.Operate);
        rest.MapGet("/members", Members).Require(Permission.Read);
        rest.MapGet("/join-tokens", ListTokensAsync).Require(Permission.Operate);
        rest.MapPost("/join-tokens", CreateTokenAsync).Require(Permission.Operate);
        rest.MapDelete("/join-tokens/{id}", RevokeTokenAsync).Require(Permission.Operate);
    }

    private static async Task<Ok<StatusView>> StatusAsync(
        Catalogue catalogue,
        NodeBoard board,
        Alerts alerts,
        ManagementOptions options,
        CancellationToken cancellation
    )
    {
        HeadRow row;
        List<NodeCertificateRow> certificates;
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            row = await context.Head.AsNoTracking().SingleAsync(cancellation).ConfigureAwait(false);
            certificates = await context
                .NodeCertificates.AsNoTracking()
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
        }

        var head = new CatalogueHead(row.History, row.Epoch, row.Chain);
        var nodes = await NodesAsync(catalogue, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(
            new StatusView(
                options.Cluster,
                options.NodeName,
                options.Version,
                row.History,
                row.Epoch,
                board.StartedAt,
                catalogue.Time.GetUtcNow(),
                [.. nodes.Select(n => View(n.Value, board, head))],
                [.. alerts.Of(row, [.. nodes.Select(n => n.Value)], certificates)]
            )
        );
    }

    private static async Task<Ok<ImmutableArray<NodeView>>> ListAsync(
        Catalogue catalogue,
        NodeBoard board,
        CancellationToken cancellation
    )
    {
        var head = await catalogue.ReadHeadAsync(cancellation).ConfigureAwait(false);
        var nodes = await NodesAsync(catalogue, cancellation).ConfigureAwait(false);
        return TypedResults.Ok<ImmutableArray<NodeView>>([.. nodes.Select(n => View(n.Value, board, head))]);
    }

    private static async Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> FindAsync(
        string name,
        HttpResponse response,
        Catalogue catalogue,
        NodeRegistry registry,
        NodeBoard board,
        CancellationToken cancellation
    )
    {
        var node = await registry.FindAsync(name, cancellation).ConfigureAwait(false);
        return await AnswerAsync(node, name, response, catalogue, board, cancellation).ConfigureAwait(false);
    }

    private static Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> DrainAsync(
        string name,
        HttpContext http,
        Caller caller,
        Catalogue catalogue,
        NodeRegistry registry,
        NodeBoard board,
        CancellationToken cancellation
    ) => SetDrainingAsync(name, true, http, caller, catalogue, registry, board, cancellation);

    private static Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> UndrainAsync(
        string name,
        HttpContext http,
        Caller caller,
        Catalogue catalogue,
        NodeRegistry registry,
        NodeBoard board,
        CancellationToken cancellation
    ) => SetDrainingAsync(name, false, http, caller, catalogue, registry, board, cancellation);

    private static async Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> SetDrainingAsync(
        string name,
        bool draining,
        HttpContext http,
        Caller caller,
        Catalogue catalogue,
        NodeRegistry registry,
        NodeBoard board,
        CancellationToken cancellation
    )
    {
        var node = await registry
            .DrainAsync(name, draining, http.Request.ExpectedEpoch(), caller.Actor, cancellation)
            .ConfigureAwait(false);
        return await AnswerAsync(node, name, http.Response, catalogue, board, cancellation).ConfigureAwait(false);
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
            )),
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
            .CreateTokenAsync(ask.Profile, ask.Node, caller.Actor, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Created(
            $"/api/v1/join-tokens/{grant.Id}",
            new CreatedJoinToken(grant.Id, options.EncodeJoinToken(grant), grant.Profile, grant.Node, grant.ExpiresAt)
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

    private static Task<ImmutableArray<StoredEntity<Node>>> NodesAsync(
        Catalogue catalogue,
        CancellationToken cancellation
    ) => catalogue.ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation);

    private static async Task<Results<Ok<NodeView>, JsonHttpResult<ProblemDocument>>> AnswerAsync(
        StoredEntity<Node>? node,
        string name,
        HttpResponse response,
        Catalogue catalogue,
        NodeBoard board,
        CancellationToken cancellation
    )
    {
        if (node is null)
        {
            return ManagementProblems.NotFound("node", name);
        }

        response.SetEntityTag(node.Epoch);
        var head = await catalogue.ReadHeadAsync(cancellation).ConfigureAwait(false);
        return TypedResults.Ok(View(node.Value, board, head));
    }

    private static NodeView View(Node node, NodeBoard board, CatalogueHead head)
    {
        var state = board.StateOf(node, head);
        var view = new NodeView
        {
            Name = node.Name,
            Profile = node.Profile,
            SubDomain = node.SubDomain,
            State = state,
            Host = node.Host,
            InternalPort = node.InternalPort,
            Ports = node.Ports,
            Properties = node.Properties,
            Draining = node.Draining,
        };
        if (board.IsOwn(node))
        {
            return view with
            {
                Epoch = head.Epoch,
                LastSeen = board.Now,
                StartedAt = board.StartedAt,
                ProcessId = Environment.ProcessId,
                Version = board.Version,
            };
        }

        if (board.Find(node.Name) is not { } reading)
        {
            return view;
        }

        var report = reading.Report;
        return view with
        {
            Epoch = report?.Applied is { } cursor && cursor.History == head.History ? cursor.Epoch : null,
            LastSeen = reading.SeenAt,
            StartedAt = report is null ? null : DateTimeOffset.FromUnixTimeMilliseconds(report.StartedAt),
            ProcessId = report?.ProcessId,
            Version = report?.Version,
            Refusals =
            [
                .. (report?.Refusals ?? []).Select(r => new Refusal(r.Kind, r.Name, r.Epoch, r.Field, r.Reason)),
            ],
        };
    }
}
