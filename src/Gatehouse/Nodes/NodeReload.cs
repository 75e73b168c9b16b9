using System.Collections.Immutable;
using System.Threading.Channels;
using Gatehouse.Configuration;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>
/// Takes a changed configuration into a running node: everything is read and checked first, then applied in an order that can
/// be undone; on any problem nothing has changed.
/// </summary>
internal sealed partial class NodeReload(
    RunningNode node,
    NodeLogging logging,
    NodeConfiguration configuration,
    Func<(NodeConfiguration? Configuration, ImmutableArray<Problem> Problems)> read
)
{
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly ILogger _logger = node.Context.Logs.CreateLogger<NodeReload>();
    private NodeConfiguration _running = configuration;

    /// <summary>Reloads now, and says what became of it. Requests in flight and open connections are not touched.</summary>
    public async Task<ReloadOutcome> ReloadAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation);
        try
        {
            var outcome = await ReloadNeedsLockAsync(cancellation);
            if (outcome.Problems.IsEmpty)
            {
                LogReloaded(string.Join(", ", outcome.Applied), string.Join(", ", outcome.NeedsRestart));
            }
            else
            {
                LogRefused(string.Join("; ", outcome.Problems));
            }

            return outcome;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Reloads once for every signal, until cancelled. Outcomes go to the log.</summary>
    public async Task FollowSignalsAsync(ChannelReader<bool> signals, CancellationToken stopping)
    {
        await foreach (var _ in signals.ReadAllAsync(stopping))
        {
            await ReloadAsync(stopping);
        }
    }

    private async Task<ReloadOutcome> ReloadNeedsLockAsync(CancellationToken cancellation)
    {
        var (fresh, problems) = read();
        if (fresh is null)
        {
            return new([], [], problems);
        }

        var plan = ReloadPlan.Between(_running, fresh);
        var context = node.Context;
        if (
            context.Certificates.Read(plan.Running.Settings.Tls, out var useCertificates) is { IsEmpty: false } unusable
        )
        {
            return new([], [], unusable);
        }

        // Ports are the one step that can still fail: first, and undone by the set itself.
        var before = context.Settings;
        context.Settings = plan.Running.Settings;
        try
        {
            await node.ApplyListenersAsync(cancellation);
        }
        catch (PortTakenException e)
        {
            context.Settings = before;
            return new([], [], [new("listen", e.Message, "choose another port, or stop what uses it")]);
        }

        useCertificates();
        logging.Apply(context.Settings.Log);
        await node.ApplySettingsAsync(before, cancellation);
        _running = plan.Running;
        return new(plan.Applied, plan.NeedsRestart, []);
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Configuration reloaded. Applied: [{Applied}]. After a restart: [{NeedsRestart}]"
    )]
    private partial void LogReloaded(string applied, string needsRestart);

    [LoggerMessage(Level = LogLevel.Error, Message = "Configuration not reloaded, nothing changed: {Problems}")]
    private partial void LogRefused(string problems);
}

/// <summary>What became of a reload.</summary>
/// <param name="Applied">Keys now in force.</param>
/// <param name="NeedsRestart">Changed keys that wait for a restart.</param>
/// <param name="Problems">Why nothing changed; empty on success.</param>
internal sealed record ReloadOutcome(
    ImmutableArray<string> Applied,
    ImmutableArray<string> NeedsRestart,
    ImmutableArray<Problem> Problems
);
