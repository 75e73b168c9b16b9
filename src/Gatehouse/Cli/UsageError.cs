using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using Gatehouse.Model;

namespace Gatehouse.Cli;

/// <summary>Says what is wrong with a command line, names the nearest command or option, and where to read more.</summary>
internal static class UsageError
{
    public static ExitCode Print(ParseResult parsed, Terminal terminal)
    {
        var command = parsed.CommandResult.Command;
        var path = Path(parsed);
        var unknown = parsed.UnmatchedTokens.Count > 0 ? parsed.UnmatchedTokens[0] : null;
        if (unknown is not null)
        {
            var isOption = unknown.StartsWith('-');
            var known = isOption ? Options(parsed) : command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name);
            var kind =
                isOption ? "option"
                : command.Subcommands.Count > 0 ? "command"
                : "argument";
            terminal.Error.WriteLine($"error: unknown {kind} '{unknown}'");
            if (NearestName.Of(unknown, known) is { } nearest)
            {
                terminal.Error.WriteLine($"  fix    did you mean '{(isOption ? nearest : $"{path} {nearest}")}'?");
            }
            else
            {
                terminal.Error.WriteLine($"  fix    '{path} --help' lists what there is");
            }

            return ExitCode.Usage;
        }

        var isFixed = false;
        foreach (var error in parsed.Errors.DistinctBy(e => e.Message))
        {
            var (what, fix) = Read(error);
            terminal.Error.WriteLine($"error: {what}");
            if (fix is not null)
            {
                terminal.Error.WriteLine($"  fix    {fix}");
                isFixed = true;
            }
        }

        if (!isFixed)
        {
            terminal.Error.WriteLine(
                command.Subcommands.Count > 0
                    ? $"  fix    use one of: {string.Join(", ", command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))}"
                    : $"  fix    '{path} --help' shows how it is used"
            );
        }

        return ExitCode.Usage;
    }

    // Of a few words the parser says in lines of its own that it takes another; parsers of ours write the way out behind a semicolon.
    private static (string What, string? Fix) Read(ParseError error)
    {
        if (error.Message.Split("; ", 2) is [var what, var fix])
        {
            return (what, fix);
        }

        var (name, choices) = error.SymbolResult switch
        {
            OptionResult result => (result.Option.Name, Labels(result.Option)),
            ArgumentResult { Parent: OptionResult result } => (result.Option.Name, Labels(result.Option)),
            ArgumentResult result => (result.Argument.HelpName ?? result.Argument.Name, Labels(result.Argument)),
            _ => ("", []),
        };
        if (choices.Count == 0)
        {
            return (Said(error), null);
        }

        var wrong = error.SymbolResult!.Tokens.FirstOrDefault(t =>
            !choices.Contains(t.Value, StringComparer.OrdinalIgnoreCase)
        );
        return (
            wrong is null ? Said(error) : $"{name} cannot be '{wrong.Value}'",
            $"use one of: {string.Join(", ", choices)}"
        );

        static string Said(ParseError error) =>
            char.ToLowerInvariant(error.Message[0]) + error.Message[1..].TrimEnd('.');

        static List<string> Labels(Symbol symbol) =>
            [.. symbol.GetCompletions(CompletionContext.Empty).Select(item => item.Label)];
    }

    private static string Path(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (var result = parsed.CommandResult; result is not null; result = result.Parent as CommandResult)
        {
            names.Push(result.Command is RootCommand ? "gatehouse" : result.Command.Name);
        }

        return string.Join(' ', names);
    }

    private static IEnumerable<string> Options(ParseResult parsed) =>
        parsed
            .CommandResult.Command.Options.Concat(GlobalOptions.All)
            .SelectMany(option => option.Aliases.Append(option.Name));
}
