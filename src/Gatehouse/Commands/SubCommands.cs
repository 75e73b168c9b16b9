using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse sub create | list | state | delete</c>.</summary>
internal static class SubCommands
{
    public static Command Create() =>
        new Command("sub", "Subscriptions: which application may call which API").With(
            New(),
            List(),
            State(),
            Delete()
        );

    private static Command New()
    {
        var (app, api) = (AppCommands.Name(), ApiCommands.Name());
        var plan = new Option<string?>("--plan")
        {
            Description = "What it may use, from 'gatehouse plan list' (default: Unlimited)",
            HelpName = "PLAN",
        };
        return new Command("create", "Let an application call an API; again with another plan changes the plan")
            .With(app, api, plan)
            .Does(
                async (call, cancellation) =>
                {
                    var made = await call.Manager.CreateSubscriptionAsync(
                        new CreateSubscription(call.Get(app), call.Get(api), call.Get(plan)),
                        cancellation
                    );
                    call.Output.Item(
                        "Subscription",
                        made,
                        ("application", made.ApplicationName),
                        ("api", made.Api),
                        ("plan", made.Plan)
                    );
                    call.Output.Next($"gatehouse key create {made.ApplicationName}");
                }
            );
    }

    private static Command List()
    {
        var app = new Option<string?>("--app") { Description = "Only of this application", HelpName = "APP" };
        var api = new Option<string?>("--api") { Description = "Only to this API", HelpName = "API" };
        return new Command("list", "List the subscriptions")
            .With(app, api)
            .Does(
                async (call, cancellation) =>
                    call.Output.Items<SubscriptionView>(
                        "Subscription",
                        await Pages.AllAsync(
                            (stop, limit, offset) =>
                                call.Manager.ListSubscriptionsAsync(stop, call.Get(app), call.Get(api), limit, offset),
                            cancellation
                        ),
                        new("APPLICATION", s => s.ApplicationName),
                        new("API", s => s.Api),
                        new("STATE", s => Words.Of(s.State), Drop: 1),
                        new("PLAN", s => s.Plan)
                    )
            );
    }

    private static Command State()
    {
        var (app, api) = (AppCommands.Name(), ApiCommands.Name());
        var state = new Argument<string>("state")
        {
            Description = "active, blocked, production-blocked or on-hold",
            HelpName = "STATE",
        };
        state.AcceptOnlyFromAmong([.. Enum.GetValues<SubscriptionState>().Select(s => Words.Of(s))]);
        return new Command("state", "Block a subscription, put it on hold, or open it again")
            .With(app, api, state)
            .Does(
                async (call, cancellation) =>
                {
                    var set = await call.Manager.PatchSubscriptionAsync(
                        call.Get(app),
                        call.Get(api),
                        new SetSubscription(
                            Enum.GetValues<SubscriptionState>().First(s => Words.Of(s) == call.Get(state))
                        ),
                        cancellation
                    );
                    call.Output.Say($"The subscription of {set.ApplicationName} to {set.Api} is {Words.Of(set.State)}");
                }
            );
    }

    private static Command Delete()
    {
        var (app, api, yes) = (AppCommands.Name(), ApiCommands.Name(), Confirmation.Yes());
        return new Command("delete", "End a subscription")
            .With(app, api, yes)
            .Does(
                async (call, cancellation) =>
                {
                    Confirmation.Ask(
                        call,
                        yes,
                        call.Get(app),
                        $"Ending the subscription ends every call of {call.Get(app)} to {call.Get(api)}."
                    );
                    await call.Manager.DeleteSubscriptionAsync(call.Get(app), call.Get(api), cancellation);
                    call.Output.Say($"{call.Get(app)} may not call {call.Get(api)} any more");
                }
            );
    }
}
