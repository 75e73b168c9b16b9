using System.CommandLine;
using System.CommandLine.Help;
using Gatehouse.Commands;

namespace Gatehouse.Cli;

/// <summary>The whole command tree, and how one command line runs.</summary>
internal static class CommandLine
{
    /// <summary>The tree. A new noun is one file in <c>Commands</c> and one line here.</summary>
    public static RootCommand Create()
    {
        var root = new RootCommand("Gatehouse: a clustered API gateway.");
        foreach (var option in GlobalOptions.All)
        {
            root.Add(option);
        }

        foreach (var command in (Command[])[.. PublisherCommands.Create(), .. OperatorCommands.Create()])
        {
            root.Add(command);
        }

        return root;
    }

    /// <summary>Parses and runs; the result is the process's exit code.</summary>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> arguments,
        Terminal terminal,
        CancellationToken cancellation = default
    )
    {
        var parsed = Create().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction)
        {
            return (int)UsageError.Print(parsed, terminal);
        }

        return await parsed.InvokeAsync(new TerminalInvocation(terminal), cancellation);
    }
}
