using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse plan create | list | show | delete</c>.</summary>
internal static class PlanCommands
{
    public static Command Create() =>
        new Command("plan", "Business plans: what a subscription may use").With(New(), List(), Show(), Delete());

    private static Command New()
    {
        var name = Name();
        var rate = Rate.Option("--rate", "What it may use, such as 5000/min or 2GB/day (default: without bound)");
        var burst = new Option<int?>("--burst")
        {
            Description = "Most requests a second (default: without bound)",
            HelpName = "N",
        };
        var goesOn = new Option<bool>("--no-stop")
        {
            Description = "Go on beyond the quota; what runs over is counted",
        };
        var billing = new Option<string>("--billing")
        {
            Description = "What it costs, for display",
            HelpName = "TEXT",
            DefaultValueFactory = _ => "free",
        };
        var description = LimitCommands.Description();
        var update = LimitCommands.Update();
        return new Command("create", "Make a plan")
            .With(name, rate, burst, goesOn, billing, description, update)
            .Does(
                async (call, cancellation) =>
                {
                    var plan = new Plan
                    {
                        Name = call.Get(name),
                        Description = call.Get(description) ?? "",
                        Quota = call.Get(rate),
                        Burst = call.Get(burst),
                        StopOnQuotaReach = !call.Get(goesOn),
                        Billing = call.Get(billing)!,
                    };
                    Print(
                        call,
                        call.Get(update)
                            ? await call.Manager.PutPlanAsync(plan.Name, plan, cancellation)
                            : await call.Manager.CreatePlanAsync(plan, cancellation)
                    );
                    call.Output.Next($"gatehouse sub create APP API --plan {plan.Name}");
                }
            );
    }

    private static Command List() =>
        new Command("list", "List the plans").Does(
            async (call, cancellation) =>
                call.Output.Items<Plan>(
                    "Plan",
                    await Pages.AllAsync(call.Manager.ListPlansAsync, cancellation),
                    new("NAME", p => p.Name),
                    new("RATE", p => LimitCommands.Text(p.Quota)),
                    new("BURST", p => LimitCommands.Burst(p.Burst)),
                    new("AT THE QUOTA", p => p.StopOnQuotaReach == true ? "stops" : "goes on", Drop: 2),
                    new("BILLING", p => p.Billing, Drop: 1)
                )
        );

    private static Command Show()
    {
        var name = Name();
        return new Command("show", "Show one plan")
            .With(name)
            .Does(
                async (call, cancellation) => Print(call, await call.Manager.GetPlanAsync(call.Get(name), cancellation))
            );
    }

    private static Command Delete()
    {
        var (name, yes) = (Name(), Confirmation.Yes());
        return new Command("delete", "Delete a plan that no subscription is on")
            .With(name, yes)
            .Does(
                async (call, cancellation) =>
                {
                    Confirmation.Ask(call, yes, call.Get(name), $"Deleting {call.Get(name)} cannot be taken back.");
                    await call.Manager.DeletePlanAsync(call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} is deleted");
                }
            );
    }

    private static void Print(Call call, Plan plan)
    {
        call.Output.Item(
            "Plan",
            plan,
            ("name", plan.Name),
            ("description", plan.Description.Length == 0 ? null : plan.Description),
            ("rate", LimitCommands.Text(plan.Quota)),
            ("burst", LimitCommands.Burst(plan.Burst)),
            ("at the quota", plan.StopOnQuotaReach == true ? "stops" : "goes on"),
            ("billing", plan.Billing)
        );
        LimitCommands.SayHowItIsDivided(call);
    }

    private static Argument<string> Name() => new("name") { Description = "The plan", HelpName = "PLAN" };
}
