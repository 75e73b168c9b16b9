using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Nodes;

namespace Gatehouse.Commands;

/// <summary>
/// <c>gatehouse run</c>: runs the node whose identity the data directory holds, for service managers and containers; or the
/// node that an old home describes.
/// </summary>
internal static class RunCommand
{
    /// <summary>For a node from an old home whose manager is on another machine.</summary>
    public static readonly Option<string?> JoinToken = new("--join-token")
    {
        Description =
            "With --wso2-home: lets the node in when its manager is on another machine (also: GATEHOUSE_JOIN_TOKEN, or groupPassword of axis2.xml)",
        HelpName = "TOKEN",
    };

    public static Command Create() =>
        new Command("run", "Run the node of this data directory, or of a WSO2 home, in the foreground")
            .With(HomeOption.All)
            .With(JoinToken)
            .With(StopWithInput.Option)
            .With(NodeOptions.All)
            .Does(NodeStart.InOrder(RunAsync));

    private static async Task<ExitCode> RunAsync(Call call, CancellationToken cancellation)
    {
        if (HomeOption.Source(call) is { } home)
        {
            return await HomeRun.RunAsync(call, home, cancellation);
        }

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
