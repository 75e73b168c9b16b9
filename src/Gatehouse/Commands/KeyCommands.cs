using System.CommandLine;
using System.Globalization;
using System.Text;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse key create | list | roll | revoke</c>.</summary>
internal static class KeyCommands
{
    public static Command Create() =>
        new Command(
            "key",
            "What applications prove themselves with: API keys, passwords, certificates, OAuth2 clients"
        ).With(New(), List(), Roll(), Revoke());

    private static Command New()
    {
        var app = AppCommands.Name();
        var sandbox = new Option<bool>("--sandbox") { Description = "For the sandbox endpoints" };
        var expires = Duration.Option("--expires", "How long it lives, such as 90d (default: for ever)");
        var type = new Option<string?>("--type") { Description = "apikey (default), basic, certificate or oauth2" };
        type.AcceptOnlyFromAmong("apikey", "basic", "certificate", "oauth2");
        var issuer = new Option<string?>("--issuer")
        {
            Description = "The issuer of an OAuth2 client",
            HelpName = "NAME",
        };
        var client = new Option<string?>("--client-id")
        {
            Description = "The id of an OAuth2 client at its issuer",
            HelpName = "ID",
        };
        var certificate = new Option<string?>("--certificate")
        {
            Description = "The certificate in PEM",
            HelpName = "FILE",
        };
        var from = new Option<string[]>("--from")
        {
            Description = "Take it from this network only; may be given several times",
            HelpName = "CIDR",
        };
        var referer = new Option<string[]>("--referer")
        {
            Description = "Take it with a Referer that begins like this only; may be given several times",
            HelpName = "URL",
        };
        var grant = new Option<string[]>("--grant")
        {
            Description =
                "What a client of the key manager may do (default: client_credentials); may be given several times",
            HelpName = "GRANT",
        };
        var redirect = new Option<string[]>("--redirect-uri")
        {
            Description = "Where that client's browsers may be sent back to; may be given several times",
            HelpName = "URL",
        };
        var isPublic = new Option<bool>("--public") { Description = "That client can keep no secret" };
        return new Command("create", "Make a key; its secret is printed this once")
            .With(app, type, sandbox, expires, issuer, client, certificate, from, referer, grant, redirect, isPublic)
            .Does(
                async (call, cancellation) =>
                {
                    var made = await call.Manager.CreateKeyOfApplicationAsync(
                        call.Get(app),
                        new CreateKey(
                            call.Get(sandbox),
                            (long?)call.Get(expires)?.TotalSeconds,
                            call.Get(type),
                            call.Get(issuer),
                            call.Get(client),
                            call.Get(certificate) is { } file
                                ? Encoding.UTF8.GetString(await DocumentSource.ReadAsync(file, cancellation))
                                : null,
                            [.. call.Get(from) ?? []],
                            [.. call.Get(referer) ?? []],
                            [.. call.Get(grant) ?? []],
                            [.. call.Get(redirect) ?? []],
                            call.Get(isPublic)
                        ),
                        cancellation
                    );
                    Print(call, made);
                    call.Output.Next(
                        made.Key.Type switch
                        {
                            "basic" => $"curl -u '{made.Key.Id}:KEY' https://HOST:8243/CONTEXT/VERSION/…",
                            "certificate" => "curl --cert CERT.pem --key KEY.pem https://HOST:8243/CONTEXT/VERSION/…",
                            "oauth2" when made.Secret is not null || made.Key.Issuer == "gatehouse" =>
                                $"curl -u '{made.Key.ClientId}:SECRET' -d grant_type=client_credentials https://HOST:8243/token",
                            "oauth2" => "curl -H 'Authorization: Bearer TOKEN' https://HOST:8243/CONTEXT/VERSION/…",
                            _ => "curl -H 'apikey: KEY' https://HOST:8243/CONTEXT/VERSION/…",
                        }
                    );
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
                        await Pages.AllAsync(
                            (stop, limit, offset) =>
                                call.Manager.ListKeysOfApplicationAsync(call.Get(app), stop, limit, offset),
                            cancellation
                        ),
                        new("ID", k => k.Id),
                        new("TYPE", k => k.Type, Drop: 3),
                        new("KEY", k => k.ClientId ?? k.Subject ?? $"gwk_…{k.LastFour}"),
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
                    var made = await call.Manager.RollKeyAsync(
                        call.Get(id),
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
                    await call.Manager.DeleteKeyAsync(call.Get(id), cancellation);
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

        if (made.Secret is not null)
        {
            call.Output.Line(made.Secret);
        }

        var end = made.Key.ExpiresAt is { } expires ? $", expires {Date(expires)}" : "";
        call.Output.Say(
            $"{made.Key.Id} of {made.Key.ApplicationName} ({(made.Key.Sandbox ? "sandbox" : "production")}{end}{(made.Key.Type == "basic" ? $", user {made.Key.Id}" : made.Key.ClientId is { } id ? $", client id {id}" : "")}){(made.Secret is null ? "" : "; it is not shown again")}"
        );
    }

    private static string Date(DateTimeOffset time) => time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
