using System.Collections.Immutable;
using System.Globalization;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Google.Protobuf;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>
/// What every node said last. Lives in memory; <see cref="SaveAsync"/> writes what changed in one commit, so that reports
/// cost no sync each.
/// </summary>
public sealed partial class NodeBoard(Catalogue catalogue, ManagementOptions options, ILogger<NodeBoard> logger)
    : IReportSink
{
    /// <summary>
    /// A node that said nothing for longer is lost. Reports come every second; what looks at the board twice a second still
    /// shows a loss within three.
    /// </summary>
    public static readonly TimeSpan LostAfter = TimeSpan.FromSeconds(2.25);

    // Two rounds of saving and reading (NodeKeeper), for what another manager heard and tells nothing of (NodeLosses).
    private static readonly TimeSpan s_detour = TimeSpan.FromSeconds(1);

    private readonly CatalogueFeed _feed = new(catalogue);
    private readonly DateTimeOffset _startedAt = catalogue.Time.GetUtcNow();
    private readonly long _began = catalogue.Time.GetTimestamp();
    private readonly NodeLosses _losses = new();

    // Readings and which of them are unsaved change together: what is taken for saved is never read over from the catalogue.
    private readonly Lock _changing = new();
    private ImmutableHashSet<string> _unsaved = [];

    /// <summary>The newest reading of each node, by name; to follow while a deployment is waited for.</summary>
    public Latest<ImmutableDictionary<string, NodeReading>> Readings { get; } =
        new(ImmutableDictionary<string, NodeReading>.Empty);

    /// <inheritdoc/>
    public async Task<ReportReply> RecordAsync(PeerIdentity node, NodeReport report, CancellationToken cancellation)
    {
        // First of all: a database that is slow for a moment makes nobody lost. Who is unknown here may be evicted.
        if (Readings.Value.ContainsKey(node.Node))
        {
            Seen(node);
        }

        var registered = await catalogue
            .FindAsync(EntityKinds.Node, node.Node, ModelJson.Default.Node, cancellation)
            .ConfigureAwait(false);
        if (registered is null)
        {
            // Evicted a moment ago; its certificate is refused from the next connection on.
            return new() { Node = node.Node };
        }

        var now = catalogue.Time.GetUtcNow();
        Readings.Value.TryGetValue(node.Node, out var known);
        var reset = await FindResetAsync(known, report, now, cancellation).ConfigureAwait(false);
        if (reset is not null)
        {
            LogReset(node.Node, reset.Held);
        }

        Change(
            node.Node,
            _ =>
                new(node.Node, node.SerialNumber, report, now, now)
                {
                    HeardAt = catalogue.Time.GetTimestamp(),
                    Reset = reset ?? known?.Reset,
                    Traffic = TrafficWindow.Next(known?.Traffic, report, now),
                }
        );
        var current = await UpdateFactsAsync(registered, report.Facts, cancellation).ConfigureAwait(false);
        return new()
        {
            Node = node.Node,
            Draining = current.Draining,
            Trust = options.Authorities?.Current.Id ?? "",
            RenewalOf = current.RenewalOf ?? "",
        };
    }

    /// <inheritdoc/>
    public void Seen(PeerIdentity node)
    {
        var now = catalogue.Time.GetUtcNow();
        var heard = catalogue.Time.GetTimestamp();
        Change(
            node.Node,
            known =>
                (known ?? new(node.Node, node.SerialNumber, null, now, now)) with
                {
                    SeenAt = now,
                    HeardAt = heard,
                    Elsewhere = false,
                }
        );
    }

    /// <summary>Forgets a node that left or was evicted.</summary>
    public void Forget(string node)
    {
        lock (_changing)
        {
            Readings.Change(readings => readings.Remove(node));
            _unsaved = _unsaved.Remove(node);
        }

        _losses.Forget(node);
    }

    /// <summary>How <paramref name="node"/> stands.</summary>
    public NodeState StateOf(Node node, CatalogueHead head)
    {
        if (IsOwn(node))
        {
            return NodeState.Serving;
        }

        if (!Readings.Value.TryGetValue(node.Name, out var reading))
        {
            return NodeState.NeverSeen;
        }

        var report = reading.Report;
        if (IsLost(reading))
        {
            return report?.State == "stopping" ? NodeState.Stopped : NodeState.Lost;
        }

        return report switch
        {
            null or { State: "starting" } => NodeState.Starting,
            { State: "draining" or "stopping" } => NodeState.Draining,
            _ when node.Draining => NodeState.Draining,
            { State: "held" } => NodeState.Held,
            _ when report.FreshnessUnverified || report.Applied?.History != head.History => NodeState.Stale,
            _ => NodeState.Serving,
        };
    }

    /// <summary>How the entity stands, at <paramref name="epoch"/> or newer, on every registered node that is sent it.</summary>
    public async Task<ImmutableArray<NodeDeployment>> OfAsync(
        string kind,
        string name,
        long epoch,
        CancellationToken cancellation
    )
    {
        var head = await catalogue.ReadHeadAsync(cancellation).ConfigureAwait(false);
        var nodes = await catalogue
            .ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation)
            .ConfigureAwait(false);
        return
        [
            .. nodes
                .Where(n => FeedScope.Of(n.Value).Includes(kind, name))
                .Select(n => Of(n.Name, kind, name, epoch, head)),
        ];
    }

    /// <summary>The reading of a node; null when it was never heard of.</summary>
    public NodeReading? Find(string node) => Readings.Value.GetValueOrDefault(node);

    /// <summary>When this manager's part began.</summary>
    public DateTimeOffset StartedAt => _startedAt;

    internal DateTimeOffset Now => catalogue.Time.GetUtcNow();

    internal string Version => options.Version;

    // A manager that reads the catalogue itself follows no feed and reports to nobody.
    internal bool IsOwn(Node node) => node.Name == options.NodeName && EntityKinds.For(node.Profile).Count == 0;

    /// <summary>Reads back what was saved. Newer readings that came meanwhile stay.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        foreach (var row in await ReadRowsAsync(cancellation).ConfigureAwait(false))
        {
            // While this manager was away nobody could report to it: their time begins with it.
            var saved = Read(row) with
            {
                HeardAt = _began,
            };
            Change(row.Node, known => known ?? saved, unsaved: false);
        }
    }

    /// <summary>Reads what nodes said to other managers, and forgets those that others evicted.</summary>
    public async Task RefreshAsync(CancellationToken cancellation)
    {
        var rows = await ReadRowsAsync(cancellation).ConfigureAwait(false);
        foreach (var row in rows)
        {
            // A row that is not what was written here is another manager's; its clock may be another, so it is not compared.
            var saved = Read(row) with
            {
                HeardAt = catalogue.Time.GetTimestamp(),
                Elsewhere = true,
            };
            Change(
                row.Node,
                // What was heard here since is newer than any row.
                known =>
                    known is null
                    || (
                        !_unsaved.Contains(row.Node)
                        && known.SeenAt.ToUnixTimeMilliseconds() != row.SeenAt.ToUnixTimeMilliseconds()
                    )
                        ? saved with
                        {
                            Reset = saved.Reset ?? known?.Reset,
                            Traffic = TrafficWindow.Next(known?.Traffic, saved.Report, saved.ReportedAt),
                        }
                        : known,
                unsaved: false
            );
        }

        var saw = rows.Select(r => r.Node).ToHashSet();
        lock (_changing)
        {
            foreach (var node in Readings.Value.Keys.Where(n => !saw.Contains(n) && !_unsaved.Contains(n)))
            {
                Forget(node);
            }
        }
    }

    /// <summary>Writes what changed since the last time, in one commit. What cannot be written is tried again next time.</summary>
    public async Task SaveAsync(CancellationToken cancellation)
    {
        ImmutableHashSet<string> unsaved;
        ImmutableDictionary<string, NodeReading> readings;
        lock (_changing)
        {
            (unsaved, readings) = (_unsaved, Readings.Value);
            _unsaved = [];
        }

        if (unsaved.IsEmpty)
        {
            return;
        }

        try
        {
            var context = catalogue.Open();
            await using (context.ConfigureAwait(false))
            {
                var rows = await context.NodeStatus.ToDictionaryAsync(r => r.Node, cancellation).ConfigureAwait(false);
                foreach (var reading in unsaved.Select(readings.GetValueOrDefault).OfType<NodeReading>())
                {
                    if (!rows.TryGetValue(reading.Node, out var row))
                    {
                        row = new() { Node = reading.Node, SerialNumber = reading.SerialNumber };
                        context.NodeStatus.Add(row);
                    }

                    row.SerialNumber = reading.SerialNumber;
                    row.Report = reading.Report?.ToByteArray() ?? [];
                    row.ReportedAt = reading.ReportedAt;
                    row.SeenAt = reading.SeenAt;
                    row.ResetAt = reading.Reset?.At;
                    row.ResetHeld = reading.Reset?.Held;
                }

                await context.SaveChangesAsync(cancellation).ConfigureAwait(false);
            }
        }
        catch
        {
            lock (_changing)
            {
                _unsaved = _unsaved.Union(unsaved);
            }

            throw;
        }
    }

    /// <summary>What other managers are to be told of nodes that are lost here, each once. For one thread.</summary>
    internal IEnumerable<string> TellLosses() =>
        _losses.News(Readings.Value.Values.Where(reading => !reading.Elsewhere && IsLost(reading)));

    /// <summary>Takes what another manager told of a node that it lost. False when it told something else.</summary>
    internal bool HearLoss(string word)
    {
        if (_losses.Hear(word) is not { } node)
        {
            return false;
        }

        // Wakes who looks at the board; a node that is not on it is not put there.
        if (Find(node) is { } known)
        {
            Change(node, now => (now ?? known) with { }, unsaved: false);
        }
        else
        {
            _losses.Forget(node);
        }

        return true;
    }

    internal bool IsLost(NodeReading reading) =>
        catalogue.Time.GetElapsedTime(reading.HeardAt) > LostAfter + (reading.Elsewhere ? s_detour : TimeSpan.Zero)
        || (reading.Elsewhere && _losses.Has(reading));

    private async Task<List<NodeStatusRow>> ReadRowsAsync(CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            return await context.NodeStatus.AsNoTracking().ToListAsync(cancellation).ConfigureAwait(false);
        }
    }

    private static NodeReading Read(NodeStatusRow row) =>
        new(
            row.Node,
            row.SerialNumber,
            row.Report.Length == 0 ? null : NodeReport.Parser.ParseFrom(row.Report),
            row.ReportedAt,
            row.SeenAt
        )
        {
            Reset = row is { ResetAt: { } at, ResetHeld: { } held } ? new(at, held) : null,
        };

    /// <summary>How the entity stands, at <paramref name="epoch"/> or newer, on one node.</summary>
    internal NodeDeployment Of(string node, string kind, string name, long epoch, CatalogueHead head)
    {
        if (!Readings.Value.TryGetValue(node, out var reading))
        {
            return new(node, DeploymentState.Pending, 0, null);
        }

        var applied =
            reading.Report?.Applied is { } cursor && cursor.History == head.History ? reading.Report.Applied.Epoch : 0;
        var refusal = reading.Report?.Refusals.FirstOrDefault(r =>
            r.Kind == kind && r.Name == name && r.Epoch >= epoch
        );
        if (refusal is not null)
        {
            return new(node, DeploymentState.Refused, applied, reading.SeenAt, refusal.Field, refusal.Reason);
        }

        var state =
            applied >= epoch ? DeploymentState.Applied
            : IsLost(reading) ? DeploymentState.Stale
            : DeploymentState.Pending;
        return new(node, state, applied, reading.SeenAt);
    }

    // A cursor this catalogue never gave out: it was restored, or another file was put in its place.
    private async Task<NodeReset?> FindResetAsync(
        NodeReading? known,
        NodeReport report,
        DateTimeOffset now,
        CancellationToken cancellation
    )
    {
        if (report.Applied is not { History.Length: > 0 } held || held.Equals(known?.Report?.Applied))
        {
            return null;
        }

        var text = string.Create(CultureInfo.InvariantCulture, $"epoch {held.Epoch} of history {held.History}");
        var head = await _feed.ReadHeadAsync(cancellation).ConfigureAwait(false);
        if (held.History != head.History || held.Epoch > head.Epoch)
        {
            return new(now, text);
        }

        var chain = await _feed.ReadChainAsync(held.Epoch, cancellation).ConfigureAwait(false);
        if (chain is { } ours && !ours.ToArray().AsSpan().SequenceEqual(held.Chain.Span))
        {
            return new(now, text + " with another chain");
        }

        // It already read everything again and only its former report tells of it.
        return
            known?.Report?.Applied is { History.Length: > 0 } former
            && (former.History != held.History || former.Epoch > held.Epoch)
            ? new(now, string.Create(CultureInfo.InvariantCulture, $"epoch {former.Epoch} of history {former.History}"))
            : null;
    }

    // A node that moved or got another port is written into its entity, so that balancer and peers find it.
    private async Task<Node> UpdateFactsAsync(
        StoredEntity<Node> registered,
        NodeFacts? facts,
        CancellationToken cancellation
    )
    {
        if (facts is null)
        {
            return registered.Value;
        }

        try
        {
            var node = facts.ToNode(registered.Name, registered.Value.Profile) with
            {
                Draining = registered.Value.Draining,
                Environments = registered.Value.Environments,
                KeepsToProfile = registered.Value.KeepsToProfile,
                RenewalOf = registered.Value.RenewalOf,
            };
            if (Digest.Of(CanonicalJson.Write(node, ModelJson.Default.Node)) == registered.Digest)
            {
                return node;
            }

            await catalogue
                .CommitAsync(
                    new CatalogueTransaction(
                        new(registered.Name),
                        $"node {registered.Name} is reached another way"
                    ).Put(EntityKinds.Node, registered.Name, node, ModelJson.Default.Node, registered.Epoch),
                    cancellation
                )
                .ConfigureAwait(false);
            return node;
        }
        catch (FormatException e)
        {
            LogBadFacts(registered.Name, e.Message);
        }
        catch (EntityConflictException)
        {
            // Drained or evicted this moment; the next report tells again.
        }

        return registered.Value;
    }

    private void Change(string node, Func<NodeReading?, NodeReading> change, bool unsaved = true)
    {
        lock (_changing)
        {
            if (unsaved)
            {
                _unsaved = _unsaved.Add(node);
            }

            Readings.Change(readings => readings.SetItem(node, change(readings.GetValueOrDefault(node))));
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Node {Node} held {Held}, which this catalogue does not know: the catalogue was restored or replaced. The node reads everything again"
    )]
    private partial void LogReset(string node, string held);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What node {Node} says about itself is not taken: {Reason}")]
    private partial void LogBadFacts(string node, string reason);
}
