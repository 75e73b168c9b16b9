using System.CommandLine;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse key create | list | roll | revoke</c>.</summary>
internal static class KeyCommands
{
    public static Command Create() =>
        new Command("key", "API keys of applications").With(New(), List(), Roll(), Revoke());

    private static Command New()
    {
        var app = AppCommands.Name();
        var sandbox = new Option<bool>("--sandbox") { Description = "For the sandbox endpoints" };
        var expires = Duration.Option("--expires", "How long it lives, such as 90d (default: for ever)");
        return new Command("create", "Make a key; it is printed this once")
            .With(app, sandbox, expires)
            .Does(
                async (call, cancellation) =>
                {
                    var made = await call.Manager.PostAsync<CreatedKey>(
                        $"{AppCommands.PathOf(call.Get(app))}/keys",
                        new CreateKey(call.Get(sandbox), (long?)call.Get(expires)?.TotalSeconds),
                        cancellation
                    );
                    Print(call, made);
                    call.Output.Next("curl -H 'apikey: KEY' https://HOST:8243/CONTEXT/VERSION/…");
                }
            );
    }

    private static Command List()
    {
        var app = AppCommands.Name();
        return new Command("list", "List the keys of an application")
            .With(app)
            .Does(
                async (call, cancellation) =>
                    call.Output.Items<KeyView>(
                        "Key",
                        await Pages.AllAsync<KeyView>(call, $"{AppCommands.PathOf(call.Get(app))}/keys", cancellation),
                        new("ID", k => k.Id),
                        new("KEY", k => $"gwk_…{k.LastFour}"),
                        new("FOR", k => k.Sandbox ? "sandbox" : "production"),
                        new("CREATED", k => Date(k.CreatedAt), Drop: 1),
                        new("EXPIRES", k => k.ExpiresAt is { } end ? Date(end) : "never")
                    )
            );
    }

    private static Command Roll()
    {
        var id = Id();
        var overlap = Duration.Option("--overlap", "How long the old key lives on, such as 24h (default: not at all)");
        return new Command("roll", "Make a key in place of another")
            .With(id, overlap)
            .Does(
                async (call, cancellation) =>
                {
                    var time = call.Get(overlap) ?? TimeSpan.Zero;
                    var made = await call.Manager.PostAsync<CreatedKey>(
                        $"keys/{Uri.EscapeDataString(call.Get(id))}/roll",
                        new RollKey((long)time.TotalSeconds),
                        cancellation
                    );
                    Print(call, made);
                    call.Output.Say(
                        time == TimeSpan.Zero
                            ? $"{call.Get(id)} is revoked"
                            : $"{call.Get(id)} is good for another {Words.Span(time)}"
                    );
                }
            );
    }

    private static Command Revoke()
    {
        var (id, yes) = (Id(), Confirmation.Yes());
        return new Command("revoke", "End a key everywhere at once")
            .With(id, yes)
            .Does(
                async (call, cancellation) =>
                {
                    Confirmation.Ask(call, yes, call.Get(id), $"Revoking {call.Get(id)} ends every call with it.");
                    await call.Manager.DeleteAsync($"keys/{Uri.EscapeDataString(call.Get(id))}", cancellation);
                    call.Output.Say($"{call.Get(id)} is revoked");
                }
            );
    }

    private static Argument<string> Id() =>
        new("id") { Description = "The key's id, from 'gatehouse key list APP'", HelpName = "ID" };

    // The key alone on standard output, so that KEY=$(gatehouse key create MyApp) works.
    private static void Print(Call call, CreatedKey made)
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Item("Key", made);
            return;
        }

        call.Output.Line(made.Secret);
        var end = made.Key.ExpiresAt is { } expires ? $", expires {Date(expires)}" : "";
        call.Output.Say(
            $"{made.Key.Id} of {made.Key.ApplicationName} ({(made.Key.Sandbox ? "sandbox" : "production")}{end}); it is not shown again"
        );
    }

    private static string Date(DateTimeOffset time) => time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
