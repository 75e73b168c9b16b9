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
                    Outcome.NeedsYou,
                    row,
                    row["NAME"],
                    "its subscriber is not in the dump: dump AM_SUBSCRIBER too"
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
                    Outcome.NeedsYou,
                    row,
                    id,
                    $"another tenant has an API of this name and version; subscriptions of {row["CONTEXT"]} are read as that one's"
                );
            }

            _apis[row["API_ID"]] = (id, row);
            log.Add(
                Outcome.NotNeeded,
                row,
                id,
                "only named by subscriptions: the API itself comes with 'gatehouse import wso2'"
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
            Outcome.Converted,
            row,
            name,
            document["suspended"] is null ? null : $"suspended: it is {row["APPLICATION_STATUS"]} in the old system",
            target: $"application {name} of {owner}"
        );
        if (row["GROUP_ID"] is { Length: > 0 } group)
        {
            log.Add(
                Outcome.NeedsYou,
                row,
                group,
                $"name the users who share it: gatehouse app about {name} --group USER",
                column: "GROUP_ID"
            );
        }

        document["subscriptions"] = new JsonArray([
            .. subscriptions.Select(s => Subscription(s, name)).OfType<JsonObject>(),
        ]);
        var taken = ImmutableArray.CreateBuilder<ImportedToken>();
        var reader = new OldClients(_clients, log);
        var clients = new JsonArray();
        foreach (var mapping in mappings)
        {
            if (reader.Read(mapping, name) is not { } client)
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
            log.Add(Outcome.NeedsYou, row, application, $"its API {row["API_ID"]} is not in the dump: dump AM_API too");
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
                Outcome.NotNeeded,
                row,
                what,
                $"it opens nothing: {row["SUB_STATUS"]} {row["SUBS_CREATE_STATE"]}".TrimEnd()
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
            Outcome.Converted,
            row,
            what,
            state == "Active" ? null : $"state {state}",
            target: $"subscription of {what}"
        );
        return subscription;
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
                Outcome.NeedsYou,
                row,
                row["USER_ID"],
                $"so that they find their applications: gatehouse user create {row["USER_ID"]} --role subscriber"
            );
        }
    }

    private void Domains()
    {
        foreach (var row in database.Rows("AM_APP_KEY_DOMAIN_MAPPING"))
        {
            var any = row["AUTHZ_DOMAIN"] is "ALL" or "";
            log.Add(
                any ? Outcome.NotNeeded : Outcome.Dangerous,
                row,
                row["AUTHZ_DOMAIN"],
                any
                    ? "it allows every domain"
                    : $"tokens of {row["CONSUMER_KEY"]} were good for this domain alone (by the caller's Referer, which callers choose) and are good for all here"
            );
        }
    }

    private void Blocks()
    {
        foreach (var row in database.Rows("AM_BLOCK_CONDITIONS"))
        {
            var on = row["ENABLED"] is not ("false" or "0" or "f");
            log.Add(
                on ? Outcome.NeedsYou : Outcome.NotNeeded,
                row,
                $"{row["TYPE"]} {row["VALUE"]}",
                on ? "block it here too: gatehouse block add" : "it is switched off"
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
                Outcome.NotNeeded,
                row,
                row["APP_NAME"] is { Length: > 0 } name ? name : id,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"no application's: of the old server itself; {count} tokens are left out with it"
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
