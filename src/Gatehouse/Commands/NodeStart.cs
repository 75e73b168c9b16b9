using System.Runtime.InteropServices;
using System.Threading.Channels;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Nodes;

namespace Gatehouse.Commands;

/// <summary>The common end of <c>init</c>, <c>join</c> and <c>run</c>: a node with an identity serves until it is told to stop.</summary>
internal static class NodeStart
{
    /// <summary>
    /// A command that ends as a node that serves. Told to stop before it does, while it waits for a manager or for its database, it
    /// ends in order all the same: a service manager would take anything else for a failure.
    /// </summary>
    public static Func<Call, CancellationToken, Task<ExitCode>> InOrder(
        Func<Call, CancellationToken, Task<ExitCode>> run
    ) =>
        async (call, cancellation) =>
        {
            try
            {
                return await run(call, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return ExitCode.Done;
            }
        };

    /// <summary>Runs the node in the foreground. <paramref name="ready"/> runs once everything listens.</summary>
    public static async Task<ExitCode> ServeAsync(
        Call call,
        DataDirectory data,
        NodeConfiguration configuration,
        NodeIdentity identity,
        Func<RunningNode, Task>? ready,
        CancellationToken cancellation
    )
    {
        RequireSame(configuration.Settings, identity, data);
        using var logging = new NodeLogging(configuration.Settings.Log);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        var context = new NodeContext(
            data.Path,
            configuration.Settings,
            identity,
            logging.Factory,
            TimeProvider.System
        );
        var running = () => configuration;
        context.Inspection = () => NodeInspector.Of(running(), logging.Recent);
        try
        {
            await using var node = await RunningNode.StartAsync(context, stop.Token);
            var reload = new NodeReload(node, logging);
            using var reloader = new Reloader(configuration, NodeOptions.Sources(call), reload.ApplyAsync);
            running = () => reloader.Running;
            // One signal while a reload runs is enough for the next: it reads the newest file.
            var signals = Channel.CreateBounded<bool>(
                new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
            );
            using var hangup = PosixSignalRegistration.Create(
                PosixSignal.SIGHUP,
                signal =>
                {
                    signal.Cancel = true;
                    signals.Writer.TryWrite(true);
                }
            );
            node.Also(reload.FollowSignalsAsync(reloader, signals.Reader, stop.Token));
            node.Also(ControlSocket.ServeAsync(data.Path, new NodeControl(node, reloader).AnswerAsync, stop.Token));
            node.Also(StopWithInput.FollowAsync(call, stop));
            var service = new ServiceNotice(call.Terminal.Environment, TimeProvider.System);
            await using var stopping = stop.Token.Register(service.Stopping);
            node.Also(service.WatchAsync(() => node.Readiness().Why, stop.Token));
            service.Ready(node.Readiness().Why);

            try
            {
                await (ready?.Invoke(node) ?? Task.CompletedTask);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // Told to stop while it greets: it finishes what it has, as later.
            }

            await node.RunUntilAsync(stop.Token);
            return ExitCode.Done;
        }
        catch (PortTakenException e)
        {
            throw PortFailure.Of(e, configuration);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCode.Done;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    private static void RequireSame(NodeSettings settings, NodeIdentity identity, DataDirectory data)
    {
        if (settings.Node.Profile != identity.Profile || settings.Node.Name != identity.Node)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                $"the configuration says node '{settings.Node.Name}' ({Profiles.Name(settings.Node.Profile)}), but the certificate in this data directory is for '{identity.Node}' ({Profiles.Name(identity.Profile)})",
                data.Path,
                "give the node that is meant its own --data directory, or correct node.name and node.profile in gatehouse.yaml"
            );
        }
    }
}
