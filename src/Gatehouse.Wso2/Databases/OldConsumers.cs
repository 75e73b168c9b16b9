using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Gatehouse.Wso2;

/// <summary>Puts applications together from the rows of an old database, and says of each row what became of it.</summary>
internal sealed partial class OldConsumers(OldDatabase database, ReadingLog log)
{
    private readonly Dictionary<string, (string Id, OldRow Row)> _apis = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OldRow> _clients = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _clientNumbers = new(StringComparer.Ordinal);

    /// <summary>The plans and limits that applications and subscriptions are on.</summary>
    public List<(string Kind, string Name, Place Place)> Named { get; } = [];

    public ImmutableArray<ImportedApplication> Read()
    {
        ReadApis();
        foreach (var row in database.Rows("IDN_OAUTH_CONSUMER_APPS"))
        {
            _clients[row["CONSUMER_KEY"]] = row;
            _clientNumbers[row["ID"]] = row["CONSUMER_KEY"];
        }

        var owners = database.Rows("AM_SUBSCRIBER").ToDictionaryOfFirst(r => r["SUBSCRIBER_ID"]);
        var subscriptions = database.Rows("AM_SUBSCRIPTION").ToLookup(r => r["APPLICATION_ID"]);
        var mappings = database.Rows("AM_APPLICATION_KEY_MAPPING").ToLookup(r => r["APPLICATION_ID"]);
        var tokens = database.Tokens.ToLookup(ClientOf);
        var applications = ImmutableArray.CreateBuilder<ImportedApplication>();
        foreach (var row in database.Rows("AM_APPLICATION"))
        {
            if (!owners.TryGetValue(row["SUBSCRIBER_ID"], out var owner) || row["NAME"].Length == 0)
            {
                log.Add(
                    new Finding(
                        Outcome.NeedsYou,
                        row.Place,
                        row.Table.Name,
                        row["NAME"],
                        null,
                        "its subscriber is not in the dump: dump AM_SUBSCRIBER too"
                    )
                );
                continue;
            }

            applications.Add(
                Application(
                    row,
                    owner["USER_ID"],
                    subscriptions[row["APPLICATION_ID"]],
                    mappings[row["APPLICATION_ID"]],
                    tokens
                )
            );
        }

        Owners(owners.Values);
        Domains();
        Blocks();
        Unmapped(tokens);
        Left();
        return applications.ToImmutable();
    }

    private void ReadApis()
    {
        foreach (var row in database.Rows("AM_API"))
        {
            var name = Names().Replace(row["API_NAME"], "-").Trim('-', '.', '_');
            var id = $"{name}:{row["API_VERSION"]}";
            if (_apis.Values.Any(a => a.Id == id))
            {
                log.Add(
                    new Finding(
                        Outcome.NeedsYou,
                        row.Place,
                        row.Table.Name,
                        id,
                        null,
                        $"another tenant has an API of this name and version; subscriptions of {row["CONTEXT"]} are read as that one's"
                    )
                );
            }

            _apis[row["API_ID"]] = (id, row);
            log.Add(
                new Finding(
                    Outcome.NotNeeded,
                    row.Place,
                    row.Table.Name,
                    id,
                    null,
                    "only named by subscriptions: the API itself comes with 'gatehouse import wso2'"
                )
            );
        }
    }

