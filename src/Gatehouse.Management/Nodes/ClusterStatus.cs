using System.Collections.Immutable;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The cluster on one screen: what REST, the command line and the console show of it.</summary>
public sealed class ClusterStatus(
    Catalogue catalogue,
    NodeBoard board,
    Alerts alerts,
    FailingApis failing,
    ManagementOptions options
)
{
    // A change reaches every node within a second; a node that has not taken it by then is stuck.
    private static readonly TimeSpan s_behindAfter = TimeSpan.FromSeconds(10);

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
        ImmutableArray<NodeView> views = [.. nodes.Select(n => View(n.Value, head))];
        IEnumerable<Alert> all =
        [
            .. alerts.Of(row, [.. nodes.Select(n => n.Value)], certificates),
            .. await BehindAsync(views, row.Epoch, cancellation).ConfigureAwait(false),
            .. await failing.ReadAsync(cancellation).ConfigureAwait(false),
        ];
        return new(
            options.Cluster,
            options.NodeName,
            options.Version,
            row.History,
            row.Epoch,
            board.StartedAt,
            catalogue.Time.GetUtcNow(),
            views,
            [.. all.OrderBy(a => a.Since)]
        );
    }

    // Nodes that report and have not taken what was committed a while ago. Those that hold on purpose say so themselves.
    private async Task<List<Alert>> BehindAsync(
        ImmutableArray<NodeView> nodes,
        long head,
        CancellationToken cancellation
    )
    {
        var late = nodes.Where(n => n.Epoch < head && n.State is NodeState.Serving or NodeState.Draining).ToList();
        var found = new List<Alert>();
        if (late.Count == 0)
        {
            return found;
        }

        var before = catalogue.Time.GetUtcNow() - s_behindAfter;
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            foreach (var node in late)
            {
                var first = await context
                    .Heads.AsNoTracking()
                    .Where(m => m.Epoch > node.Epoch)
                    .OrderBy(m => m.Epoch)
                    .FirstOrDefaultAsync(cancellation)
                    .ConfigureAwait(false);
                if (first is not null && first.At < before)
                {
                    found.Add(
                        new(
                            "behind",
                            node.Name,
                            $"{node.Name} is {head - node.Epoch} changes behind: it reports and has not taken epoch {first.Epoch} of {first.At:u}. It serves what it has; its log says why, and a restart reads everything again.",
                            first.At
                        )
                    );
                }
            }
        }

        return found;
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

    /// <summary>The same as REST tells it, with whether another one was asked for.</summary>
    public async Task<ImmutableArray<NodeCertificateView>> CertificateViewsAsync(CancellationToken cancellation)
    {
        var nodes = await catalogue
            .ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation)
            .ConfigureAwait(false);
        var certificates = await CertificatesAsync(cancellation).ConfigureAwait(false);
        return
        [
            .. nodes
                .Where(n => certificates.ContainsKey(n.Value.Name))
                .Select(n => NodeCertificateView.Of(n.Value, certificates[n.Value.Name])),
        ];
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
            // What was counted before a node was lost is no traffic of now.
            Traffic = board.IsLost(reading) ? null : reading.Traffic?.View(),
            Refusals =
            [
                .. (report?.Refusals ?? []).Select(r => new Refusal(r.Kind, r.Name, r.Epoch, r.Field, r.Reason)),
            ],
        };
    }
}
