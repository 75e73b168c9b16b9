using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse user create | list | invite | reset | roles | lock | unlock | sign-out | delete | sign-up</c>.</summary>
internal static class UserCommands
{
    public static Command Create() =>
        new Command("user", "The people who sign in, and what they may do").With(
            New(),
            List(),
            Link("invite", "Make a new link for somebody who was invited"),
            Link("reset", "Make a link with which a user sets a new password"),
            SetRoles(),
            Act(
                "lock",
                "Let a user in no more, from now on",
                "is locked: sessions and tokens count no more",
                (api, user, stop) => api.LockUserAsync(user, stop)
            ),
            Act(
                "unlock",
                "Let a user in: after a lock, too many wrong passwords, or a sign-up",
                "may sign in",
                (api, user, stop) => api.UnlockUserAsync(user, stop)
            ),
            RemoveAuthenticator(),
            Sessions(),
            Delete(),
            SignUp()
        );

    private static Argument<string> Name() => new("user") { Description = "The user name", HelpName = "USER" };

    private static Command New()
    {
        var name = Name();
        var roles = RoleOption();
        var fullName = new Option<string?>("--full-name") { Description = "How people call them", HelpName = "NAME" };
        var email = new Option<string?>("--email") { Description = "Where to reach them", HelpName = "ADDRESS" };
        return new Command("create", "Make a user; the link it prints lets them set a password, once, within 7 days")
            .With(name, roles, fullName, email)
            .Does(
                async (call, cancellation) =>
                    Print(
                        call,
                        await call.Manager.CreateUserAsync(
                            new CreateUser(
                                call.Get(name),
                                [.. call.Get(roles) ?? []],
                                call.Get(fullName),
                                call.Get(email)
                            ),
                            cancellation
                        )
                    )
            );
    }

    private static Command List() =>
        new Command("list", "List the users").Does(
            async (call, cancellation) =>
                call.Output.Items<UserView>(
                    "User",
                    await Pages.AllAsync(call.Manager.ListUsersAsync, cancellation),
                    new("USER", u => u.Name),
                    new("NAME", u => u.FullName ?? "", Drop: 3),
                    new("ROLES", u => string.Join(", ", u.Roles)),
                    new(
                        "STATE",
                        u =>
                            u.LockedOutUntil is not null ? "locked out"
                            : u.State == UserState.AwaitsApproval ? "awaits approval"
                            : u.State.ToString().ToLowerInvariant()
                    ),
                    new("2ND FACTOR", u => u.SecondFactor ? "yes" : "no", Drop: 1),
                    new("SIGNED IN", u => $"{Words.Ago(u.SignedInAt, DateTimeOffset.UtcNow)}", Drop: 2)
                )
        );

    private static Command Link(string verb, string description)
    {
        var name = Name();
        return new Command(verb, description)
            .With(name)
            .Does(
                async (call, cancellation) =>
                    Print(call, await call.Manager.CreateLinkOfUserAsync(call.Get(name), cancellation))
            );
    }

    private static Command SetRoles()
    {
        var name = Name();
        var roles = new Argument<string[]>("roles")
        {
            Description = $"Of {string.Join(", ", Roles.Names)}",
            HelpName = "ROLE",
            Arity = ArgumentArity.OneOrMore,
        };
        return new Command("roles", "Give a user these roles in place of those they have")
            .With(name, roles)
            .Does(
                async (call, cancellation) =>
                {
                    var user = await call.Manager.PutRolesOfUserAsync(
                        call.Get(name),
                        new SetRoles([.. call.Get(roles)!]),
                        cancellation
                    );
                    call.Output.Say($"{user.Name} is {string.Join(", ", user.Roles)}");
                }
            );
    }

    private static Command Act(
        string verb,
        string description,
        string done,
        Func<ManagerApi, string, CancellationToken, Task<UserView>> act
    )
    {
        var name = Name();
        return new Command(verb, description)
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    var user = await act(call.Manager, call.Get(name), cancellation);
                    call.Output.Say($"{user.Name} {done}");
                }
            );
    }

    private static Command RemoveAuthenticator()
    {
        var name = Name();
        return new Command("remove-authenticator", "Ask a user who lost their phone for no one-time code any more")
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    await call.Manager.DeleteAuthenticatorOfUserAsync(call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} signs in with the password alone");
                }
            );
    }

    private static Command Sessions()
    {
        var end = new Option<string?>("--end") { Description = "End this one", HelpName = "ID" };
        return new Command("sessions", "List where users are signed in, or end one")
            .With(end)
            .Does(
                async (call, cancellation) =>
                {
                    if (call.Get(end) is { } id)
                    {
                        await call.Manager.DeleteSessionAsync(id, cancellation);
                        call.Output.Say($"session {id} has ended");
                        return;
                    }

                    call.Output.Items<SessionView>(
                        "Session",
                        await Pages.AllAsync(
                            (stop, limit, offset) => call.Manager.ListSessionsAsync(stop, limit: limit, offset: offset),
                            cancellation
                        ),
                        new("SESSION", s => s.Id),
                        new("USER", s => s.User),
                        new("FROM", s => s.From),
                        new("USED", s => $"{Words.Ago(s.SeenAt, DateTimeOffset.UtcNow)} ago"),
                        new("BROWSER", s => s.Agent, Drop: 1)
                    );
                }
            );
    }

    private static Command Delete()
    {
        var (name, yes) = (Name(), Confirmation.Yes());
        return new Command("delete", "Delete a user and end all their access")
            .With(name, yes)
            .Does(
                async (call, cancellation) =>
                {
                    Confirmation.Ask(call, yes, call.Get(name), $"Deleting {call.Get(name)} ends all their access.");
                    await call.Manager.DeleteUserAsync(call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} is deleted");
                }
            );
    }

    private static Command SignUp()
    {
        var mode = new Argument<SignUpMode>("mode")
        {
            Description = "off: by invitation only; approval: an administrator lets each in; open: at once",
            HelpName = "MODE",
        };
        return new Command("sign-up", "Say whether developers may make accounts of their own")
            .With(mode)
            .Does(
                async (call, cancellation) =>
                {
                    var settings = await call.Manager.GetAccountSettingsAsync(cancellation);
                    await call.Manager.PutAccountSettingsAsync(settings with { SignUp = call.Get(mode) }, cancellation);
                    call.Output.Say($"sign-up is {call.Get(mode).ToString().ToLowerInvariant()}");
                }
            );
    }

    private static Option<string[]> RoleOption()
    {
        var option = new Option<string[]>("--role")
        {
            Description = $"Of {string.Join(", ", Roles.Names)}; may be given several times",
            HelpName = "ROLE",
            Required = true,
        };
        option.AcceptOnlyFromAmong([.. Roles.Names]);
        return option;
    }

    // The link alone on standard output, so that it can be piped into a mail.
    private static void Print(Call call, UserLink link)
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Item("UserLink", link);
            return;
        }

        if (link.MailedTo is { } mailbox)
        {
            call.Output.Say($"Mailed to {mailbox}; good once, until {link.ExpiresAt:u}");
            return;
        }

        if (link.Trouble is { } trouble)
        {
            call.Output.Warn($"it could not be mailed: {trouble}");
        }

        var manager = ManagerContextChoice.Of(call).Managers[0];
        call.Output.Say($"For {link.User}, once, until {link.ExpiresAt:u}:");
        call.Output.Line(new Uri(manager, link.Path).AbsoluteUri);
    }
}
