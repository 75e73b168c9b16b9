using System.Globalization;
using System.Text;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Gatehouse.Wso2;

/// <summary><c>deployment.toml</c> of 3.x and 4.x: every key by the name of its table and its own.</summary>
internal static class DeploymentToml
{
    private const int MaxKeys = 20_000;

    // Beginning of a key → verdict; the longest wins.
    private static readonly Dictionary<string, Verdict> s_verdicts = new(StringComparer.Ordinal)
    {
        ["server"] = Verdict.NotNeeded("of the old server's inside"),
        ["server.mode"] = Verdict.NotNeeded("nodes run what their profile says"),
        ["user_store"] = Verdict.NeedsYou(
            "users are those of gatehouse, or of your OpenID provider: gatehouse issuer create"
        ),
        ["database"] = Verdict.NotNeeded("of the old connection pool; there is one database, of the managers"),
        ["keystore"] = Verdict.NotNeeded("belongs to the keystore"),
        ["truststore"] = Verdict.NotNeeded("backends are judged by the certificates that this machine trusts"),
        ["super_admin"] = Verdict.NotNeeded(
            "there is no account by default: the first start prints a link that signs in once"
        ),
        ["apim.gateway.environment"] = Verdict.NotNeeded(
            "nodes tell the managers where they are; nothing has to be listed"
        ),
        ["apim.cors"] = Verdict.NeedsYou(
            "CORS is said by each API: add the cors policy to those that pages call; APIs that are imported have theirs"
        ),
        ["apim.jwt"] = Verdict.NotNeeded("of the JWT for backends"),
        ["apim.analytics"] = Verdict.NotNeeded(
            "metrics are at listen.health, /metrics; usage is counted by the managers"
        ),
        ["apim.throttling"] = Verdict.NotNeeded(
            "limits are counted by the workers themselves, over all of them together"
        ),
        ["apim.key_manager"] = Verdict.NotNeeded(
            "workers validate tokens themselves; other issuers: gatehouse issuer create"
        ),
        ["apim.event_hub"] = Verdict.NotNeeded("changes go over the feed"),
        ["apim.sync_runtime_artifacts"] = Verdict.NotNeeded("changes go over the feed"),
        ["apim.cache"] = Verdict.NotNeeded("tokens are kept until they end or are revoked"),
        ["apim.devportal"] = Verdict.NotNeeded("of the old portal"),
        ["apim.publisher"] = Verdict.NotNeeded("of the old publisher"),
        ["apim.ai"] = Verdict.NotNeeded("of WSO2's own services"),
        ["apim.oauth_config"] = Verdict.NotNeeded("headers of tokens are said by each API"),
        ["apim.token"] = Verdict.NotNeeded("of the old key manager"),
        ["apim"] = Verdict.NeedsYou("find out what it is for, and set its counterpart if there is one"),
        ["event_handler"] = Verdict.NotNeeded("of the old server's inside"),
        ["event_listener"] = Verdict.NotNeeded("of the old server's inside"),
        ["service_provider"] = Verdict.NotNeeded("of the old server's inside"),
        ["oauth"] = Verdict.NotNeeded("of the old key manager"),
        ["transport.https"] = Verdict.NotNeeded("of the old transport's inside"),
        ["transport.http"] = Verdict.NotNeeded("of the old transport's inside"),
        ["transport.passthru_https"] = Verdict.NotNeeded("of the old transport's inside"),
        ["tenant"] = Verdict.NotNeeded("there are no tenants to load"),
        ["governance"] = Verdict.NotNeeded("of the old registry"),
        ["cache"] = Verdict.NotNeeded("of the old server's inside"),
        ["clustering"] = Verdict.NeedsYou("this parameter is not known to any version that was read for this"),
    };

