using System.CommandLine;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Wso2;

namespace Gatehouse.Commands;

/// <summary>
/// <c>gatehouse import wso2-db</c>: applications, subscriptions, consumer keys and secrets, and tokens that count, from an old
/// database. Secrets and tokens are hashed here; only hashes leave this machine.
/// </summary>
internal static class ImportDatabaseCommand
{
    /// <summary>Holds the address of a running database, so that its password is in no list of processes.</summary>
    public const string Variable = "GATEHOUSE_WSO2_DATABASE";

    public static Command Create()
    {
        var dump = new Argument<string?>("dump")
        {
            Description = "An SQL dump of WSO2AM_DB, of MySQL or PostgreSQL; left out for a running PostgreSQL",
            HelpName = "FILE",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var connection = new Option<string?>("--connection-file")
        {
            Description =
                $"File with postgresql://USER:PASSWORD@HOST/DATABASE of the running database (or {Variable} in the environment)",
            HelpName = "FILE",
        };
        var zone = new Option<string>("--time-zone")
        {
            Description = "How far ahead of UTC the times of the database are, such as +02:00 (default: UTC)",
            HelpName = "OFFSET",
            DefaultValueFactory = _ => "+00:00",
        };
        var to = new Option<string>("--out")
        {
            Description = "Where to write the report (default: gatehouse-import)",
            HelpName = "DIR",
            DefaultValueFactory = _ => "gatehouse-import",
        };
        var apply = new Option<bool>("--apply")
        {
            Description = "Take over into the cluster you are signed in to; safe to do again",
        };
        var all = new Option<bool>("--all")
        {
            Description = "Print every line; without it, what is not needed is counted",
        };
        return new Command(
            "wso2-db",
            "Take over applications, keys and tokens from a WSO2 database, so that no client has to change"
        )
            .With(dump, connection, zone, to, apply, all)
            .Does(
                async (call, cancellation) =>
                {
                    var offset = Offset(call.Get(zone)!);
                    var now = DateTimeOffset.UtcNow;
                    var import = call.Get(dump) is { } file
                        ? Import.ReadDump(file, now, offset)
                        : await ReadRunningAsync(call, call.Get(connection), now, offset, cancellation);
                    ImportCommands.EnsureRead(import);
                    var folder = Path.GetFullPath(call.Get(to)!);
                    ImportFiles.Write(folder, import);
                    ImportCommands.Print(call, import, folder, call.Get(all));
                    var failed = call.Get(apply) ? await ApplyAsync(call, import, cancellation) : 0;
                    return ImportCommands.End(call, import, folder, failed);
                }
            );
    }

    private static TimeSpan Offset(string text)
    {
        var digits = text.AsSpan(text is ['+' or '-', ..] ? 1 : 0);
        return
            TimeSpan.TryParseExact(digits, @"hh\:mm", CultureInfo.InvariantCulture, out var offset)
            && offset <= TimeSpan.FromHours(14)
            ? text[0] == '-'
                ? -offset
                : offset
            : throw new CommandFailure(
                ExitCode.Usage,
                $"'{text}' is no offset from UTC",
                fix: "write it as +02:00 or -05:30"
            );
    }

    private static Task<Import> ReadRunningAsync(
        Call call,
        string? connectionFile,
        DateTimeOffset now,
        TimeSpan offset,
        CancellationToken cancellation
    )
    {
        var text = connectionFile is null ? call.Terminal.Environment(Variable) : ReadFile(connectionFile);
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new CommandFailure(
                ExitCode.Usage,
                "There is neither a dump nor the address of a running database",
                fix: $"name an SQL dump, or set {Variable} or --connection-file"
            );
        }

        var old = OldPostgreSql.Of(text.Trim());
        return Import.ReadDatabaseAsync(old.Name, now, offset, database => old.ReadAsync(database, cancellation));
    }

    private static string ReadFile(string path)
    {
        try
        {
            return File.ReadLines(path).FirstOrDefault() ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCode.Failed, e.Message, path, CommandFailure.FileFix, cause: e);
        }
    }

    // Plans first: subscriptions name them. What fails is told, the rest goes on.
    private static async Task<int> ApplyAsync(Call call, Import import, CancellationToken cancellation)
    {
        var failed = await ImportCommands.ApplyLimitsAsync(call, import, cancellation);
        foreach (var application in import.Applications)
        {
            try
            {
                var (id, subscriptions, clients, tokens) = ("", 0, 0, 0);
                var left = new SortedSet<string>(StringComparer.Ordinal);
                foreach (var request in application.Requests(TakenApplication.MostTokens))
                {
                    var taken = await call.Manager.TakeOverApplicationAsync(
                        ImportCommands.As<TakenApplication>(request, $"{application.Name} of {application.Owner}"),
                        cancellation
                    );
                    (id, subscriptions, clients) = (taken.Application, taken.Subscriptions, taken.Clients);
                    tokens += taken.Tokens;
                    left.UnionWith(taken.Left);
                }

                call.Output.Say(
                    $"{application.Name} of {application.Owner} is {id}: {subscriptions} subscriptions, {clients} clients, {tokens} tokens"
                );
                foreach (var reason in left)
                {
                    call.Output.Say($"  left out: {reason}");
                    failed++;
                }
            }
            catch (CommandFailure failure) when (failure.Code is not (ExitCode.Unreachable or ExitCode.NotAllowed))
            {
                call.Output.Failure(failure);
                failed++;
            }
        }

        return failed;
    }
}