    private ImportedApplication Application(
        OldRow row,
        string owner,
        IEnumerable<OldRow> subscriptions,
        IEnumerable<OldRow> mappings,
        ILookup<string, OldToken> tokens
    )
    {
        var name = Line(row["NAME"]);
        var document = new JsonObject { ["name"] = name, ["owner"] = owner };
        if (Line(row["DESCRIPTION"]) is { Length: > 0 } description)
        {
            document["description"] = description;
        }

        if (row["APPLICATION_TIER"] is { Length: > 0 } tier && !OldPlans.IsUnbounded(tier))
        {
            document["policy"] = tier;
            Named.Add(("application-policies", tier, row.Place));
        }

        if (row["APPLICATION_STATUS"] is not ("APPROVED" or "" or "UPDATE_REJECTED" or "DELETE_PENDING"))
        {
            document["suspended"] = true;
        }

        log.Add(
            new Finding(
                Outcome.Converted,
                row.Place,
                row.Table.Name,
                name,
                $"application {name} of {owner}",
                document["suspended"] is null ? null : $"suspended: it is {row["APPLICATION_STATUS"]} in the old system"
            )
        );
        if (row["GROUP_ID"] is { Length: > 0 } group)
        {
            log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    row.Place,
                    $"{row.Table.Name}.GROUP_ID",
                    group,
                    null,
                    $"name the users who share it: gatehouse app about {name} --group USER"
                )
            );
        }

        document["subscriptions"] = new JsonArray([
            .. subscriptions.Select(s => Subscription(s, name)).OfType<JsonObject>(),
        ]);
        var taken = ImmutableArray.CreateBuilder<ImportedToken>();
        var clients = new JsonArray();
        foreach (var mapping in mappings)
        {
            if (Client(mapping, name) is not { } client)
            {
                continue;
            }

            clients.Add(client);
            var id = mapping["CONSUMER_KEY"];
            var own = tokens[id].Select(t => Token(t, id)).ToList();
            taken.AddRange(own);
            Tell(tokens[id].ToList(), name);
        }

        document["clients"] = clients;
        return new(name, owner, document, taken.ToImmutable());
    }

    private JsonObject? Subscription(OldRow row, string application)
    {
        if (!_apis.TryGetValue(row["API_ID"], out var api))
        {
            log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    row.Place,
                    row.Table.Name,
                    application,
                    null,
                    $"its API {row["API_ID"]} is not in the dump: dump AM_API too"
                )
            );
            return null;
        }

        var state = row["SUB_STATUS"] switch
        {
            "UNBLOCKED" or "" => "Active",
            "BLOCKED" => "Blocked",
            "PROD_ONLY_BLOCKED" => "ProductionBlocked",
            "ON_HOLD" or "TIER_UPDATE_PENDING" => "OnHold",
            _ => null,
        };
        var what = $"{application} to {api.Id}";
        if (state is null || row["SUBS_CREATE_STATE"] is "UNSUBSCRIBE")
        {
            log.Add(
                new Finding(
                    Outcome.NotNeeded,
                    row.Place,
                    row.Table.Name,
                    what,
                    null,
                    $"it opens nothing: {row["SUB_STATUS"]} {row["SUBS_CREATE_STATE"]}".TrimEnd()
                )
            );
            return null;
        }

        var subscription = new JsonObject { ["api"] = api.Id, ["state"] = state };
        if (row["TIER_ID"] is { Length: > 0 } tier && !OldPlans.IsUnbounded(tier))
        {
            subscription["plan"] = tier;
            Named.Add(("plans", tier, row.Place));
        }

        log.Add(
            new Finding(
                Outcome.Converted,
                row.Place,
                row.Table.Name,
                what,
                $"subscription of {what}",
                state == "Active" ? null : $"state {state}"
            )
        );
        return subscription;
    }

    private JsonObject? Client(OldRow mapping, string application)
    {
        var id = mapping["CONSUMER_KEY"];
        if (id.Length == 0)
        {
            log.Add(
                new Finding(Outcome.NotNeeded, mapping.Place, mapping.Table.Name, application, null, "no key was made")
            );
            return null;
        }

        if (!_clients.TryGetValue(id, out var row))
        {
            log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    mapping.Place,
                    mapping.Table.Name,
                    id,
                    null,
                    "its client is another key manager's: make that one an issuer (gatehouse issuer create) and bind the client (gatehouse key create APP --type oauth2 --issuer NAME --client-id ID)"
                )
            );
            return null;
        }

        if (row["APP_STATE"] is "REVOKED" or "INACTIVE")
        {
            log.Add(
                new Finding(
                    Outcome.NotNeeded,
                    row.Place,
                    row.Table.Name,
                    id,
                    null,
                    $"it opens nothing: {row["APP_STATE"]}"
                )
            );
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
                    new Finding(
                        Outcome.Dangerous,
                        row.Place,
                        $"{row.Table.Name}.CONSUMER_SECRET",
                        Secrets.Mask,
                        null,
                        $"the secret of {id} is short enough to be guessed: roll it, gatehouse key roll"
                    )
                );
            }
        }
        else
        {
            log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    row.Place,
                    $"{row.Table.Name}.CONSUMER_SECRET",
                    Secrets.Mask,
                    null,
                    $"the secret of {id} is encrypted with the old server's key: its tokens count until they end; for new ones turn encryption off there and dump again, or roll it with 'gatehouse key roll'"
                )
            );
        }

        Grants(row, id, client);
        log.Add(
            new Finding(
                Outcome.Converted,
                row.Place,
                row.Table.Name,
                id,
                $"OAuth2 client of {application}",
                sandbox ? "sandbox" : "production"
            )
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
                        new Finding(
                            Outcome.NeedsYou,
                            row.Place,
                            $"{row.Table.Name}.GRANT_TYPES",
                            grant,
                            "authorization_code",
                            $"codes are given with PKCE alone (RFC 7636): see that {id} sends code_challenge with S256"
                        )
                    );
                    break;
                case "authorization_code":
                    log.Add(
                        new Finding(
                            Outcome.NeedsYou,
                            row.Place,
                            $"{row.Table.Name}.GRANT_TYPES",
                            grant,
                            null,
                            $"{id} has no redirect URI that is taken: make a client with one, gatehouse key create APP --type oauth2"
                        )
                    );
                    break;
                case "implicit":
                    log.Add(
                        new Finding(
                            Outcome.NeedsYou,
                            row.Place,
                            $"{row.Table.Name}.GRANT_TYPES",
                            grant,
                            null,
                            $"tokens in addresses are given no more (RFC 9700): change {id} to authorization_code with PKCE"
                        )
                    );
                    break;
                default:
                    log.Add(
                        new Finding(
                            Outcome.NeedsYou,
                            row.Place,
                            $"{row.Table.Name}.GRANT_TYPES",
                            grant,
                            null,
                            $"there is no such grant here: change {id} to client_credentials or authorization_code"
                        )
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
            new Finding(
                matters ? Outcome.NeedsYou : Outcome.NotNeeded,
                row.Place,
                $"{row.Table.Name}.CALLBACK_URL",
                text,
                null,
                matters
                    ? $"browsers are sent back to https addresses that are named in full, not to patterns or plain http: give {id} one"
                    : "no grant of it sends browsers back"
            )
        );
        return [];
    }

    private ImportedToken Token(OldToken token, string client) =>
        new(
            token.Hash,
            token.LastFour,
            client,
            token.User,
            [.. database.ScopesOf(token.Id)],
            token.Created,
            token.Ends
        );

    private void Tell(List<OldToken> tokens, string application)
    {
        if (tokens.Count == 0)
        {
            return;
        }

        log.Add(
            new Finding(
                Outcome.Converted,
                tokens[0].Place,
                "IDN_OAUTH2_ACCESS_TOKEN",
                string.Create(CultureInfo.InvariantCulture, $"{tokens.Count} of {application}"),
                "known tokens",
                "each counts until it ends; the first of them is here"
            )
        );
        if (tokens.Find(t => t.User is not null) is { } users)
        {
            log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    users.Place,
                    "IDN_OAUTH2_ACCESS_TOKEN.REFRESH_TOKEN",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{tokens.Count(t => t.User is not null)} of {application}"
                    ),
                    null,
                    "refresh tokens are not taken over: when these tokens of users end, the users sign in once more"
                )
            );
        }

        if (tokens.Find(t => t.Ends is null) is { } endless)
        {
            log.Add(
                new Finding(
                    Outcome.Dangerous,
                    endless.Place,
                    "IDN_OAUTH2_ACCESS_TOKEN.VALIDITY_PERIOD",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{tokens.Count(t => t.Ends is null)} of {application}"
                    ),
                    null,
                    "they never end: have the client fetch a new one and revoke these, gatehouse key revoke"
                )
            );
        }
    }

    // Who owned applications signs in to the portal here by the same name.
    private void Owners(IEnumerable<OldRow> owners)
    {
        foreach (var row in owners)
        {
            log.Add(
                new Finding(
                    Outcome.NeedsYou,
                    row.Place,
                    row.Table.Name,
                    row["USER_ID"],
                    null,
                    $"so that they find their applications: gatehouse user create {row["USER_ID"]} --role subscriber"
                )
            );
        }
    }

    private void Domains()
    {
        foreach (var row in database.Rows("AM_APP_KEY_DOMAIN_MAPPING"))
        {
            var any = row["AUTHZ_DOMAIN"] is "ALL" or "";
            log.Add(
                new Finding(
                    any ? Outcome.NotNeeded : Outcome.Dangerous,
                    row.Place,
                    row.Table.Name,
                    row["AUTHZ_DOMAIN"],
                    null,
                    any
                        ? "it allows every domain"
                        : $"tokens of {row["CONSUMER_KEY"]} were good for this domain alone (by the caller's Referer, which callers choose) and are good for all here"
                )
            );
        }
    }

    private void Blocks()
    {
        foreach (var row in database.Rows("AM_BLOCK_CONDITIONS"))
        {
            var on = row["ENABLED"] is not ("false" or "0" or "f");
            log.Add(
                new Finding(
                    on ? Outcome.NeedsYou : Outcome.NotNeeded,
                    row.Place,
                    row.Table.Name,
                    $"{row["TYPE"]} {row["VALUE"]}",
                    null,
                    on ? "block it here too: gatehouse block add" : "it is switched off"
                )
            );
        }
    }

    // Clients of no application: the old portal's and publisher's own.
    private void Unmapped(ILookup<string, OldToken> tokens)
    {
        var mapped = database
            .Rows("AM_APPLICATION_KEY_MAPPING")
            .Select(m => m["CONSUMER_KEY"])
            .ToHashSet(StringComparer.Ordinal);
        foreach (var (id, row) in _clients.Where(c => !mapped.Contains(c.Key)))
        {
            var count = tokens[id].Count();
            log.Add(
                new Finding(
                    Outcome.NotNeeded,
                    row.Place,
                    row.Table.Name,
                    row["APP_NAME"] is { Length: > 0 } name ? name : id,
                    null,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"no application's: of the old server itself; {count} tokens are left out with it"
                    )
                )
            );
        }
    }

    private void Left()
    {
        Say(database.Left.Expired, Outcome.NotNeeded, "they have ended");
        Say(database.Left.NotActive, Outcome.NotNeeded, "they are not ACTIVE: revoked, expired or inactive");
        Say(
            database.Left.NoTime,
            Outcome.NeedsYou,
            "they have no time that can be read; their clients have to fetch new ones"
        );
        Say(
            database.Left.Unreadable,
            Outcome.NeedsYou,
            "they are encrypted with the old server's key; their clients have to fetch new ones, or turn encryption off there and dump again"
        );

        void Say(int count, Outcome outcome, string note)
        {
            if (count > 0)
            {
                log.Add(
                    new Finding(
                        outcome,
                        new Place("IDN_OAUTH2_ACCESS_TOKEN"),
                        "tokens",
                        string.Create(CultureInfo.InvariantCulture, $"{count}"),
                        null,
                        note
                    )
                );
            }
        }
    }

    private string ClientOf(OldToken token) =>
        token.ClientId.Length > 0 ? token.ClientId : _clientNumbers.GetValueOrDefault(token.ClientNumber, "");

    // Names and descriptions are one line here.
    private static string Line(string text) => Breaks().Replace(text, " ").Trim();

    [GeneratedRegex(@"[\p{Cc}\s]+")]
    private static partial Regex Breaks();

    // As 'import wso2' names APIs.
    [GeneratedRegex("[^A-Za-z0-9._-]+")]
    private static partial Regex Names();
}

/// <summary>Rows by a key.</summary>
internal static class OldRows
{
    /// <summary>By a key of which the first counts: a dump may be wrong.</summary>
    public static Dictionary<string, OldRow> ToDictionaryOfFirst(
        this IEnumerable<OldRow> rows,
        Func<OldRow, string> key
    )
    {
        var all = new Dictionary<string, OldRow>(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            all.TryAdd(key(row), row);
        }

        return all;
    }
}
