using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse deploy | undeploy | rollback</c>.</summary>
internal static class DeployCommands
{
    public static IEnumerable<Command> Create() => [Deploy(), Undeploy(), Rollback()];

    /// <summary>Options of every command that can wait for the workers.</summary>
    public static (Option<bool> Wait, Option<int> Patience) WaitOptions()
    {
        var patience = new Option<int>("--timeout")
        {
            Description = "Seconds to wait with --wait",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => 30,
        };
        patience.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 3600)
            {
                result.AddError("--timeout is between 1 and 3600 seconds");
            }
        });
        return (new("--wait") { Description = "Wait until every worker has answered" }, patience);
    }

    /// <summary>Names an environment; null for the default one.</summary>
    public static Option<string?> Environment() =>
        new("--environment", "-e") { Description = "Where (default: default)", HelpName = "ENVIRONMENT" };

    /// <summary>A revision as a person writes it: <c>3</c> or <c>r3</c>.</summary>
    public static int? ParseRevision(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (
            int.TryParse(text.AsSpan().TrimStart('r'), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number > 0
        )
        {
            return number;
        }

        result.AddError($"'{text}' is no revision; write r3");
        return null;
    }

    /// <summary>Deploys and reports.</summary>
    public static async Task<ExitCode> DeployAsync(
        Call call,
        string api,
        int? revision,
        string? message,
        bool wait,
        TimeSpan patience,
        CancellationToken cancellation,
        int? canary = null,
        string? environment = null
    )
    {
        var view = await call.Manager.DeployApiAsync(
            api,
            new DeployRequest(revision, message, canary, environment),
            cancellation
        );
        if (view is { CanaryRevision: { } beside, CanaryPercent: { } percent })
        {
            call.Output.Say($"r{beside} is for {percent} of a hundred callers, r{view.Revision} for the others");
        }

        return await Progress.ReportAsync(call, view, wait, patience, cancellation);
    }

    private static Command Deploy()
    {
        var name = ApiCommands.Name();
        var revision = new Option<int?>("--revision")
        {
            Description = "An earlier revision instead of the definition as it stands",
            HelpName = "rN",
            CustomParser = ParseRevision,
        };
        var message = new Option<string?>("--message", "-m") { Description = "What is new, for the list of revisions" };
        var canary = new Option<int?>("--canary")
        {
            Description =
                "For so many of a hundred callers only, beside what runs; deploy a revision without it to end that",
            HelpName = "PERCENT",
        };
        var environment = Environment();
        var (wait, patience) = WaitOptions();
        return new Command("deploy", "Put an API on the gateways")
            .With(name, environment, revision, canary, message, wait, patience)
            .Does(
                (call, cancellation) =>
                    DeployAsync(
                        call,
                        call.Get(name),
                        call.Get(revision),
                        call.Get(message),
                        call.Get(wait),
                        TimeSpan.FromSeconds(call.Get(patience)),
                        cancellation,
                        call.Get(canary),
                        call.Get(environment)
                    )
            );
    }

    private static Command Undeploy()
    {
        var name = ApiCommands.Name();
        var yes = Confirmation.Yes();
        var environment = Environment();
        var (wait, patience) = WaitOptions();
        return new Command("undeploy", "Take an API off the gateways; its definition and revisions stay")
            .With(name, environment, yes, wait, patience)
            .Does(
                async (call, cancellation) =>
                {
                    var api = await call.Manager.GetApiAsync(call.Get(name), cancellation);
                    var id = api.Summary.Id;
                    var place = call.Get(environment);
                    Confirmation.Ask(
                        call,
                        yes,
                        id,
                        $"Undeploying {id} ends every call to {api.Summary.Address}{(place is null ? "" : $" in {place}")}."
                    );
                    var view = await call.Manager.UndeployApiAsync(id, cancellation, environment: place);
                    return await Progress.ReportAsync(
                        call,
                        view,
                        call.Get(wait),
                        TimeSpan.FromSeconds(call.Get(patience)),
                        cancellation
                    );
                }
            );
    }

    private static Command Rollback()
    {
        var name = ApiCommands.Name();
        var revision = new Argument<int?>("revision")
        {
            Description = "The revision to go back to (default: the one before what runs)",
            HelpName = "rN",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = ParseRevision,
        };
        var environment = Environment();
        var (wait, patience) = WaitOptions();
        return new Command("rollback", "Deploy an earlier revision again")
            .With(name, revision, environment, wait, patience)
            .Does(
                async (call, cancellation) =>
                {
                    var view = await call.Manager.RollBackApiAsync(
                        call.Get(name),
                        new RollbackRequest(call.Find(revision), call.Get(environment)),
                        cancellation
                    );
                    return await Progress.ReportAsync(
                        call,
                        view,
                        call.Get(wait),
                        TimeSpan.FromSeconds(call.Get(patience)),
                        cancellation
                    );
                }
            );
    }
}
