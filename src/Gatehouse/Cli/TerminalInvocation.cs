using System.CommandLine;

namespace Gatehouse.Cli;

/// <summary>Carries the <see cref="Gatehouse.Cli.Terminal"/> through the parser to the command.</summary>
internal sealed class TerminalInvocation : InvocationConfiguration
{
    public TerminalInvocation(Terminal terminal)
    {
        Terminal = terminal;
        Output = terminal.Out;
        Error = terminal.Error;
        EnableDefaultExceptionHandler = false;
        ProcessTerminationTimeout = Timeout.InfiniteTimeSpan;
    }

    /// <summary>The world around the invocation.</summary>
    public Terminal Terminal { get; }
}
