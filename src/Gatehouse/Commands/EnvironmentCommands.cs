using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse environment list | create | delete</c>: where APIs can be deployed to.</summary>
internal static class EnvironmentCommands
{
    public static Command Create() =>
        new Command("environment", "Keep the environments that APIs are deployed to").With(List(), Make(), Delete());

    private static Command List() =>
        new Command("list", "List environments with their hosts, deployments and workers").Does(
            async (call, cancellation) =>
                call.Output.Items(
                    "Environment",
                    (await call.Manager.ListEnvironmentsAsync(cancellation, limit: 1000)).Items,
                    new("ENVIRONMENT", e => e.Name),
                    new("HOSTS", e => e.Hosts.IsEmpty ? "any" : string.Join(", ", e.Hosts)),
                    new("DEPLOYMENTS", e => $"{e.Deployments}"),
                    new("WORKERS", e => e.Workers.IsEmpty ? null : string.Join(", ", e.Workers), Drop: 1),
                    new("DESCRIPTION", e => e.Description, Drop: 2)
                )
        );

    private static Command Make()
    {
        var name = Name();
        var hosts = new Option<string[]>("--host")
        {
            Description = "A host name that its deployments answer on; several times for several (default: any)",
            HelpName = "HOST",
        };
        var description = new Option<string?>("--description") { Description = "What it is for", HelpName = "TEXT" };
        var update = new Option<bool>("--update")
        {
            Description = "Replace the hosts and the description of one that there is; its deployments move with it",
        };
        return new Command("create", "Make an environment, or change one")
            .With(name, hosts, description, update)
            .Does(
                async (call, cancellation) =>
                {
                    var ask = new SetEnvironment(call.Get(name), call.Get(description), call.Get(hosts) ?? []);
                    var made = call.Get(update)
                        ? await call.Manager.PutEnvironmentAsync(call.Get(name), ask, cancellation)
                        : await call.Manager.CreateEnvironmentAsync(ask, cancellation);
                    if (call.Output.Format != OutputFormat.Table)
                    {
                        call.Output.Item("Environment", made);
                        return;
                    }

                    call.Output.Say(
                        $"environment {made.Name} is there; its deployments answer on {(made.Hosts.IsEmpty ? "any host" : string.Join(", ", made.Hosts))}"
                    );
                    if (made.Workers.IsEmpty)
                    {
                        call.Output.Next($"gatehouse token create --profile gateway-worker --environment {made.Name}");
                    }
                }
            );
    }

    private static Command Delete()
    {
        var name = Name();
        var force = new Option<bool>("--force") { Description = "Undeploy what is deployed there" };
        return new Command("delete", "Delete an environment, once nothing needs it")
            .With(name, force)
            .Does(
                async (call, cancellation) =>
                {
                    await call.Manager.DeleteEnvironmentAsync(
                        call.Get(name),
                        cancellation,
                        force: call.Get(force) ? true : null
                    );
                    call.Output.Say($"environment {call.Get(name)} is deleted");
                }
            );
    }

    private static Argument<string> Name() =>
        new("name") { Description = "The environment's name", HelpName = "ENVIRONMENT" };
}
