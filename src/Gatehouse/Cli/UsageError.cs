using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using Gatehouse.Model;

namespace Gatehouse.Cli;

/// <summary>What is wrong with a command line: names the nearest command or option, and where to read more.</summary>
internal static class UsageError
{
    /// <summary>Prints it as every failure is printed.</summary>
    public static ExitCode Print(ParseResult parsed, Terminal terminal)
    {
        new Output(terminal, FormatOf(parsed), quiet: false).Failure(Of(parsed));
        return ExitCode.Usage;
    }

    private static CommandFailure Of(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var path = Path(parsed);
        if (parsed.UnmatchedTokens is [var unknown, ..])
        {
            var isOption = unknown.StartsWith('-');
            var known = isOption ? Options(parsed) : command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name);
            var kind =
                isOption ? "option"
                : command.Subcommands.Count > 0 ? "command"
                : "argument";
            return new(
                ExitCode.Usage,
                $"unknown {kind} '{unknown}'",
                fix: NearestName.Of(unknown, known) is { } nearest
                    ? $"did you mean '{(isOption ? nearest : $"{path} {nearest}")}'?"
                    : $"'{path} --help' lists what there is"
            );
        }

        var faults = parsed.Errors.DistinctBy(e => e.Message).Select(Read).ToList();
        var readMore =
            faults.Any(f => f.Fix is not null) ? null
            : command.Subcommands.Count > 0
                ? $"use one of: {string.Join(", ", command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))}"
            : $"'{path} --help' shows how it is used";
        return faults is [var (what, fix)]
            ? new(ExitCode.Usage, what, fix: fix ?? readMore)
            : new(
                ExitCode.Usage,
                $"{faults.Count} mistakes on the command line",
                fix: readMore,
                problems: [.. faults.Select(f => new Problem("", f.What, f.Fix))]
            );
    }

    // One that is no format itself leaves the usual one.
    private static OutputFormat FormatOf(ParseResult parsed) =>
        parsed.GetResult(GlobalOptions.Format) is { Implicit: false } option && !option.Errors.Any()
            ? option.GetValueOrDefault<OutputFormat>()
            : OutputFormat.Table;

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
