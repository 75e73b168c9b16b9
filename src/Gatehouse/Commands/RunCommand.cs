using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Nodes;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse run</c>: runs the node whose identity the data directory holds; for service managers and containers.</summary>
internal static class RunCommand
{
    public static Command Create() =>
        new Command("run", "Run the node of this data directory in the foreground")
            .With(StopWithInput.Option)
            .With(NodeOptions.All)
            .Does(RunAsync);

    private static async Task<ExitCode> RunAsync(Call call, CancellationToken cancellation)
    {
        using var data = DataDirectory.Open(NodeOptions.DataPath(call));
        using var identity =
            NodeIdentity.Load(data.Path)
            ?? throw new CommandFailure(
                ExitCode.NotFound,
                "this data directory holds no node",
                data.Path,
                "found a cluster with 'gatehouse init', or join one with 'gatehouse join TOKEN'"
            );
        InlineCompletions.EnableFor(identity.Profile);
        return await NodeStart.ServeAsync(call, data, NodeOptions.Read(call), identity, null, cancellation);
    }
}
