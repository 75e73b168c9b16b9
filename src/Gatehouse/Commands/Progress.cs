using System.Collections.Immutable;
using System.Diagnostics;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary>Waits until every worker has answered a change of an API, telling each answer as it comes.</summary>
internal static class Progress
{
    private static readonly ImmutableArray<Column<NodeDeployment>> s_columns =
    [
        new("NODE", n => n.Node),
        new("STATE", n => Word(n.State)),
        new("EPOCH", n => $"{n.Epoch}", Drop: 1),
        new("REASON", n => n.Reason is null ? null : $"{n.Reason} ({n.Field})"),
    ];

    /// <summary>Prints the deployment, after waiting for it when <paramref name="wait"/> says so.</summary>
    public static async Task<ExitCode> ReportAsync(
        Call call,
        DeploymentView began,
        bool wait,
        TimeSpan patience,
        CancellationToken cancellation
    )
    {
        var place = began.Environment == GatewayEnvironment.Default ? "" : $" in {began.Environment}";
        call.Output.Say(
            began.Revision is { } revision
                ? $"{began.Api} r{revision} is deployed{place} (epoch {began.Epoch})"
                : $"{began.Api} is not deployed{place} any more (epoch {began.Epoch})"
        );
        if (began.Nodes.IsEmpty)
        {
            call.Output.Warn(
                place.Length == 0
                    ? "no worker is registered; one that joins will run it"
                    : $"no worker serves {began.Environment}; one that does will run it"
            );
        }

        var view = wait ? await WaitAsync(call, began, patience, cancellation) : began;
        Print(call, view);
        return wait ? Verdict(call, view, patience) : ExitCode.Done;
    }

    private static async Task<DeploymentView> WaitAsync(
        Call call,
        DeploymentView began,
        TimeSpan patience,
        CancellationToken cancellation
    )
    {
        // Those registered when it began; who joins meanwhile starts with it anyway, and who left is not waited for.
        var awaited = began.Nodes.Select(n => n.Node).ToHashSet(StringComparer.Ordinal);
        var told = new HashSet<(string, DeploymentState)>();
        var clock = Stopwatch.StartNew();
        var view = began;
        while (true)
        {
            view = view with { Nodes = [.. view.Nodes.Where(n => awaited.Contains(n.Node))] };
            foreach (var node in view.Nodes.Where(n => HasAnswered(n) && told.Add((n.Node, n.State))))
            {
                call.Output.Say(
                    $"  {node.Node} {Word(node.State)} after {clock.ElapsedMilliseconds} ms"
                        + (node.Reason is null ? "" : $": {node.Reason}")
                );
            }

            if (view.Nodes.All(HasAnswered) || clock.Elapsed >= patience)
            {
                return view;
            }

            var step = (int)Math.Clamp(Math.Ceiling((patience - clock.Elapsed).TotalSeconds), 1, 5);
            view = await call.Manager.GetDeploymentsOfApiAsync(
                began.Api,
                cancellation,
                wait: step,
                environment: began.Environment
            );
        }
    }

    private static ExitCode Verdict(Call call, DeploymentView view, TimeSpan patience)
    {
        var missing = view.Nodes.Where(n => !HasAnswered(n)).Select(n => n.Node).ToList();
        if (missing.Count > 0)
        {
            call.Output.Message($"not heard from within {patience.TotalSeconds:0} s: {string.Join(", ", missing)}");
        }

        if (view.Nodes.All(n => n.State == DeploymentState.Applied))
        {
            return ExitCode.Done;
        }

        foreach (var node in view.Nodes.Where(n => n.State == DeploymentState.Refused))
        {
            call.Output.Message($"{node.Node} refused it and keeps serving what it had: {node.Reason}");
        }

        return missing.Count == view.Nodes.Length ? ExitCode.TimedOut : ExitCode.Partly;
    }

    private static void Print(Call call, DeploymentView view)
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Item("Deployment", view);
        }
        else if (!view.Nodes.IsEmpty)
        {
            call.Output.Items("Deployment", view.Nodes, s_columns);
        }
    }

    private static bool HasAnswered(NodeDeployment node) =>
        node.State is DeploymentState.Applied or DeploymentState.Refused;

    private static string Word(DeploymentState state) => state.ToString().ToLowerInvariant();
}
