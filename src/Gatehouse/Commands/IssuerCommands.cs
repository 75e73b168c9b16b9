using System.CommandLine;
using System.Text;
using Gatehouse.Cli;
using Gatehouse.KeyManager;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse issuer create | list | show | delete | revoke | keys | rotate-keys</c>.</summary>
internal static class IssuerCommands
{
    public static Command Create() =>
        new Command("issuer", "Whose access tokens APIs take").With(
            New(),
            List(),
            Show(),
            Delete(),
            Revoke(),
            Keys(),
            RotateKeys()
        );

    private static Argument<string> Name() => new("name") { Description = "The issuer's name", HelpName = "NAME" };

    private static Command New()
    {
        var name = Name();
        var url = new Argument<string>("url") { Description = "The exact iss of its tokens", HelpName = "ISS" };
        var keys = new Option<string?>("--keys") { Description = "A JWK set", HelpName = "FILE" };
        var keysUrl = new Option<string?>("--keys-url") { Description = "Where its JWK set is", HelpName = "URL" };
        var discovery = new Option<bool>("--discovery")
        {
            Description = "Find the keys by ISS/.well-known/openid-configuration",
        };
        var audience = new Option<string[]>("--audience")
        {
            Description = "A token must be for one of these; may be given several times",
            HelpName = "AUD",
        };
        var algorithm = new Option<string[]>("--algorithm")
        {
            Description = "Take these algorithms only, such as ES256; may be given several times",
            HelpName = "ALG",
        };
        var clientClaim = new Option<string[]>("--client-claim")
        {
            Description = "The claim that names the client (default: azp, client_id or consumerKey)",
            HelpName = "CLAIM",
        };
        var scopeClaim = new Option<string?>("--scope-claim") { Description = "Default: scope", HelpName = "CLAIM" };
        var skew = Duration.Option("--clock-skew", "How far clocks may be apart (default: 30s)");
        var introspection = new Option<string?>("--introspection-url")
        {
            Description = "Where it is asked about opaque tokens (RFC 7662)",
            HelpName = "URL",
        };
        var introspectionClient = new Option<string?>("--introspection-client")
        {
            Description = "The client that the gateway asks as",
            HelpName = "ID",
        };
        var introspectionSecret = new Option<string?>("--introspection-secret")
        {
            Description = "That client's secret, in a file; - for standard input",
            HelpName = "FILE",
        };
        var memory = Duration.Option("--introspection-memory", "How long an answer counts (default: 60s)");
        var stale = Duration.Option(
            "--introspection-stale",
            "How long an active token goes on while the issuer is away (default: 5m)"
        );
        var environments = new Option<string[]>("--environment")
        {
            Description = "Take its tokens there only; may be given several times (default: everywhere)",
            HelpName = "ENVIRONMENT",
        };
        var update = new Option<bool>("--update") { Description = "Replace the issuer of that name" };
        return new Command("create", "Take access tokens of an issuer")
            .With(name, url, keys, keysUrl, discovery, audience, algorithm, clientClaim, scopeClaim, skew)
            .With(introspection, introspectionClient, introspectionSecret, memory, stale, environments, update)
            .Does(
                async (call, cancellation) =>
                {
                    var ask = new SetIssuer(
                        call.Get(name),
                        call.Get(url),
                        [.. call.Get(audience) ?? []],
                        call.Get(keys) is { } file
                            ? Encoding.UTF8.GetString(await DocumentSource.ReadAsync(file, cancellation))
                            : null,
                        call.Get(keysUrl),
                        call.Get(discovery),
                        [.. call.Get(algorithm) ?? []],
                        [.. call.Get(clientClaim) ?? []],
                        call.Get(scopeClaim),
                        (long?)call.Get(skew)?.TotalSeconds,
                        call.Get(introspection),
                        call.Get(introspectionClient),
                        await SecretText.ReadAsync(call.Get(introspectionSecret), cancellation),
                        (int?)call.Get(memory)?.TotalSeconds,
                        (int?)call.Get(stale)?.TotalSeconds,
                        call.Get(environments) is { Length: > 0 } named ? [.. named] : null
                    );
                    var made = call.Get(update)
                        ? await call.Manager.PutIssuerAsync(ask.Name, ask, cancellation)
                        : await call.Manager.CreateIssuerAsync(ask, cancellation);
                    Print(call, made);
                    call.Output.Next($"gatehouse key create APP --type oauth2 --issuer {made.Name} --client-id ID");
                }
            );
    }

