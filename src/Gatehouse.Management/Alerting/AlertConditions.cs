using System.Globalization;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>What is wrong now, as far as rules watch it.</summary>
internal sealed class AlertConditions(
    ClusterStatus status,
    CatalogueDatabase database,
    Approvals approvals,
    TimeProvider time
)
{
    /// <summary>Every condition that a rule is to tell of: what it is about, and in words.</summary>
    public async Task<List<(AlertRule Rule, string Key, string Message)>> OfAsync(
        IReadOnlyCollection<AlertRule> rules,
        CancellationToken cancellation
    )
    {
        var found = new List<(AlertRule, string, string)>();
        if (rules.Any(r => r.On is not (AlertTrigger.ErrorRate or AlertTrigger.Approval)))
        {
            var now = await status.ReadAsync(cancellation).ConfigureAwait(false);
            var stale = now
                .Nodes.Where(n => n.State == NodeState.Stale)
                .Select(n =>
                    (
                        AlertTrigger.Stale,
                        n.Name,
                        $"{n.Name} serves a table that is not of this catalogue's newest history."
                    )
                );
            var told = now
                .Alerts.Select(a => (TriggerOf(a.Kind), a.Node ?? "catalogue", a.Message))
                .Concat(stale)
                .GroupBy(a => (a.Item1, a.Item2))
                .Select(g =>
                    (Trigger: g.Key.Item1, Node: g.Key.Item2, Message: string.Join("\n", g.Select(a => a.Item3)))
                );
            found.AddRange(
                from condition in told
                from rule in rules
                where rule.On == condition.Trigger && (rule.Node is null || rule.Node == condition.Node)
                select (rule, condition.Node, condition.Message)
            );
        }

        if (rules.Any(r => r.On == AlertTrigger.Approval))
        {
            var waiting = (await approvals.ListAsync(cancellation).ConfigureAwait(false)).Where(t =>
                t.Value.State == ApprovalState.Pending
            );
            found.AddRange(
                from task in waiting
                from rule in rules
                where rule.On == AlertTrigger.Approval
                select (rule, task.Value.Id, $"Waits for approval: {task.Value.Summary}")
            );
        }

        foreach (var rule in rules.Where(r => r.On == AlertTrigger.ErrorRate))
        {
            found.AddRange(await ErrorRatesAsync(rule, cancellation).ConfigureAwait(false));
        }

        return found;
    }

    private async Task<IEnumerable<(AlertRule, string, string)>> ErrorRatesAsync(
        AlertRule rule,
        CancellationToken cancellation
    )
    {
        var since = UsageStore.Begin(UsagePeriod.Minute, time.GetUtcNow()).AddMinutes(-rule.Minutes);
        var context = database.OpenUsage();
        await using (context.ConfigureAwait(false))
        {
            var sums = await context
                .Usage.AsNoTracking()
                .Where(u => u.Period == UsagePeriod.Minute && u.At >= since)
                .Where(u => rule.Api == null || u.Api == rule.Api)
                .GroupBy(u => u.Api)
                .Select(g => new
                {
                    Api = g.Key,
                    Requests = g.Sum(u => u.Requests),
                    Failed = g.Sum(u => u.ServerErrors),
                })
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            return sums.Where(s => s.Requests >= rule.AtLeast && s.Failed * 100.0 / s.Requests > rule.Percent)
                .Select(s =>
                    (
                        rule,
                        s.Api,
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"{s.Failed * 100.0 / s.Requests:0.#} % of {s.Requests} requests to {s.Api} failed within {rule.Minutes} min; the rule's bound is {rule.Percent:0.#} %."
                        )
                    )
                );
        }
    }

    private static AlertTrigger TriggerOf(string kind) =>
        kind switch
        {
            "node-lost" => AlertTrigger.NodeLost,
            "unverified" => AlertTrigger.Stale,
            "refused" => AlertTrigger.Refused,
            "certificate" => AlertTrigger.Certificate,
            _ => AlertTrigger.Other,
        };
}
