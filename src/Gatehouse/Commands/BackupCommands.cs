using System.CommandLine;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Nodes;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse backup create | verify | restore</c>: the managers' database as one file, whichever product it is in.</summary>
internal static class BackupCommands
{
    private static readonly Argument<string> s_file = new("FILE") { Description = "The backup" };

    public static Command Create() =>
        new Command("backup", "Save the managers' database, check a backup, put one back").With(
            CreateBackup(),
            Verify(),
            Restore()
        );

    private static Command CreateBackup()
    {
        var file = new Argument<string?>("FILE")
        {
            Description = "Where to (default: gatehouse-DATE.backup here)",
            Arity = ArgumentArity.ZeroOrOne,
        };
        return new Command("create", "Save the database of this manager to a file; the manager may run meanwhile")
            .With(file)
            .With(NodeOptions.All)
            .Does(
                async (call, cancellation) =>
                {
                    var now = DateTimeOffset.UtcNow;
                    var path = Path.GetFullPath(
                        call.Find(file)
                            ?? string.Create(CultureInfo.InvariantCulture, $"gatehouse-{now:yyyyMMdd-HHmmss}.backup")
                    );
                    using var database = ConfiguredDatabase.Of(
                        NodeOptions.Read(call).Settings,
                        NodeOptions.DataPath(call)
                    );
                    await RequireCatalogueAsync(database, cancellation);
                    var manifest = await GuardAsync(
                        database,
                        path,
                        () => Backups.CreateAsync(database, path, VersionCommand.Current, now, cancellation)
                    );
                    Print(call, path, manifest);
                    call.Output.Say(
                        "It is as secret as the database. The cluster key (pki/cluster.key) is not in it and opens it: keep that elsewhere."
                    );
                    return ExitCode.Done;
                }
            );
    }

    private static Command Verify() =>
        new Command("verify", "Read all of a backup and say whether it is whole")
            .With(s_file)
            .Does(
                (call, _) =>
                {
                    var path = Path.GetFullPath(call.Get(s_file));
                    try
                    {
                        Print(call, path, Backups.Verify(path));
                    }
                    catch (Exception e) when (e is BackupException or IOException or UnauthorizedAccessException)
                    {
                        throw new CommandFailure(ExitCode.Invalid, e.Message, path, CommandFailure.FileFix, cause: e);
                    }

                    return Task.CompletedTask;
                }
            );

    private static Command Restore()
    {
        var yes = Confirmation.Yes();
        return new Command(
            "restore",
            "Put a backup into the managers' database; every node reads everything again and serves on meanwhile"
        )
            .With(s_file, yes)
            .With(NodeOptions.All)
            .Does((call, cancellation) => RestoreAsync(call, yes, cancellation));
    }

    private static async Task<ExitCode> RestoreAsync(Call call, Option<bool> yes, CancellationToken cancellation)
    {
        var file = Path.GetFullPath(call.Get(s_file));
        var data = NodeOptions.DataPath(call);
        using var database = ConfiguredDatabase.Of(NodeOptions.Read(call).Settings, data);
        Confirmation.Ask(
            call,
            yes,
            "restore",
            $"This replaces everything in the {database.Description} by {file}. What was changed since is undone, but for rights that were taken."
        );

        // A SQLite file belongs to its manager, which must not run; a shared database is restored under running managers.
        using var directory = database.Embedded ? DataDirectory.Open(data) : null;
        using var key = LoadKey(data);
        var result = await GuardAsync(
            database,
            file,
            async () =>
            {
                await CatalogueSetup.ApplyAsync(database, cancellation);
                return await new Restore(database, key, Founding.CatalogueKeySecret, TimeProvider.System).FromAsync(
                    file,
                    new Actor("restore", "this machine"),
                    cancellation
                );
            }
        );
        call.Output.Item(
            "Restore",
            result,
            ("backup of", result.From.ToString("u", CultureInfo.InvariantCulture)),
            ("history", result.History),
            ("epoch", $"{result.Epoch}"),
            ("undone", result.UndoneInAll == 0 ? "nothing" : $"{result.UndoneInAll} changes")
        );
        foreach (var change in result.Undone.Take(20))
        {
            call.Output.Say($"  undone: {change.Kind} {change.Name} was {change.What} (epoch {change.Epoch})");
        }

        if (result.UndoneInAll > 20)
        {
            call.Output.Say($"  and {result.UndoneInAll - 20} more; the audit lists them");
        }

        call.Output.Say(
            database.Embedded
                ? "Start the manager; every node reads everything again, and status shows an alert."
                : "Every node reads everything again, and status shows an alert."
        );
        return ExitCode.Done;
    }

    private static ClusterKey LoadKey(string data)
    {
        try
        {
            return ClusterKey.Load(data);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new CommandFailure(ExitCode.NotFound, e.Message, data, cause: e);
        }
    }

    private static async Task RequireCatalogueAsync(CatalogueDatabase database, CancellationToken cancellation)
    {
        var plan = await GuardAsync(
            database,
            database.Description,
            () => CatalogueSetup.PlanAsync(database, cancellation)
        );
        if (plan.Creates)
        {
            throw new CommandFailure(
                ExitCode.NotFound,
                "there is no catalogue to save",
                database.Description,
                "name the manager's own --data directory and configuration"
            );
        }

        if (!plan.IsCurrent)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                "the catalogue is of another version than this build",
                database.Description,
                plan.Unknown.IsEmpty ? "run 'gatehouse setup' first" : "use the newer build that wrote it"
            );
        }
    }

    private static async Task<T> GuardAsync<T>(CatalogueDatabase database, string path, Func<Task<T>> act)
    {
        try
        {
            return await act();
        }
        catch (BackupException e)
        {
            throw new CommandFailure(ExitCode.Invalid, e.Message, path, CommandFailure.FileFix, cause: e);
        }
        catch (Exception e) when (CatalogueDatabase.TroubleOf(e) is { } trouble)
        {
            throw ConfiguredDatabase.Failure(database, trouble, e);
        }
        catch (InvalidOperationException e)
        {
            throw new CommandFailure(ExitCode.Failed, e.Message, path, CommandFailure.FileFix, cause: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCode.Failed, e.Message, path, CommandFailure.FileFix, cause: e);
        }
    }

    private static void Print(Call call, string path, BackupManifest manifest) =>
        call.Output.Item(
            "Backup",
            manifest,
            ("file", path),
            ("made", manifest.CreatedAt.ToString("u", CultureInfo.InvariantCulture)),
            ("by", $"Gatehouse {manifest.Version}"),
            ("history", manifest.History),
            ("epoch", $"{manifest.Epoch}"),
            ("rows", $"{manifest.Tables.Sum(t => t.Rows)} in {manifest.Tables.Length} tables")
        );
}
