using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse cluster members</c>.</summary>
internal static class ClusterCommands
{
    public static Command Create() =>
        new Command("cluster", "Look at membership").With(Members(), ClusterHostsCommand.Create());

    private static Command Members() =>
        new Command("members", "List the members of the cluster as the manager sees them").Does(
            async (call, cancellation) =>
            {
                var view = await call.Manager.GetMembersAsync(cancellation);
                if (call.Output.Format != OutputFormat.Table)
                {
                    call.Output.Item("Members", view);
                    return;
                }

                if (!view.Enabled)
                {
                    call.Output.Message(
                        "membership is off on this manager (cluster.enabled: false); 'gatehouse node list' shows the nodes"
                    );
                    return;
                }

                call.Output.Line(
                    $"DOMAIN {view.Domain}   {view.Phase?.ToLowerInvariant()} as {view.OwnAddress ?? "-"}"
                );
                var now = DateTimeOffset.UtcNow;
                call.Output.Items(
                    "Member",
                    view.Members,
                    new("MEMBER", m => m.Name),
                    new("PROFILE", m => m.Profile ?? "-"),
                    new("SUB-DOMAIN", m => m.SubDomain ?? "-"),
                    new("STATE", m => m.State.ToLowerInvariant()),
                    new("ADDRESS", m => m.Address),
                    new("SINCE", m => Words.Ago(m.Since, now)),
                    new("VERSION", m => Words.Version(m.Version), Drop: 1),
                    new("PROPERTIES", m => string.Join(", ", m.Properties.Select(p => $"{p.Key}={p.Value}")), Drop: 2)
                );
                foreach (var problem in view.Problems)
                {
                    call.Output.Warn(problem.ToString());
                }
            }
        );
}
