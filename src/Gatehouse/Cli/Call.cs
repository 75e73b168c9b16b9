using System.CommandLine;
using Gatehouse.Client;

namespace Gatehouse.Cli;

/// <summary>One invocation of one command: its arguments, where it prints, and the manager it talks to.</summary>
internal sealed class Call : IDisposable
{
    private ManagerClient? _client;

    public Call(ParseResult arguments, Terminal terminal)
    {
        Arguments = arguments;
        Terminal = arguments.GetValue(GlobalOptions.NoColor) ? terminal with { Color = false } : terminal;
        Output = new Output(
            Terminal,
            arguments.GetValue(GlobalOptions.Format),
            arguments.GetValue(GlobalOptions.Quiet)
        );
    }

    /// <summary>What the user typed.</summary>
    public ParseResult Arguments { get; }

    /// <summary>The world around.</summary>
    public Terminal Terminal { get; }

    /// <summary>Where results and messages go.</summary>
    public Output Output { get; }

    /// <summary>The way to the manager, with the saved or given address, certificate authority and token.</summary>
    public ManagerClient Client => _client ??= ManagerClient.For(this);

    /// <summary>The manager's REST API.</summary>
    public ManagerApi Manager => field ??= new(Client);

    /// <summary>An option's value.</summary>
    public T? Get<T>(Option<T> option) => Arguments.GetValue(option);

    /// <summary>An argument's value; the parser has made sure there is one.</summary>
    public T Get<T>(Argument<T> argument) => Arguments.GetRequiredValue(argument);

    /// <summary>An optional argument's value.</summary>
    public T? Find<T>(Argument<T> argument) => Arguments.GetValue(argument);

    public void Dispose() => _client?.Dispose();
}
