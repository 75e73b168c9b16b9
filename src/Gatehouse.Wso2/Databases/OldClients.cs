using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>OAuth2 clients of an old database as they are made here, and what of each has to change.</summary>
/// <param name="clients">Rows of IDN_OAUTH_CONSUMER_APPS, by their consumer key.</param>
/// <param name="log">Is told what became of each.</param>
internal sealed class OldClients(IReadOnlyDictionary<string, OldRow> clients, ReadingLog log)
{
    /// <summary>The client that a key of an application is; null when it opens nothing, or is not to be had.</summary>
    public JsonObject? Read(OldRow mapping, string application)
    {
        var id = mapping["CONSUMER_KEY"];
        if (id.Length == 0)
        {
            log.Add(Outcome.NotNeeded, mapping, application, "no key was made");
            return null;
        }

        if (!clients.TryGetValue(id, out var row))
        {
            log.Add(
                Outcome.NeedsYou,
                mapping,
                id,
                "its client is another key manager's: make that one an issuer (gatehouse issuer create) and bind the client (gatehouse key create APP --type oauth2 --issuer NAME --client-id ID)"
            );
            return null;
        }

        if (row["APP_STATE"] is "REVOKED" or "INACTIVE")
        {
            log.Add(Outcome.NotNeeded, row, id, $"it opens nothing: {row["APP_STATE"]}");
            return null;
        }

        var sandbox = mapping["KEY_TYPE"] is "SANDBOX";
        var client = new JsonObject { ["clientId"] = id, ["sandbox"] = sandbox };
        var secret = row["CONSUMER_SECRET"];
        if (OldSecret.HashOf(secret) is { } hash)
        {
            client["secret"] = hash.ToString();
            if (secret.Length < 16)
            {
                log.Add(
                    Outcome.Dangerous,
                    row,
                    Secrets.Mask,
                    $"the secret of {id} is short enough to be guessed: roll it, gatehouse key roll",
                    column: "CONSUMER_SECRET"
                );
            }
        }
        else
        {
            log.Add(
                Outcome.NeedsYou,
                row,
                Secrets.Mask,
                $"the secret of {id} is encrypted with the old server's key: its tokens count until they end; for new ones turn encryption off there and dump again, or roll it with 'gatehouse key roll'",
                column: "CONSUMER_SECRET"
            );
        }

        Grants(row, id, client);
        log.Add(
            Outcome.Converted,
            row,
            id,
            sandbox ? "sandbox" : "production",
            target: $"OAuth2 client of {application}"
        );
        return client;
    }

    private void Grants(OldRow row, string id, JsonObject client)
    {
        var grants = new List<string>();
        var uris = Uris(row, id);
        foreach (
            var grant in row["GRANT_TYPES"]
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .DefaultIfEmpty("client_credentials")
        )
        {
            switch (grant)
            {
                case "client_credentials" or "refresh_token" or "password":
                    grants.Add(grant);
                    break;
                case "authorization_code" when uris.Count > 0:
                    grants.Add(grant);
                    log.Add(
                        Outcome.NeedsYou,
                        row,
                        grant,
                        $"codes are given with PKCE alone (RFC 7636): see that {id} sends code_challenge with S256",
                        target: "authorization_code",
                        column: "GRANT_TYPES"
                    );
                    break;
                case "authorization_code":
                    log.Add(
                        Outcome.NeedsYou,
                        row,
                        grant,
                        $"{id} has no redirect URI that is taken: make a client with one, gatehouse key create APP --type oauth2",
                        column: "GRANT_TYPES"
                    );
                    break;
                case "implicit":
                    log.Add(
                        Outcome.NeedsYou,
                        row,
                        grant,
                        $"tokens in addresses are given no more (RFC 9700): change {id} to authorization_code with PKCE",
                        column: "GRANT_TYPES"
                    );
                    break;
                default:
                    log.Add(
                        Outcome.NeedsYou,
                        row,
                        grant,
                        $"there is no such grant here: change {id} to client_credentials or authorization_code",
                        column: "GRANT_TYPES"
                    );
                    break;
            }
        }

        if (grants.Count == 0)
        {
            grants.Add("client_credentials");
        }

        client["grants"] = new JsonArray([.. grants.Select(g => (JsonNode)g)]);
        client["redirectUris"] = new JsonArray([.. uris.Select(u => (JsonNode)u)]);
    }

    private List<string> Uris(OldRow row, string id)
    {
        var text = row["CALLBACK_URL"];
        if (text.Length == 0)
        {
            return [];
        }

        if (
            Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && uri.Fragment.Length == 0
            && uri.UserInfo.Length == 0
            && !text.Contains('*', StringComparison.Ordinal)
            && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))
        )
        {
            return [text];
        }

        // Without codes nothing is ever sent there.
        var matters = row["GRANT_TYPES"].Contains("authorization_code", StringComparison.Ordinal);
        log.Add(
            matters ? Outcome.NeedsYou : Outcome.NotNeeded,
            row,
            text,
            matters
                ? $"browsers are sent back to https addresses that are named in full, not to patterns or plain http: give {id} one"
                : "no grant of it sends browsers back",
            column: "CALLBACK_URL"
        );
        return [];
    }
}
