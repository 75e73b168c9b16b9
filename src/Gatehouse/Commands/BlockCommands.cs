using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse block add | list | remove</c>.</summary>
internal static class BlockCommands
{
    public static Command Create() =>
        new Command("block", "Turn callers away: an API, an application, a user, a subscription, addresses").With(
            Add(),
            List(),
            Remove()
        );

    private static Command Add()
    {
        var kind = new Argument<string>("kind") { Description = BlockTarget.Words, HelpName = "KIND" };
        kind.AcceptOnlyFromAmong([.. BlockTarget.Words.Split(", ")]);
        var value = new Argument<string>("value")
        {
            Description = "Which one; addresses as 203.0.113.7, 203.0.113.1-203.0.113.9 or 203.0.113.0/24",
            HelpName = "VALUE",
        };
        var invert = new Option<bool>("--all-but") { Description = "With ip: block every other address" };
        var disabled = new Option<bool>("--off") { Description = "Keep it in the list without effect" };
        var reason = new Option<string?>("--reason") { Description = "Why, for people", HelpName = "TEXT" };
        return new Command("add", "Block; takes effect on every worker within a second")
            .With(kind, value, invert, disabled, reason)
            .Does(
                async (call, cancellation) =>
                {
                    var made = await call.Manager.CreateBlockAsync(
                        new CreateBlock(
                            call.Get(kind),
                            call.Get(value),
                            call.Get(invert),
                            !call.Get(disabled),
                            call.Get(reason)
                        ),
                        cancellation
                    );
                    call.Output.Item(
                        "Block",
                        made,
                        ("name", made.Name),
                        ("in force", made.Enabled ? "yes" : "no"),
                        ("reason", made.Reason)
                    );
                    call.Output.Next($"gatehouse block remove '{made.Name}'");
                }
            );
    }

    private static Command List() =>
        new Command("list", "List the blocks").Does(
            async (call, cancellation) =>
                call.Output.Items<BlockView>(
                    "Block",
                    await Pages.AllAsync(call.Manager.ListBlocksAsync, cancellation),
                    new("NAME", b => b.Name),
                    new("IN FORCE", b => b.Enabled ? "yes" : "no"),
                    new("BY", b => b.By, Drop: 1),
                    new("REASON", b => b.Reason, Drop: 2)
                )
        );

    private static Command Remove()
    {
        var name = new Argument<string>("name")
        {
            Description = "The block's name, from 'gatehouse block list'",
            HelpName = "NAME",
        };
        return new Command("remove", "Let callers in again")
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    await call.Manager.DeleteBlockAsync(call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} is not blocked any more");
                }
            );
    }
}
