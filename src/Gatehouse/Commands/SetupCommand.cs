using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Nodes;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse setup</c>: makes the catalogue's schema or brings it up to this build (seed: <c>-Dsetup</c>).</summary>
internal static class SetupCommand
{
    public static Command Create()
    {
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would be done; change nothing" };
        var newHistory = new Option<string?>("--new-history")
        {
            Description = "After a catalogue was put back from a copy: begin a new history, for this reason",
            HelpName = "REASON",
        };
        return new Command("setup", "Create the managers' database, or bring it up to this version")
            .With(dryRun, newHistory)
            .With(NodeOptions.All)
            .Does(
                (call, cancellation) =>
                    call.Get(newHistory) is { } reason
                        ? BeginHistoryAsync(call, reason, cancellation)
                        : RunAsync(call, call.Get(dryRun), cancellation)
            );
    }

    // Epochs of a copy that was put back mean other things than those the nodes hold: only a new history tells them so.
    private static async Task<ExitCode> BeginHistoryAsync(Call call, string reason, CancellationToken cancellation)
    {
        using var directory = DataDirectory.Open(NodeOptions.DataPath(call));
        using var database = ConfiguredDatabase.Of(NodeOptions.Read(call).Settings, directory.Path);
        await CatalogueSetup.ApplyAsync(database, cancellation);
        using var clusterKey = ClusterKey.Load(directory.Path);
        var secret = await new SecretStore(database, clusterKey).FindAsync(Founding.CatalogueKeySecret, cancellation);
        using var key = CatalogueKey.Load(
            secret
                ?? throw new CommandFailure(
                    ExitCode.NotFound,
                    "this data directory holds no catalogue of a cluster",
                    directory.Path
                )
        );
        using var catalogue = new Catalogue(database, key, TimeProvider.System);
        var head = await catalogue.BeginNewHistoryAsync(reason, new Actor("setup", "this machine"), cancellation);
        call.Output.Item("History", head, ("history", head.History), ("epoch", $"{head.Epoch}"));
        call.Output.Say("Start the manager; every node reads everything again, and status shows an alert.");
        return ExitCode.Done;
    }

    private static async Task<ExitCode> RunAsync(Call call, bool dryRun, CancellationToken cancellation)
    {
        var path = NodeOptions.DataPath(call);
        using var database = ConfiguredDatabase.Of(NodeOptions.Read(call).Settings, path);
        SetupPlan plan;
        try
        {
            if (dryRun)
            {
                plan = await CatalogueSetup.PlanAsync(database, cancellation);
            }
            else
            {
                // A running manager has migrated its own file already; a shared database is set up beside running managers.
                using var directory = database.Embedded ? DataDirectory.Open(path) : null;
                plan = await CatalogueSetup.ApplyAsync(database, cancellation);
            }
        }
        catch (Exception e) when (CatalogueDatabase.TroubleOf(e) is { } trouble)
        {
            throw ConfiguredDatabase.Failure(database, trouble, e);
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
            ("steps", plan.Pending.IsEmpty ? null : string.Join(", ", plan.Pending)),
            ("kept as it was", plan.Former)
        );
        if (!dryRun)
        {
            return ExitCode.Done;
        }

        call.Output.Say(plan.IsCurrent ? "nothing to do" : "dry run: nothing was changed");
        return plan.IsCurrent ? ExitCode.Done : ExitCode.Pending;
    }
}
