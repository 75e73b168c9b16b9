using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Something an operator should look at.</summary>
/// <param name="Kind"><c>node-lost</c>, <c>behind</c>, <c>errors</c>, <c>refused</c>, <c>store-damaged</c>, <c>reset</c>, <c>restored</c>, <c>unverified</c>, <c>certificate</c>, <c>held</c>, <c>proxy</c>.</param>
/// <param name="Node">The node it is about; null for the catalogue.</param>
/// <param name="Message">What is wrong, what still works, what to do.</param>
/// <param name="Since">When it began.</param>
/// <param name="Api">The API it is about, by its full name; null for none.</param>
public sealed record Alert(string Kind, string? Node, string Message, DateTimeOffset Since, string? Api = null);

/// <summary>What is wrong now, derived from the board each time it is asked.</summary>
public sealed class Alerts(Catalogue catalogue, NodeBoard board)
{
    // A reset is over in seconds; who comes to work next morning should still see it.
    private static readonly TimeSpan s_remembered = TimeSpan.FromHours(24);
    private const int MostRefusalsPerNode = 20;
    private const int MostHops = 4;

    // A certificate is renewed when a third of its life is left; one that has less than a quarter was tried for days.
    private const int LastPart = 4;

    /// <summary>All of them, the oldest first.</summary>
    /// <param name="head">The catalogue's head.</param>
    /// <param name="nodes">Every registered node.</param>
    /// <param name="certificates">What was issued to them.</param>
    public IReadOnlyList<Alert> Of(
        HeadRow head,
        IReadOnlyCollection<Node> nodes,
        IReadOnlyCollection<NodeCertificateRow> certificates
    )
    {
        var now = catalogue.Time.GetUtcNow();
        var alerts = new List<Alert>();
        if (head.HistoryReason != "created" && now - head.HistoryBeganAt < s_remembered)
        {
            alerts.Add(
                new(
                    "restored",
                    null,
                    $"The catalogue began a new history: {head.HistoryReason}. Every node read it anew and served on meanwhile.",
                    head.HistoryBeganAt
                )
            );
        }

        var current = new CatalogueHead(head.History, head.Epoch, head.Chain);
        var newest = certificates.GroupBy(c => c.Node).ToDictionary(c => c.Key, c => c.MaxBy(r => r.NotAfter)!);
        foreach (var node in nodes)
        {
            if (OfCertificate(node.Name, newest.GetValueOrDefault(node.Name), now) is { } ending)
            {
                alerts.Add(ending);
            }

            if (board.Find(node.Name) is { } reading)
            {
                alerts.AddRange(Of(node, reading, current, now));
            }
        }

        return [.. alerts.OrderBy(a => a.Since)];
    }

    private Alert? OfCertificate(string node, NodeCertificateRow? certificate, DateTimeOffset now)
    {
        var trouble = board.Find(node)?.Report?.CertificateTrouble;
        var reason = string.IsNullOrEmpty(trouble) ? "" : $" It says: {trouble}.";
        if (certificate is null)
        {
            return null;
        }

        var ends = certificate.NotAfter;
        var last = ends - ((ends - certificate.IssuedAt) / LastPart);
        return now >= ends
                ? new(
                    "certificate",
                    node,
                    $"The certificate of {node} ended {ends:u}. API traffic goes on for 90 days, changes do not reach it: remove its pki folder and join it with a new token.{reason}",
                    ends
                )
            : now >= last || reason.Length > 0
                ? new(
                    "certificate",
                    node,
                    $"The certificate of {node} ends {ends:u} and its renewal fails. It is tried every hour; changes reach {node} until then.{reason}",
                    now < last ? now : last
                )
            : null;
    }

    private static DateTimeOffset StartOf(NodeReading reading) =>
        reading.Report is { StartedAt: > 0 and < 253_402_300_800_000 and var at }
            ? DateTimeOffset.FromUnixTimeMilliseconds(at)
            : reading.ReportedAt;

    private IEnumerable<Alert> Of(Node node, NodeReading reading, CatalogueHead head, DateTimeOffset now)
    {
        switch (board.StateOf(node, head))
        {
            case NodeState.Lost:
                yield return new(
                    "node-lost",
                    node.Name,
                    $"{node.Name} was last heard of {reading.SeenAt:u}. The others serve on; look at {node.Host}, or evict it if it is gone for good.",
                    reading.SeenAt
                );
                break;
            case NodeState.Stale when reading.Report is { FreshnessUnverified: true }:
                yield return new(
                    "unverified",
                    node.Name,
                    $"{node.Name} serves a table from a peer that no manager has confirmed yet.",
                    reading.ReportedAt
                );
                break;
            case NodeState.Held:
                yield return new(
                    "held",
                    node.Name,
                    $"{node.Name} holds the table of epoch {reading.Report?.Applied?.Epoch ?? 0} (node.hold): deployments, blocks and revocations do not reach it until that is taken out and it is restarted.",
                    StartOf(reading)
                );
                break;
            default:
                break;
        }

        foreach (var hop in (reading.Report?.IgnoredHops ?? []).Take(MostHops).Where(h => h.Length is > 0 and < 64))
        {
            yield return new(
                "proxy",
                node.Name,
                $"{hop} sends X-Forwarded-For to {node.Name}, which does not trust it: every caller behind it counts as {hop}, for limits, blocks and logs. If it is a proxy of yours, set proxies.trusted on {node.Name} to its network and run 'gatehouse reload' there.",
                StartOf(reading)
            );
        }

        if (reading.Reset is { } reset && now - reset.At < s_remembered)
        {
            yield return new(
                "reset",
                node.Name,
                $"{node.Name} held {reset.Held}, which this catalogue does not know: it was restored or replaced. The node read everything anew.",
                reset.At
            );
        }

        foreach (var refusal in (reading.Report?.Refusals ?? []).Take(MostRefusalsPerNode))
        {
            yield return new(
                "refused",
                node.Name,
                $"{node.Name} cannot run {refusal.Kind} '{refusal.Name}' (epoch {refusal.Epoch}): {refusal.Reason.TrimEnd('.')}. It serves the last good one.",
                reading.ReportedAt
            );
        }

        foreach (var fault in (reading.Report?.StoreFaults ?? []).Take(MostRefusalsPerNode))
        {
            yield return new(
                "store-damaged",
                node.Name,
                $"{node.Name} set {fault.What} of its store aside: {fault.Reason}. It was fetched again.",
                DateTimeOffset.FromUnixTimeMilliseconds(fault.At)
            );
        }
    }
}
