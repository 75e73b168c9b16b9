using System.CommandLine;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse alert list | rules | set | delete | test | secret</c>: what is wrong, and whom to tell.</summary>
internal static class AlertCommands
{
    public static Command Create() =>
        new Command("alert", "What is wrong now, and whom to tell of it").With(
            List(),
            Rules(),
            Set(),
            Delete(),
            Test(),
            Secret()
        );

    private static Argument<string> Name() => new("rule") { Description = "The rule's name", HelpName = "RULE" };

    private static Command List() =>
        new Command("list", "List what rules have told of and is not over").Does(
            async (call, cancellation) =>
                call.Output.Items<RaisedAlert>(
                    "RaisedAlert",
                    await Pages.AllAsync(call.Manager.ListAlertsAsync, cancellation),
                    new("RULE", a => a.Rule),
                    new("ABOUT", a => a.Key),
                    new("SINCE", a => a.Since.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture), Drop: 1),
                    new("MESSAGE", a => a.Message)
                )
        );

    private static Command Rules() =>
        new Command("rules", "List the rules; addresses of webhooks are secrets and are cut").Does(
            async (call, cancellation) =>
                call.Output.Items<AlertRule>(
                    "AlertRule",
                    [
                        .. (await Pages.AllAsync(call.Manager.ListAlertRulesAsync, cancellation)).Select(r =>
                            r with
                            {
                                Webhooks = [.. r.Webhooks.Select(Cut)],
                            }
                        ),
                    ],
                    new("RULE", r => r.Name),
                    new("ON", r => Dashed(r.On)),
                    new("NARROWED", r => r.Node ?? r.Api ?? "", Drop: 2),
                    new("TELLS", r => string.Join(", ", r.Webhooks.Concat(r.Emails))),
                    new("SIGNED", r => r.Signed ? "yes" : "no", Drop: 1),
                    new("MUTED", r => r.Muted ? "yes" : "no", Drop: 3)
                )
        );

    private static Command Set()
    {
        var name = Name();
        var on = new Option<string>("--on") { Description = "What it watches", Required = true };
        on.AcceptOnlyFromAmong([.. Enum.GetValues<AlertTrigger>().Select(Dashed)]);
        var node = new Option<string?>("--node") { Description = "Only this node", HelpName = "NODE" };
        var api = new Option<string?>("--api")
        {
            Description = "Only this API, name:version; of error-rate",
            HelpName = "API",
        };
        var percent = new Option<double>("--percent") { Description = "More failures in a hundred than that; 5" };
        var minutes = new Option<int>("--minutes") { Description = "Within so many minutes; 5" };
        var atLeast = new Option<long>("--at-least") { Description = "Of at least so many requests; 20" };
        var webhooks = new Option<string[]>("--webhook")
        {
            Description = "An address that gets a JSON document; again for another",
            HelpName = "URL",
        };
        var emails = new Option<string[]>("--email")
        {
            Description = "A mailbox; again for another",
            HelpName = "ADDRESS",
        };
        var muted = new Option<bool>("--muted") { Description = "Tell nobody for now" };
        return new Command("set", "Make a rule, or put another in its place")
            .With(name, on, node, api, percent, minutes, atLeast, webhooks, emails, muted)
            .Does(
                async (call, cancellation) =>
                {
                    var rule = await call.Manager.PutAlertRuleAsync(
                        call.Get(name),
                        new AlertRule
                        {
                            Name = call.Get(name),
                            On = Enum.GetValues<AlertTrigger>().First(t => Dashed(t) == call.Get(on)),
                            Node = call.Get(node),
                            Api = call.Get(api),
                            Percent = call.Get(percent),
                            Minutes = call.Get(minutes),
                            AtLeast = call.Get(atLeast),
                            Webhooks = [.. call.Get(webhooks) ?? []],
                            Emails = [.. call.Get(emails) ?? []],
                            Muted = call.Get(muted),
                        },
                        cancellation
                    );
                    call.Output.Say($"{rule.Name} tells {rule.Webhooks.Length + rule.Emails.Length}");
                    call.Output.Next($"gatehouse alert test {rule.Name}");
                }
            );
    }

    private static Command Delete()
    {
        var (name, yes) = (Name(), Confirmation.Yes());
        return new Command("delete", "Delete a rule")
            .With(name, yes)
            .Does(
                async (call, cancellation) =>
                {
                    Confirmation.Ask(call, yes, call.Get(name), $"Nobody is told any more by rule {call.Get(name)}.");
                    await call.Manager.DeleteAlertRuleAsync(call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} is deleted");
                }
            );
    }

    private static Command Test()
    {
        var name = Name();
        return new Command("test", "Tell all that a rule names that this is a test")
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    var told = await call.Manager.TestAlertRuleAsync(call.Get(name), cancellation);
                    if (told.Told < told.Of)
                    {
                        throw new CommandFailure(
                            ExitCode.Partly,
                            $"{told.Told} of {told.Of} were told",
                            call.Get(name),
                            told.Reason
                        );
                    }

                    call.Output.Say($"{told.Told} of {told.Of} were told");
                }
            );
    }

    private static Command Secret()
    {
        var name = Name();
        return new Command("secret", "Sign a rule's webhooks from now on; prints the secret to check them by, once")
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    var made = await call.Manager.CreateSecretOfAlertRuleAsync(call.Get(name), cancellation);
                    if (call.Output.Format != OutputFormat.Table)
                    {
                        call.Output.Item("WebhookSecret", made);
                        return;
                    }

                    call.Output.Say("The secret is shown once; one before counts no more:");
                    call.Output.Line(made.Secret);
                }
            );
    }

    private static string Dashed(AlertTrigger trigger) =>
        System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName($"{trigger}");

    private static string Cut(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var read) ? $"{read.GetLeftPart(UriPartial.Authority)}/…" : "…";
}
