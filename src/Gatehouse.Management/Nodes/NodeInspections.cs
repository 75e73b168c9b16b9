using System.Collections.Immutable;
using Gatehouse.Deployment.Internal;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What a node tells a manager of itself when asked: more than it reports every second.</summary>
/// <param name="Settings">Every setting in force, and who wrote it.</param>
/// <param name="Log">The newest lines of its log, oldest first.</param>
/// <param name="LogBefore">How many lines since its start are not kept any more.</param>
public sealed record NodeInspection(
    ImmutableArray<NodeSetting> Settings,
    ImmutableArray<NodeLogLine> Log,
    long LogBefore
);

/// <summary>One setting of a node.</summary>
/// <param name="Key">Dotted: <c>listen.gateway.https</c>.</param>
/// <param name="Text">The value that takes effect, in one line; a secret is masked.</param>
/// <param name="From"><c>default</c>, <c>FILE:LINE:COLUMN</c>, a variable or a flag.</param>
/// <param name="IsDefault">True when nobody wrote it.</param>
public sealed record NodeSetting(string Key, string Text, string From, bool IsDefault);

/// <summary>One line of a node's log.</summary>
/// <param name="At">When, by the node's clock.</param>
/// <param name="Level"><c>trace</c> to <c>critical</c>.</param>
/// <param name="Category">Which part of the program wrote it.</param>
/// <param name="Message">What it says.</param>
public sealed record NodeLogLine(DateTimeOffset At, string Level, string Category, string Message);

/// <summary>Asks nodes for their configuration and the end of their log, over port 7443.</summary>
public sealed class NodeInspections(NodeRegistry registry, ManagementOptions options)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// What the node says of itself. Throws <see cref="NotFoundException"/> when none of that name is registered,
    /// <see cref="ConflictException"/> when it does not answer.
    /// </summary>
    public async Task<NodeInspection> ReadAsync(string name, CancellationToken cancellation)
    {
        var node = await registry.FindAsync(name, cancellation).ConfigureAwait(false);
        if (node is null)
        {
            throw new NotFoundException("node", name);
        }

        if (options.Inspect is not { } inspect)
        {
            throw new ConflictException("This manager asks no nodes");
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(s_patience);
        try
        {
            return await inspect(node.Value, deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e)
            when (e is HttpRequestException or IOException or PeerRefusedException or OperationCanceledException
                && !cancellation.IsCancellationRequested
            )
        {
            var why = e is OperationCanceledException ? $"nothing came within {s_patience.TotalSeconds} s" : e.Message;
            throw new ConflictException(
                $"{name} does not answer: {why}",
                $"ask on its own machine: gatehouse config show --origin, and its log"
            );
        }
    }
}
