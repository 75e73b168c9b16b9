using System.CommandLine;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse task list | approve | reject | settings</c>: what waits for approval.</summary>
internal static class TaskCommands
{
    public static Command Create() =>
        new Command("task", "What waits for approval").With(
            List(),
            Decide("approve", "Allow it, and do it", approve: true),
            Decide("reject", "Do not allow it", approve: false),
            Settings()
        );

    private static Command List()
    {
        var all = new Option<bool>("--all") { Description = "Also what was decided within 90 days" };
        return new Command("list", "List the tasks you may decide, and your own")
            .With(all)
            .Does(
                async (call, cancellation) =>
                    call.Output.Items<ApprovalTask>(
                        "Task",
                        await Pages.AllAsync(
                            (stop, limit, offset) =>
                                call.Manager.ListTasksAsync(stop, call.Get(all) ? null : "pending", limit, offset),
                            cancellation
                        ),
                        new("ID", t => t.Id),
                        new("KIND", t => t.Kind.ToString().ToLowerInvariant()),
                        new("WHAT", t => t.Summary),
                        new("BY", t => t.RequestedBy, Drop: 1),
                        new(
                            "SINCE",
                            t => t.RequestedAt.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
                            Drop: 2
                        ),
                        new(
                            "STATE",
                            t => t.State.ToString().ToLowerInvariant() + (t.DecidedBy is { } by ? $" by {by}" : "")
                        )
                    )
            );
    }

    private static Command Decide(string verb, string description, bool approve)
    {
        var id = new Argument<string>("task") { Description = "From 'gatehouse task list'", HelpName = "ID" };
        var comment = new Option<string?>("--message", "-m") { Description = "Why" };
        return new Command(verb, description)
            .With(id, comment)
            .Does(
                async (call, cancellation) =>
                {
                    var task = await call.Manager.DecideTaskAsync(
                        call.Get(id),
                        new Decision(approve, call.Get(comment)),
                        cancellation
                    );
                    call.Output.Say($"{(approve ? "approved" : "rejected")}: {task.Summary}");
                }
            );
    }

    private static Command Settings()
    {
        var kinds = new Argument<string[]>("kinds")
        {
            Description =
                "What has to be approved: applications, subscriptions, keys, lifecycle; none for nothing; without any, shows",
            HelpName = "KIND",
            Arity = ArgumentArity.ZeroOrMore,
        };
        kinds.AcceptOnlyFromAmong("applications", "subscriptions", "keys", "lifecycle", "none");
        return new Command("settings", "Show or set what has to be approved")
            .With(kinds)
            .Does(
                async (call, cancellation) =>
                {
                    var settings = call.Find(kinds) is { Length: > 0 } wanted
                        ? await call.Manager.PutApprovalSettingsAsync(
                            new ApprovalSettings
                            {
                                Applications = wanted.Contains("applications"),
                                Subscriptions = wanted.Contains("subscriptions"),
                                Keys = wanted.Contains("keys"),
                                Lifecycle = wanted.Contains("lifecycle"),
                            },
                            cancellation
                        )
                        : await call.Manager.GetApprovalSettingsAsync(cancellation);
                    call.Output.Item(
                        "ApprovalSettings",
                        settings,
                        ("applications", settings.Applications ? "by a publisher" : "at once"),
                        ("subscriptions", settings.Subscriptions ? "by a publisher" : "at once"),
                        ("keys", settings.Keys ? "by a publisher" : "at once"),
                        ("lifecycle", settings.Lifecycle ? "by an administrator" : "at once")
                    );
                }
            );
    }
}
