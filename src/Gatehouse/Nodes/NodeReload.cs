using System.Collections.Immutable;
using System.Threading.Channels;
using Gatehouse.Configuration;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>
/// Takes a changed configuration into a running node. What can fail comes first, certificates and ports, and leaves all as it
/// was when it does; requests in flight and open connections are not touched.
/// </summary>
internal sealed partial class NodeReload(RunningNode node, NodeLogging logging)
{
    private readonly ILogger _logger = node.Context.Logs.CreateLogger<NodeReload>();

    /// <summary>Puts <paramref name="next"/> into force, or says why nothing changed.</summary>
    public async Task<ImmutableArray<Problem>> ApplyAsync(NodeConfiguration next, CancellationToken cancellation)
    {
        var context = node.Context;
        if (context.Certificates.Read(next.Settings.Tls, out var useCertificates) is { IsEmpty: false } unusable)
        {
            return unusable;
        }

        var before = context.Settings;
        context.Settings = next.Settings;
        try
        {
            await node.ApplyListenersAsync(cancellation);
        }
        catch (PortTakenException e)
        {
            context.Settings = before;
            return [new("listen", e.Message, "choose another port, or stop what uses it")];
        }

        useCertificates();
        logging.Apply(next.Settings.Log);
        await node.ApplySettingsAsync(before, cancellation);
        return [];
    }

    /// <summary>Reloads once for every signal, until cancelled. Outcomes go to the log.</summary>
    public async Task FollowSignalsAsync(Reloader reloader, ChannelReader<bool> signals, CancellationToken stopping)
    {
        await foreach (var _ in signals.ReadAllAsync(stopping))
        {
            var outcome = await reloader.ReloadAsync(stopping);
            if (outcome.Problems.IsEmpty)
            {
                LogReloaded(outcome.Summary);
            }
            else
            {
                LogRefused(outcome.Summary, string.Join("; ", outcome.Problems));
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Configuration read anew: {Summary}")]
    private partial void LogReloaded(string summary);

    [LoggerMessage(Level = LogLevel.Error, Message = "Configuration not reloaded, {Summary}: {Problems}")]
    private partial void LogRefused(string summary, string problems);
}
