using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse mail show | set | delete | test</c>: the server that takes mail of alerts, invitations and resets.</summary>
internal static class MailCommands
{
    public static Command Create() =>
        new Command("mail", "The server that mail goes out by").With(Show(), Set(), Delete(), Test());

    private static Command Show() =>
        new Command("show", "Show the server; its password is shown to nobody").Does(
            async (call, cancellation) =>
            {
                var settings = await call.Manager.GetMailSettingsAsync(cancellation);
                if (settings.Host.Length == 0 && call.Output.Format == OutputFormat.Table)
                {
                    call.Output.Say("No mail server is set: links of invitations and resets have to be copied.");
                    call.Output.Next("gatehouse mail set HOST --from ADDRESS");
                    return;
                }

                call.Output.Item(
                    "MailSettings",
                    settings,
                    ("Server", $"{settings.Host}:{settings.Port}"),
                    ("TLS", settings.Plain ? "no" : "STARTTLS"),
                    ("Sender", settings.From),
                    ("User", settings.User),
                    ("Password", settings.HasPassword ? "kept" : null)
                );
            }
        );

    private static Command Set()
    {
        var host = new Argument<string>("host") { Description = "The server's name or address", HelpName = "HOST" };
        var from = new Option<string>("--from")
        {
            Description = "Who the mail is from",
            HelpName = "ADDRESS",
            Required = true,
        };
        var port = new Option<int>("--port") { Description = "Its port", DefaultValueFactory = _ => 587 };
        var user = new Option<string?>("--user") { Description = "Whom to sign in as", HelpName = "NAME" };
        var password = new Option<string?>("--password")
        {
            Description = "That user's password, in a file; - for standard input (default: the one that is kept)",
            HelpName = "FILE",
        };
        var plain = new Option<bool>("--plain") { Description = "Without TLS, for a server on this machine" };
        return new Command("set", "Say by which server mail goes out")
            .With(host, from, port, user, password, plain)
            .Does(
                async (call, cancellation) =>
                {
                    var settings = await call.Manager.PutMailSettingsAsync(
                        new()
                        {
                            Host = call.Get(host),
                            Port = call.Get(port),
                            From = call.Get(from)!,
                            User = call.Get(user),
                            Password = await SecretText.ReadAsync(call.Get(password), cancellation),
                            Plain = call.Get(plain),
                        },
                        cancellation
                    );
                    call.Output.Say($"mail goes out by {settings.Host}:{settings.Port}");
                    call.Output.Next("gatehouse mail test ADDRESS");
                }
            );
    }

    private static Command Delete()
    {
        var yes = Confirmation.Yes();
        return new Command("delete", "Send no mail any more, and forget the password")
            .With(yes)
            .Does(
                async (call, cancellation) =>
                {
                    var settings = await call.Manager.GetMailSettingsAsync(cancellation);
                    if (settings.Host.Length == 0)
                    {
                        call.Output.Say("no mail server is set");
                        return;
                    }

                    Confirmation.Ask(
                        call,
                        yes,
                        settings.Host,
                        "Alert rules reach no mailbox any more; links of invitations and resets have to be copied."
                    );
                    await call.Manager.PutMailSettingsAsync(new(), cancellation);
                    call.Output.Say("no mail is sent any more");
                }
            );
    }

    private static Command Test()
    {
        var to = new Argument<string>("address") { Description = "The mailbox", HelpName = "ADDRESS" };
        return new Command("test", "Send a mail that says it is a test")
            .With(to)
            .Does(
                async (call, cancellation) =>
                {
                    var told = await call.Manager.TestMailSettingsAsync(new(call.Get(to)), cancellation);
                    if (told.Reason is { } reason)
                    {
                        throw new CommandFailure(ExitCode.Failed, "the test did not go out", call.Get(to), reason);
                    }

                    call.Output.Say($"a test for {call.Get(to)} went out");
                }
            );
    }
}
