using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What is wrong now, as far as rules watch it.</summary>
internal sealed class AlertConditions(ClusterStatus status, FailingApis failing, Approvals approvals)
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
                // Rules say themselves how many failures are too many.
                .Alerts.Where(a => a.Kind != "errors")
                .Select(a => (TriggerOf(a.Kind), a.Node ?? "catalogue", a.Message))
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
            found.AddRange(
                (await failing.SumsAsync(rule, cancellation).ConfigureAwait(false))
                    .Where(s => s.Fails(rule))
                    .Select(s => (rule, s.Api, s.Told(rule)))
            );
        }

        return found;
    }

    private static AlertTrigger TriggerOf(string kind) =>
        kind switch
        {
            "node-lost" => AlertTrigger.NodeLost,
            "unverified" or "behind" => AlertTrigger.Stale,
            "refused" => AlertTrigger.Refused,
            "certificate" => AlertTrigger.Certificate,
            _ => AlertTrigger.Other,
        };
}
