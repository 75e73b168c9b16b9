using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse api lifecycle API [ACTION]</c>.</summary>
internal static class LifecycleCommand
{
    public static Command Create()
    {
        var name = ApiCommands.Name();
        var action = new Argument<string?>("action")
        {
            Description = "The step; without one, where the API stands and what may follow",
            HelpName = "ACTION",
            Arity = ArgumentArity.ZeroOrOne,
        };
        action.AcceptOnlyFromAmong([.. Enum.GetValues<LifecycleAction>().Select(LifecycleWords.Of)]);
        var deprecate = new Option<bool>("--deprecate-older")
        {
            Description = "With publish: deprecate every older published version",
        };
        var anew = new Option<bool>("--require-resubscription")
        {
            Description = "With publish: subscribers of older versions do not come along",
        };
        var comment = new Option<string?>("--message", "-m") { Description = "Why, for the history" };
        var yes = Confirmation.Yes();
        return new Command("lifecycle", "Show where an API stands in its life, or take it a step further")
            .With(name, action, deprecate, anew, comment, yes)
            .Does(
                async (call, cancellation) =>
                {
                    if (call.Find(action) is not { } word)
                    {
                        Show(call, await call.Manager.GetLifecycleOfApiAsync(call.Get(name), cancellation));
                        return;
                    }

                    var step = Enum.GetValues<LifecycleAction>().First(a => LifecycleWords.Of(a) == word);
                    if (step == LifecycleAction.Retire)
                    {
                        var before = await call.Manager.GetLifecycleOfApiAsync(call.Get(name), cancellation);
                        Confirmation.Ask(
                            call,
                            yes,
                            before.Api,
                            $"Retiring {before.Api} ends every call to it and all its subscriptions, for ever."
                        );
                    }

                    var view = await call.Manager.ChangeLifecycleOfApiAsync(
                        call.Get(name),
                        new LifecycleRequest(step, call.Get(deprecate), call.Get(anew), call.Get(comment)),
                        cancellation
                    );
                    call.Output.Say(
                        view.PendingTask is { } task
                            ? $"{view.Api} is {LifecycleWords.Of(view.State)}; the step waits for approval (task {task})"
                            : $"{view.Api} is {LifecycleWords.Of(view.State)}"
                    );
                    Show(call, view);
                }
            );
    }

    private static void Show(Call call, LifecycleView view)
    {
        call.Output.Item(
            "Lifecycle",
            view,
            ("api", view.Api),
            ("state", LifecycleWords.Of(view.State)),
            (
                "next",
                view.Actions.IsEmpty
                    ? "nothing"
                    : string.Join(", ", view.Actions.Select(a => LifecycleWords.Of(a.Action)))
            )
        );
        if (call.Output.Format == OutputFormat.Table && !view.History.IsEmpty)
        {
            call.Output.Line("");
            call.Output.Items<LifecycleStep>(
                "Step",
                view.History,
                new("WHEN", s => s.At.ToString("yyyy-MM-dd HH:mm", System.Globalization.CultureInfo.InvariantCulture)),
                new("FROM", s => LifecycleWords.Of(s.From)),
                new("TO", s => LifecycleWords.Of(s.To)),
                new("BY", s => s.By),
                new("COMMENT", s => s.Comment, Drop: 1)
            );
        }
    }
}
