using System.CommandLine;

namespace Gatehouse.Cli;

/// <summary>How a command gets its body: every failure becomes an exit code and a message, never a stack trace.</summary>
internal static class CommandExtensions
{
    /// <summary>Sets the body; it says what the process exits with.</summary>
    public static Command Does(this Command command, Func<Call, CancellationToken, Task<ExitCode>> body)
    {
        command.SetAction(
            async (arguments, cancellation) =>
            {
                var terminal = ((TerminalInvocation)arguments.InvocationConfiguration).Terminal;
                using var call = new Call(arguments, terminal);
                return (int)await RunAsync(call, body, cancellation);
            }
        );
        return command;
    }

    /// <summary>Sets the body; to come to its end is success.</summary>
    public static Command Does(this Command command, Func<Call, CancellationToken, Task> body) =>
        command.Does(
            async (call, cancellation) =>
            {
                await body(call, cancellation);
                return ExitCode.Done;
            }
        );

    /// <summary>Adds options, arguments and subcommands in one expression.</summary>
    public static Command With(this Command command, params ReadOnlySpan<Symbol> symbols)
    {
        foreach (var symbol in symbols)
        {
            switch (symbol)
            {
                case Command child:
                    command.Add(child);
                    break;
                case Option option:
                    command.Add(option);
                    break;
                case Argument argument:
                    command.Add(argument);
                    break;
                default:
                    throw new ArgumentException($"{symbol.GetType().Name} cannot be added to a command.");
            }
        }

        return command;
    }

    private static async Task<ExitCode> RunAsync(
        Call call,
        Func<Call, CancellationToken, Task<ExitCode>> body,
        CancellationToken cancellation
    )
    {
        try
        {
            return await body(call, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (CommandFailure failure)
        {
            call.Output.Failure(failure);
            return failure.Code;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var failure = new CommandFailure(ExitCode.Failed, e.Message, fix: CommandFailure.FileFix, cause: e);
            call.Output.Failure(failure);
            return failure.Code;
        }
        catch (Exception e)
        {
            var verbose = call.Get(GlobalOptions.Verbose);
            call.Output.Failure(
                new CommandFailure(
                    ExitCode.Failed,
                    $"internal error: {e.Message}",
                    fix: verbose ? null : "run the command again with -vv and report what it prints",
                    cause: e
                )
            );
            if (verbose)
            {
                call.Output.Message(e.ToString());
            }

            return ExitCode.Failed;
        }
    }
}
