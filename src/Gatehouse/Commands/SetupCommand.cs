using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse setup</c>: makes the catalogue's schema or brings it up to this build (seed: <c>-Dsetup</c>).</summary>
internal static class SetupCommand
{
    public static Command Create()
    {
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would be done; change nothing" };
        return new Command("setup", "Create the manager's database, or bring it up to this version")
            .With(NodeOptions.Data, dryRun)
            .Does((call, cancellation) => RunAsync(call, call.Get(dryRun), cancellation));
    }

    private static async Task<ExitCode> RunAsync(Call call, bool dryRun, CancellationToken cancellation)
    {
        var path = NodeOptions.DataPath(call);
        var database = CatalogueDatabase.Sqlite(DataDirectory.CatalogueFile(path));
        SetupPlan plan;
        try
        {
            if (dryRun)
            {
                plan = await CatalogueSetup.PlanAsync(database, cancellation);
            }
            else
            {
                using var directory = DataDirectory.Open(path); // a running manager has migrated already
                plan = await CatalogueSetup.ApplyAsync(database, cancellation);
            }
        }
        catch (InvalidOperationException e)
        {
            throw new CommandFailure(ExitCode.Failed, e.Message, path, cause: e);
        }

        call.Output.Item(
            "Setup",
            plan,
            ("database", plan.Database),
            (
                "schema",
                plan.IsCurrent
                    ? "up to date"
                    : (plan.Creates, dryRun) switch
                    {
                        (true, false) => "created",
                        (false, false) => "migrated",
                        (true, true) => "to be created",
                        _ => "to be migrated",
                    }
            ),
            ("steps", plan.Pending.IsEmpty ? null : string.Join(", ", plan.Pending))
        );
        if (!dryRun)
        {
            return ExitCode.Done;
        }

        call.Output.Say(plan.IsCurrent ? "nothing to do" : "dry run: nothing was changed");
        return plan.IsCurrent ? ExitCode.Done : ExitCode.Pending;
    }
}
