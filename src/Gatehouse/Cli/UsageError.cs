using System.CommandLine;
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

        foreach (var message in parsed.Errors.Select(e => e.Message.TrimEnd('.')).Distinct())
        {
            terminal.Error.WriteLine($"error: {char.ToLowerInvariant(message[0])}{message[1..]}");
        }

        terminal.Error.WriteLine(
            command.Subcommands.Count > 0
                ? $"  fix    use one of: {string.Join(", ", command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))}"
                : $"  fix    '{path} --help' shows how it is used"
        );
        return ExitCode.Usage;
    }

    private static string Path(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (
            var result = parsed.CommandResult;
            result is not null;
            result = result.Parent as System.CommandLine.Parsing.CommandResult
        )
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
