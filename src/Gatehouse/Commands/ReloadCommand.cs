using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Configuration;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse reload</c>: has the node on a data directory read its configuration anew.</summary>
internal static class ReloadCommand
{
    public static Command Create() =>
        new Command("reload", "Have the running node read its configuration anew, whole or not at all")
            .With(NodeOptions.Data)
            .Does(
                async (call, cancellation) =>
                {
                    // Listeners that close wait for their requests, which may take as long as timeouts.drain allows.
                    var reply = await ControlSocket.AskAsync(
                        NodeOptions.DataPath(call),
                        new ControlRequest("reload"),
                        TimeSpan.FromMinutes(2),
                        cancellation
                    );
                    ControlAnswer.Print(call, "Reload", reply);
                }
            );
}