    private static Command List() =>
        new Command("list", "List the issuers").Does(
            async (call, cancellation) =>
                call.Output.Items<Issuer>(
                    "Issuer",
                    await Pages.AllAsync(call.Manager.ListIssuersAsync, cancellation),
                    new("NAME", i => i.Name),
                    new("ISS", i => i.Url),
                    new("KEYS", KeysOf, Drop: 2),
                    new("AUDIENCES", i => i.Audiences.IsEmpty ? "any" : string.Join(", ", i.Audiences), Drop: 1)
                )
        );

    private static Command Show()
    {
        var name = Name();
        return new Command("show", "Show one issuer")
            .With(name)
            .Does(
                async (call, cancellation) =>
                    Print(call, await call.Manager.GetIssuerAsync(call.Get(name), cancellation))
            );
    }

    private static Command Delete()
    {
        var (name, yes) = (Name(), Confirmation.Yes());
        return new Command("delete", "Take no tokens of an issuer any more")
            .With(name, yes)
            .Does(
                async (call, cancellation) =>
                {
                    var issuer = call.Get(name);
                    Confirmation.Ask(call, yes, issuer, $"Deleting {issuer} ends every call with a token of it.");
                    await call.Manager.DeleteIssuerAsync(issuer, cancellation);
                    call.Output.Say($"{issuer} is deleted");
                }
            );
    }

    private static Command Revoke()
    {
        var name = Name();
        var jti = new Option<string?>("--jti") { Description = "The token's jti", HelpName = "JTI" };
        var token = new Option<string?>("--token")
        {
            Description = "The token itself, in a file; - for standard input",
            HelpName = "FILE",
        };
        var reason = new Option<string?>("--reason") { Description = "Why, for the audit", HelpName = "TEXT" };
        return new Command("revoke", "End one access token everywhere at once")
            .With(name, jti, token, reason)
            .Does(
                async (call, cancellation) =>
                {
                    // Never as an argument: that would stand in the shell's history and in the list of processes.
                    var text = call.Get(token) switch
                    {
                        null => null,
                        "-" => await Console.In.ReadToEndAsync(cancellation),
                        var file => await File.ReadAllTextAsync(file, cancellation),
                    };
                    var revoked = await call.Manager.RevokeTokenAsync(
                        new RevokeToken(text, text is null ? call.Get(name) : null, call.Get(jti), call.Get(reason)),
                        cancellation
                    );
                    call.Output.Item("Revocation", revoked, ("revoked", revoked.Name));
                }
            );
    }

    private static Command Keys() =>
        new Command("keys", "List the keys that sign this cluster's own tokens").Does(
            async (call, cancellation) =>
            {
                var manager = await call.Manager.GetKeyManagerAsync(cancellation);
                call.Output.Items(
                    "SigningKey",
                    manager.Keys,
                    new("KEY", k => k.Id),
                    new("SIGNS", k => k.Signs ? "now" : null),
                    new("FROM", k => $"{k.SignsFrom:u}"),
                    new("MADE", k => $"{k.CreatedAt:u}", Drop: 1)
                );
            }
        );

    private static Command RotateKeys()
    {
        var now = new Option<bool>("--now")
        {
            Description = "Sign with it within seconds instead of a day: the present one may be known to somebody",
        };
        return new Command(
            "rotate-keys",
            "Make a new key that signs this cluster's own tokens; those of the old one count on"
        )
            .With(now)
            .Does(
                async (call, cancellation) =>
                {
                    var key = await call.Manager.CreateSigningKeyAsync(new RotateKeys(call.Get(now)), cancellation);
                    call.Output.Item("SigningKey", key, ("key", key.Id), ("signs from", $"{key.SignsFrom:u}"));
                }
            );
    }

    private static void Print(Call call, Issuer issuer) =>
        call.Output.Item(
            "Issuer",
            issuer,
            ("name", issuer.Name),
            ("iss", issuer.Url),
            ("keys", KeysOf(issuer)),
            ("audiences", issuer.Audiences.IsEmpty ? "any" : string.Join(", ", issuer.Audiences)),
            ("environments", issuer.Environments.IsEmpty ? "all" : string.Join(", ", issuer.Environments)),
            ("algorithms", string.Join(", ", issuer.Algorithms)),
            ("client claim", string.Join(", ", issuer.ClientClaims)),
            ("scope claim", issuer.ScopeClaim),
            ("clock skew", Words.Span(issuer.ClockSkew)),
            (
                "opaque tokens",
                issuer.Introspection is { } asked
                    ? $"asked at {asked.Url}{(asked.ClientId is null ? "" : $" as {asked.ClientId}")}"
                    : null
            )
        );

    private static string KeysOf(Issuer issuer) =>
        issuer.Discovery
            ? "by discovery"
            : issuer.KeysUrl ?? (issuer.Keys is null ? "none: its tokens are opaque" : "in place");
}
