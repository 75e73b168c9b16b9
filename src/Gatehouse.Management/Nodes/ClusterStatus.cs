using System.Collections.Immutable;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The cluster on one screen: what REST, the command line and the console show of it.</summary>
public sealed class ClusterStatus(Catalogue catalogue, NodeBoard board, Alerts alerts, ManagementOptions options)
{
    /// <summary>Every node, every alert, and the head they are measured against.</summary>
    public async Task<StatusView> ReadAsync(CancellationToken cancellation)
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
        var nodes = await catalogue
            .ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation)
            .ConfigureAwait(false);
        return new(
            options.Cluster,
            options.NodeName,
            options.Version,
            row.History,
            row.Epoch,
            board.StartedAt,
            catalogue.Time.GetUtcNow(),
            [.. nodes.Select(n => View(n.Value, head))],
            [.. alerts.Of(row, [.. nodes.Select(n => n.Value)], certificates)]
        );
    }

    /// <summary>One node.</summary>
    public async Task<NodeView> ViewAsync(Node node, CancellationToken cancellation) =>
        View(node, await catalogue.ReadHeadAsync(cancellation).ConfigureAwait(false));

    /// <summary>The newest certificate of every node, by the node's name.</summary>
    public async Task<ImmutableSortedDictionary<string, NodeCertificateRow>> CertificatesAsync(
        CancellationToken cancellation
    )
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var all = await context.NodeCertificates.AsNoTracking().ToListAsync(cancellation).ConfigureAwait(false);
            return all.GroupBy(c => c.Node)
                .ToImmutableSortedDictionary(g => g.Key, g => g.MaxBy(c => c.NotAfter)!, StringComparer.Ordinal);
        }
    }

    private NodeView View(Node node, CatalogueHead head)
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
            Environments = node.Profile.IsWorker() ? [.. node.Served()] : [],
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
