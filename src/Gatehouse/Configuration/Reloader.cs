using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>
/// Takes a changed configuration into a running node, whole or not at all. SIGHUP and the control socket both come here, one
/// at a time.
/// </summary>
/// <param name="running">What the node was started with.</param>
/// <param name="sources">Where to read it anew.</param>
/// <param name="apply">
/// Puts a configuration into effect, or says why not, and then nothing may have changed: whoever applies in parts takes them
/// back itself.
/// </param>
internal sealed class Reloader(
    NodeConfiguration running,
    ConfigurationSources sources,
    Func<NodeConfiguration, CancellationToken, Task<ImmutableArray<Problem>>> apply
) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>What the node runs on now.</summary>
    public NodeConfiguration Running { get; private set; } = running;

    /// <summary>Reads, checks and applies. Does not throw but for cancellation.</summary>
    public async Task<ReloadOutcome> ReloadAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation);
        try
        {
            var (read, problems) = NodeConfiguration.Read(sources);
            if (read is null)
            {
                return ReloadOutcome.Refused(problems);
            }

            var plan = ReloadPlan.Between(Running, read);
            if (plan.Applied.IsEmpty)
            {
                return new ReloadOutcome([], plan.NeedsRestart, []);
            }

            problems = await ApplyAsync(plan.Running, cancellation);
            if (!problems.IsEmpty)
            {
                return ReloadOutcome.Refused(problems);
            }

            Running = plan.Running;
            return new ReloadOutcome(plan.Applied, plan.NeedsRestart, []);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task<ImmutableArray<Problem>> ApplyAsync(NodeConfiguration next, CancellationToken cancellation)
    {
        try
        {
            return await apply(next, cancellation);
        }
        catch (CommandFailure failure)
        {
            return failure.Problems.IsEmpty ? [new Problem("", failure.Message, failure.Fix)] : failure.Problems;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return [new Problem("", e.Message)];
        }
    }
}

/// <summary>What a reload came to.</summary>
/// <param name="Applied">Changed keys now in effect.</param>
/// <param name="NeedsRestart">Changed keys that wait for a restart.</param>
/// <param name="Problems">Why nothing was changed; empty when it was.</param>
internal sealed record ReloadOutcome(
    ImmutableArray<string> Applied,
    ImmutableArray<string> NeedsRestart,
    ImmutableArray<Problem> Problems
)
{
    /// <summary>Nothing was changed.</summary>
    public static ReloadOutcome Refused(ImmutableArray<Problem> problems) => new([], [], problems);

    /// <summary>One line for the user or the log.</summary>
    public string Summary =>
        !Problems.IsEmpty ? $"nothing was changed: {Count(Problems.Length, "problem")} in the configuration"
        : Applied.IsEmpty && NeedsRestart.IsEmpty ? "nothing has changed"
        : string.Join(
            "; ",
            (string[])
                [
                    .. Applied.IsEmpty ? (string[])[] : [$"applied {string.Join(", ", Applied)}"],
                    .. NeedsRestart.IsEmpty ? (string[])[] : [$"needs a restart: {string.Join(", ", NeedsRestart)}"],
                ]
        );

    /// <summary>The answer for the control socket.</summary>
    public ControlReply ToReply() =>
        new(
            Problems.IsEmpty,
            Summary,
            new JsonObject
            {
                ["applied"] = JsonSerializer.SerializeToNode(Applied, ManagerClient.Json),
                ["needsRestart"] = JsonSerializer.SerializeToNode(NeedsRestart, ManagerClient.Json),
            },
            Problems
        );

    private static string Count(int n, string what) => n == 1 ? $"1 {what}" : $"{n} {what}s";
}
