using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse status</c>: the cluster on one screen, or the node on one data directory.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(0.5);

    public static Command Create()
    {
        var watch = new Option<bool>("--watch", "-w") { Description = "Keep it on the screen until Ctrl+C" };
        var data = new Option<string?>("--data")
        {
            Description = "Ask the node on this data directory itself, without a manager",
            HelpName = "DIR",
        };
        return new Command("status", "Show nodes, what they run, and what is wrong")
            .With(watch, data)
            .Does(
                (call, cancellation) =>
                    call.Get(data) is { } directory ? ShowNodeAsync(call, directory, cancellation)
                    : call.Get(watch) ? WatchAsync(call, cancellation)
                    : ShowAsync(call, cancellation)
            );
    }

    private static async Task ShowAsync(Call call, CancellationToken cancellation)
    {
        var status = await call.Manager.GetStatusAsync(cancellation);
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Item("Status", status);
            return;
        }

        call.Output.Line(Headline(status));
        call.Output.Items("Node", status.Nodes, NodeColumns.At(status.Now));
        foreach (var alert in status.Alerts)
        {
            call.Output.Line($"! {alert.Message} (since {Words.Ago(alert.Since, status.Now)})");
        }
    }

    /// <summary><c>CLUSTER prod   3 of 4 nodes serve · epoch 17 · 1 alert</c>.</summary>
    public static string Headline(StatusView status)
    {
        var serving = status.Nodes.Count(n => n.State == NodeState.Serving);
        var alerts = status.Alerts.Length == 1 ? "1 alert" : $"{status.Alerts.Length} alerts";
        return $"CLUSTER {status.Cluster}   {serving} of {status.Nodes.Length} nodes serve · epoch {status.Epoch} · {alerts}";
    }

    private static async Task WatchAsync(Call call, CancellationToken cancellation)
    {
        // The time a row was heard of would make every row new every second; a script hears of states.
        var now = DateTimeOffset.UtcNow;
        var table = new LiveTable<NodeView>(
            call.Terminal,
            [
                .. NodeColumns.At(DateTimeOffset.MinValue).Where(c => c.Header != "SEEN"),
                new("SEEN", n => Words.Ago(n.LastSeen, now)),
            ],
            n =>
                $"{n.Name} {Words.Of(n.State)} epoch {n.Epoch?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-"}"
        );
        var shown = new HashSet<string>();
        var reached = true;
        await table.ShowAsync(async () =>
        {
            using var timer = new PeriodicTimer(s_pause);
            do
            {
                try
                {
                    var status = await call.Manager.GetStatusAsync(cancellation);
                    now = status.Now;
                    foreach (var node in status.Nodes)
                    {
                        shown.Add(node.Name);
                        table.Set(node.Name, node);
                    }

                    foreach (var gone in shown.Except(status.Nodes.Select(n => n.Name)).ToList())
                    {
                        shown.Remove(gone);
                        table.Remove(gone);
                    }

                    reached = true;
                }
                catch (CommandFailure failure)
                    when (failure.Code is ExitCode.Unreachable or ExitCode.TimedOut && shown.Count > 0)
                {
                    // The manager may come back; what is on the screen stays, and the loss is said once.
                    if (reached)
                    {
                        call.Output.Warn(failure.Message);
                    }

                    reached = false;
                }
            } while (await timer.WaitForNextTickAsync(cancellation));
        });
    }

    private static async Task ShowNodeAsync(Call call, string directory, CancellationToken cancellation)
    {
        var reply = await ControlSocket.AskAsync(
            Path.GetFullPath(directory),
            new ControlRequest("status"),
            TimeSpan.FromSeconds(10),
            cancellation
        );
        ControlAnswer.Print(call, "NodeStatus", reply);
    }
}
