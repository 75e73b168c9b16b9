using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Configuration;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse login | logout | whoami</c>.</summary>
internal static class LoginCommands
{
    public static IEnumerable<Command> Create() => [Login(), Logout(), WhoAmI()];

    private static Command Login()
    {
        var link = new Argument<string?>("link")
        {
            Description = "The sign-in link that 'gatehouse init' printed, in quotes",
            HelpName = "LINK",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var code = new Option<string?>("--code") { Description = "Sign-in code, with --url", HelpName = "CODE" };
        var name = new Option<string?>("--name")
        {
            Description = "What to call the cluster here (default: its own name)",
            HelpName = "NAME",
        };
        var newLink = new Option<bool>("--new-link")
        {
            Description = "On a manager's machine: print a new sign-in link",
        };
        return new Command("login", "Sign in to a cluster; the token is kept for the commands to come")
            .With(link, code, name, newLink, NodeOptions.Data)
            .Does(
                (call, cancellation) =>
                    call.Get(newLink) ? NewLinkAsync(call, cancellation)
                    : call.Find(link) is null && call.Get(code) is null && call.Get(GlobalOptions.Manager) is [var url]
                        ? WithBrowserAsync(call, ManagerContextChoice.ParseUrl(url), call.Get(name), cancellation)
                    : SignInAsync(call, LinkOf(call, call.Find(link), call.Get(code)), call.Get(name), cancellation)
            );
    }

    private static SignInLink LinkOf(Call call, string? link, string? code)
    {
        if (link is not null)
        {
            // The name in it may lead nowhere yet: the balancer or the lines of the hosts file come later.
            var read = SignInLink.Parse(link);
            return call.Get(GlobalOptions.Manager) is [var other, ..]
                ? read with
                {
                    Manager = ManagerContextChoice.ParseUrl(other),
                }
                : read;
        }

        if (call.Get(GlobalOptions.Manager) is [var url] && code is not null)
        {
            return new SignInLink(ManagerContextChoice.ParseUrl(url), code, null);
        }

        throw new CommandFailure(
            ExitCode.Usage,
            "nothing to sign in with",
            fix: "with a browser: gatehouse login --url https://HOST:9443 --ca ca.pem; with a link: gatehouse login 'LINK'"
        );
    }

    private static async Task SignInAsync(Call call, SignInLink link, string? name, CancellationToken cancellation)
    {
        var path = Credentials.PathFor(call.Terminal);
        var credentials = Credentials.Load(path); // before the code is spent
        var ca =
            call.Get(GlobalOptions.Ca) is { } file ? await File.ReadAllTextAsync(file, cancellation)
            : link.Pin is { } pin ? await AuthorityFetch.PinnedAsync(link.Manager, pin, cancellation)
            : null;
        var context = new ManagerContext { Managers = [link.Manager], Ca = ca };
        var timeout = TimeSpan.FromSeconds(Math.Max(1, call.Get(GlobalOptions.Timeout)));

        IssuedToken issued;
        using (var anonymous = new ManagerClient(context, timeout))
        {
            issued = await new ManagerApi(anonymous).RedeemSignInCodeAsync(new(link.Code), cancellation);
        }

        await KeepAsync(call, context, issued, name, credentials, path, cancellation);
    }

    // What the browser agreed to is good for an hour; the token that is kept is made with it.
    private static async Task WithBrowserAsync(Call call, Uri manager, string? name, CancellationToken cancellation)
    {
        var path = Credentials.PathFor(call.Terminal);
        var credentials = Credentials.Load(path);
        var known = credentials.Contexts.Values.FirstOrDefault(c => c.Managers.Contains(manager));
        var ca = call.Get(GlobalOptions.Ca) is { } file ? await File.ReadAllTextAsync(file, cancellation) : known?.Ca;
        var access = await DeviceSignIn.RunAsync(
            manager,
            ca,
            (address, code) =>
            {
                call.Output.Say($"Open this page, sign in, and agree when it shows the code {code}:");
                call.Output.Line(address.AbsoluteUri);
            },
            cancellation
        );
        var context = new ManagerContext
        {
            Managers = [manager],
            Ca = ca,
            Token = access,
        };
        IssuedToken issued;
        using (var client = new ManagerClient(context, TimeSpan.FromSeconds(30)))
        {
            issued = await new ManagerApi(client).CreateMyTokenAsync(new(), cancellation);
        }

        await KeepAsync(call, context, issued, name, credentials, path, cancellation);
    }

    private static async Task KeepAsync(
        Call call,
        ManagerContext context,
        IssuedToken issued,
        string? name,
        Credentials credentials,
        string path,
        CancellationToken cancellation
    )
    {
        var timeout = TimeSpan.FromSeconds(Math.Max(1, call.Get(GlobalOptions.Timeout)));
        context = context with { Token = issued.Token };
        if (name is null)
        {
            using var client = new ManagerClient(context, timeout);
            name = (await new ManagerApi(client).GetStatusAsync(cancellation)).Cluster;
        }

        credentials.With(name, context).Save(path);
        call.Output.Say($"signed in to {name} as {issued.User} ({issued.Role})");
        call.Output.Next("gatehouse status");
    }

    private static async Task NewLinkAsync(Call call, CancellationToken cancellation)
    {
        var reply = await ControlSocket.AskAsync(
            NodeOptions.DataPath(call),
            new ControlRequest("sign-in-link"),
            TimeSpan.FromSeconds(10),
            cancellation
        );
        if (reply is not { Done: true, Data: { } data } || data["link"] is not { } link)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                reply.Summary,
                NodeOptions.DataPath(call),
                "run it on a manager's machine"
            );
        }

        call.Output.Say("One use, 15 minutes:");
        call.Output.Line(link.GetValue<string>());
    }

    private static Command Logout() =>
        new Command("logout", "Sign out: the token is revoked and forgotten").Does(
            async (call, cancellation) =>
            {
                var path = Credentials.PathFor(call.Terminal);
                var credentials = Credentials.Load(path);
                var name = call.Get(GlobalOptions.Context) ?? credentials.Current;
                if (name is null || !credentials.Contexts.ContainsKey(name))
                {
                    call.Output.Say("not signed in");
                    return;
                }

                try
                {
                    await call.Manager.SignOutAsync(cancellation);
                }
                catch (CommandFailure failure) when (failure.Code is ExitCode.Unreachable or ExitCode.TimedOut)
                {
                    call.Output.Warn($"the token is forgotten here but not revoked: {failure.Message}");
                }
                catch (CommandFailure failure) when (failure.Code == ExitCode.NotAllowed)
                {
                    // The manager does not know it any more: nothing to revoke.
                }

                credentials.Without(name).Save(path);
                call.Output.Say($"signed out of {name}");
            }
        );

    private static Command WhoAmI() =>
        new Command("whoami", "Show who you are signed in as and what you may do").Does(
            async (call, cancellation) =>
            {
                var me = await call.Manager.GetWhoamiAsync(cancellation);
                call.Output.Item(
                    "WhoAmI",
                    me,
                    ("user", me.User),
                    ("role", me.Role),
                    ("token", me.TokenId),
                    ("may", string.Join(", ", me.Permissions))
                );
            }
        );
}