    public static void Read(string path, HomeDraft home)
    {
        if (SafeFile.Read(path, home.Log) is not { } bytes)
        {
            return;
        }

        DocumentSyntax document;
        try
        {
            document = SyntaxParser.Parse(Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF'), path, true);
        }
        catch (Exception e)
            when (e
                    is InvalidOperationException
                        or ArgumentException
                        or FormatException
                        or OverflowException
                        or Tomlyn.TomlException
            )
        {
            home.Log.Problem(
                new Place(path, 1, 1),
                "",
                $"this is not TOML: {e.Message.Split('\n')[0]}",
                "mend the file"
            );
            return;
        }

        foreach (var fault in document.Diagnostics)
        {
            home.Log.Problem(
                At(path, fault.Span),
                "",
                $"this is not TOML: {fault.Message}",
                "mend the file at this place"
            );
        }

        if (document.HasErrors)
        {
            return;
        }

        var keys = Keys(document, path).Take(MaxKeys).ToList();
        var values = keys.GroupBy(k => k.Name, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        foreach (var key in keys)
        {
            One(key, values, home);
        }
    }

    private static IEnumerable<TomlKey> Keys(DocumentSyntax document, string path)
    {
        foreach (var pair in document.KeyValues)
        {
            yield return Of("", pair, path);
        }

        foreach (var table in document.Tables)
        {
            foreach (var pair in table.Items)
            {
                yield return Of(NameOf(table.Name), pair, path);
            }
        }
    }

    private static TomlKey Of(string table, KeyValueSyntax pair, string path)
    {
        var name = NameOf(pair.Key);
        return new(table.Length == 0 ? name : $"{table}.{name}", Text(pair.Value), At(path, pair.Span));
    }

    private static void One(TomlKey key, Dictionary<string, TomlKey> values, HomeDraft home)
    {
        switch (key.Name)
        {
            case "server.hostname":
                home.HostName = key.Text;
                home.Set("hosts.gateway", new HomeValue.List([(key.Text, key.Place)]), key.Place);
                Tell(Outcome.Converted, "hosts.gateway");
                break;
            case "server.offset":
                if (home.OffsetIsGiven)
                {
                    Tell(Outcome.NotNeeded, note: "-DportOffset on the command line wins");
                    break;
                }

                home.Set("portOffset", key.Text, key.Place);
                Tell(Outcome.Converted, "portOffset");
                break;
            case "transport.https.properties.proxyPort"
                when int.TryParse(key.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var port):
                home.HttpsProxyPort ??= (port, key.Place);
                Tell(Outcome.Converted, home.IsWorker ? "publicUrls.gateway.https" : "publicUrls.management");
                break;
            case "transport.http.properties.proxyPort"
                when int.TryParse(key.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var plain):
                home.HttpProxyPort ??= (plain, key.Place);
                Tell(Outcome.Converted, "publicUrls.gateway.http");
                break;
            case "apim.gateway.environment.http_endpoint"
            or "apim.gateway.environment.https_endpoint" when !key.Text.Contains('$'):
                var target = key.Name.EndsWith("https_endpoint", StringComparison.Ordinal)
                    ? "publicUrls.gateway.https"
                    : "publicUrls.gateway.http";
                home.Set(target, key.Text.TrimEnd('/'), key.Place);
                Tell(Outcome.Converted, target);
                break;
            case "database.apim_db.url":
                Tell(
                    JdbcDatabase.Take(
                        home,
                        key.Text,
                        values.GetValueOrDefault("database.apim_db.username")?.Text,
                        key.Place,
                        out var outcome,
                        out var note
                    )
                        ? Outcome.Converted
                        : outcome,
                    outcome == Outcome.Converted ? "database" : null,
                    note
                );
                break;
            case "database.apim_db.type"
                when key.Text is not ("h2" or "postgre" or "postgresql")
                    && !values.ContainsKey("database.apim_db.url")
                    && !home.IsWorker:
                Tell(
                    Outcome.NeedsYou,
                    note: $"{key.Text} is no database of a manager here: sqlite for one manager, postgresql for several (database.provider)"
                );
                break;
            case "apim.jwt.enable" when key.Text == "true":
                Tell(
                    Outcome.NeedsYou,
                    note: "backends were told of the caller in a signed JWT (X-JWT-Assertion): add the backend-jwt policy to the APIs whose backends read it"
                );
                break;
            default:
                Judge(key, home.Log);
                break;
        }

        void Tell(Outcome outcome, string? target = null, string? note = null) =>
            home.Log.Add(new Finding(outcome, key.Place, key.Name, key.Text, target, note));
    }

    private static void Judge(TomlKey key, ReadingLog log)
    {
        if (Secrets.IsSecret(key.Name.Split('.')[^1]) && key.Text.Length > 0 && !Secrets.IsReference(key.Text))
        {
            log.Add(
                new Finding(
                    Outcome.Dangerous,
                    key.Place,
                    key.Name,
                    Secrets.Mask,
                    null,
                    key.Text is "wso2carbon" or "admin"
                        ? "WSO2's well-known default password: whoever read its manual knows it; nothing here uses it"
                        : "a secret in plain text: nothing here uses it; remove it from the file when the old system is gone"
                )
            );
            return;
        }

        Verdict? verdict = null;
        for (var at = key.Name; at.Length > 0 && verdict is null; )
        {
            verdict = s_verdicts.GetValueOrDefault(at);
            var dot = at.LastIndexOf('.');
            at = dot < 0 ? "" : at[..dot];
        }

        log.Add(
            new Finding(
                verdict?.Outcome ?? Outcome.NeedsYou,
                key.Place,
                key.Name,
                key.Text.Length <= 120 ? key.Text : key.Text[..117] + "...",
                null,
                verdict?.Note
                    ?? "this reader does not know it: find out what it is for, and set its counterpart if there is one"
            )
        );
    }

    private static string NameOf(KeySyntax? key) =>
        key?.ToString().Trim().Replace("\"", "", StringComparison.Ordinal).Replace("'", "", StringComparison.Ordinal)
        ?? "";

    private static string Text(ValueSyntax? value) =>
        value switch
        {
            StringValueSyntax text => text.Value ?? "",
            null => "",
            _ => value.ToString().Trim(),
        };

    private static Place At(string path, SourceSpan span) => new(path, span.Start.Line + 1, span.Start.Column + 1);

    private sealed record TomlKey(string Name, string Text, Place Place);
}
