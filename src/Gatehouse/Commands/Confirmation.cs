using System.CommandLine;
using Gatehouse.Cli;

namespace Gatehouse.Commands;

/// <summary>Asks before something is taken away: the name typed again, or <c>--yes</c>.</summary>
internal static class Confirmation
{
    /// <summary>The option of every command that takes something away.</summary>
    public static Option<bool> Yes() => new("--yes") { Description = "Do not ask" };

    /// <summary>Returns when the user agrees; else a <see cref="CommandFailure"/>.</summary>
    /// <param name="call">The invocation.</param>
    /// <param name="yes">From <see cref="Yes"/>.</param>
    /// <param name="name">What is to be typed.</param>
    /// <param name="breaks">What stops working, one sentence.</param>
    public static void Ask(Call call, Option<bool> yes, string name, string breaks)
    {
        if (call.Get(yes))
        {
            return;
        }

        if (!call.Terminal.Interactive || Console.IsInputRedirected)
        {
            throw new CommandFailure(ExitCode.Usage, breaks, fix: "say --yes when that is meant");
        }

        call.Output.Message(breaks);
        call.Terminal.Error.Write($"Type {name} to go on: ");
        if (Console.In.ReadLine()?.Trim() != name)
        {
            throw new CommandFailure(ExitCode.Failed, "nothing was changed");
        }
    }
}
