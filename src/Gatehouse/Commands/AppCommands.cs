using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse app create | list | limit | about | give | suspend | resume | delete</c>.</summary>
internal static class AppCommands
{
    public static Command Create() =>
        new Command("app", "Applications: what API callers come as").With(
            New(),
            List(),
            Limit(),
            About(),
            Give(),
            Suspend(),
            Resume(),
            Delete()
        );

    /// <summary>Argument of every command about one application.</summary>
    public static Argument<string> Name() =>
        new("app") { Description = "The application: its name or id", HelpName = "APP" };

    private static Command New()
    {
        var name = new Argument<string>("name") { Description = "What to call it", HelpName = "NAME" };
        var policy = new Option<string?>("--policy")
        {
            Description = "What it may use, from 'gatehouse limit list' (default: without bound)",
            HelpName = "LIMIT",
        };
        return new Command("create", "Make an application")
            .With(name, policy)
            .Does(
                async (call, cancellation) =>
                {
                    var made = await call.Manager.CreateApplicationAsync(
                        new CreateApplication(call.Get(name), call.Get(policy)),
                        cancellation
                    );
                    call.Output.Item(
                        "Application",
                        made,
                        ("name", made.Name),
                        ("id", made.Id),
                        ("owner", made.Owner),
                        ("limit", made.Policy)
                    );
                    call.Output.Next($"gatehouse sub create {made.Name} API");
                }
            );
    }

    private static Command List() =>
        new Command("list", "List the applications").Does(
            async (call, cancellation) =>
                call.Output.Items<Application>(
                    "Application",
                    await Pages.AllAsync(call.Manager.ListApplicationsAsync, cancellation),
                    new("NAME", a => a.Name),
                    new("ID", a => a.Id),
                    new("OWNER", a => a.Owner),
                    new("STATE", a => a.Suspended ? "suspended" : "active", Drop: 1),
                    new("LIMIT", a => a.Policy ?? Plan.Unlimited, Drop: 2)
                )
        );

    private static Command Limit()
    {
        var name = Name();
        var policy = new Argument<string>("limit")
        {
            Description = "From 'gatehouse limit list'; Unlimited for none",
            HelpName = "LIMIT",
        };
        return new Command("limit", "Put an application under another limit")
            .With(name, policy)
            .Does(
                async (call, cancellation) =>
                {
                    var app = await call.Manager.PutPolicyOfApplicationAsync(
                        call.Get(name),
                        new SetPolicy(call.Get(policy)),
                        cancellation
                    );
                    call.Output.Say($"{app.Name} is under {app.Policy ?? Plan.Unlimited}");
                }
            );
    }

    private static Command About()
    {
        var name = Name();
        var rename = new Option<string?>("--name") { Description = "Another name" };
        var description = new Option<string?>("--description") { Description = "For people" };
        var group = new Option<string?>("--group")
        {
            Description = "The users who share it with its owner; none for nobody",
            HelpName = "USER[,USER]",
        };
        return new Command("about", "Change an application's name, description or who shares it")
            .With(name, rename, description, group)
            .Does(
                async (call, cancellation) =>
                {
                    var app = await call.Manager.PatchAboutOfApplicationAsync(
                        call.Get(name),
                        new ApplicationEdit
                        {
                            Name = call.Get(rename),
                            Description = call.Get(description),
                            Group = call.Get(group) switch
                            {
                                null => null,
                                "none" => [],
                                var users =>
                                [
                                    .. users.Split(
                                        ',',
                                        StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries
                                    ),
                                ],
                            },
                        },
                        cancellation
                    );
                    call.Output.Item(
                        "Application",
                        app,
                        ("name", app.Name),
                        ("id", app.Id),
                        ("owner", app.Owner),
                        ("description", app.Description),
                        ("shared with", app.Group.IsEmpty ? null : string.Join(", ", app.Group))
                    );
                }
            );
    }

    private static Command Give()
    {
        var name = Name();
        var owner = new Argument<string>("user") { Description = "The new owner", HelpName = "USER" };
        return new Command("give", "Give an application to another user; its keys and subscriptions stay")
            .With(name, owner)
            .Does(
                async (call, cancellation) =>
                {
                    var app = await call.Manager.PutOwnerOfApplicationAsync(
                        call.Get(name),
                        new ChangeOwner(call.Get(owner)),
                        cancellation
                    );
                    call.Output.Say($"{app.Name} is {app.Owner}'s");
                }
            );
    }

    private static Command Suspend() => Set("suspend", "Let none of its keys in, until it is resumed", suspended: true);

    private static Command Resume() =>
        Set("resume", "Let the keys of a suspended application in again", suspended: false);

    private static Command Set(string verb, string description, bool suspended)
    {
        var name = Name();
        return new Command(verb, description)
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    var app = await call.Manager.PatchApplicationAsync(
                        call.Get(name),
                        new SetApplication(suspended),
                        cancellation
                    );
                    call.Output.Say($"{app.Name} {(suspended ? "is suspended" : "may call again")}");
                }
            );
    }

    private static Command Delete()
    {
        var name = Name();
        var yes = Confirmation.Yes();
        return new Command("delete", "Delete an application, its subscriptions and its keys")
            .With(name, yes)
            .Does(
                async (call, cancellation) =>
                {
                    var app = await call.Manager.GetApplicationAsync(call.Get(name), cancellation);
                    Confirmation.Ask(
                        call,
                        yes,
                        app.Name,
                        $"Deleting {app.Name} ends its subscriptions and every call with one of its keys."
                    );
                    await call.Manager.DeleteApplicationAsync(app.Id, cancellation);
                    call.Output.Say($"{app.Name} is deleted");
                }
            );
    }
}
