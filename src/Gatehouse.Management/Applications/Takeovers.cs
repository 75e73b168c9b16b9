using System.Collections.Immutable;
using System.Security.Cryptography;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// Takes over applications of an old installation, so that none of their callers has to change. Safe to do again: what is
/// there stays as it is, what is missing is added, and what was revoked here in between stays revoked.
/// </summary>
public sealed class Takeovers(
    Catalogue catalogue,
    ApiDefinitions definitions,
    ApplicationIndex index,
    IKeyManager? keyManager = null
)
{
    private const string IdDigits = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <summary>
    /// Takes one application over. Throws <see cref="ProblemsException"/> when it is described wrongly; what cannot be taken of
    /// one that is described right is told in the answer.
    /// </summary>
    public async Task<Takeover> TakeAsync(TakenApplication ask, Caller caller, CancellationToken cancellation)
    {
        Check(ask);
        var now = catalogue.Time.GetUtcNow();
        var left = ImmutableArray.CreateBuilder<string>();
        var all = await index.ReadAsync(cancellation).ConfigureAwait(false);
        var there = all.FirstOrDefault(a => a.Name == ask.Name && a.Owner == ask.Owner);
        var application =
            there
            ?? new Application
            {
                Id = "app_" + RandomNumberGenerator.GetString(IdDigits, 8),
                Name = ask.Name,
                Owner = ask.Owner,
                Description = ask.Description,
                Suspended = ask.Suspended,
                Policy = await KnownAsync(LimitKinds.Applications, ask.Policy, left, cancellation)
                    .ConfigureAwait(false),
            };
        var transaction = new CatalogueTransaction(caller.Actor, "");
        if (there is null)
        {
            transaction.Put(
                EntityKinds.Application,
                application.Id,
                application,
                ModelJson.Default.Application,
                expectedEpoch: 0
            );
        }

        var subscriptions = 0;
        foreach (var subscription in ask.Subscriptions ?? [])
        {
            subscriptions += await SubscribeAsync(transaction, application, subscription, left, cancellation)
                .ConfigureAwait(false);
        }

        var clients = ImmutableArray.CreateBuilder<string>();
        foreach (var client in ask.Clients ?? [])
        {
            if (await TakeClientAsync(transaction, application, client, left, cancellation).ConfigureAwait(false))
            {
                clients.Add(client.ClientId);
            }
        }

        var tokens = 0;
        foreach (var token in (ask.Tokens ?? []).DistinctBy(t => t.Hash))
        {
            tokens += await TakeTokenAsync(transaction, application, token, clients, now, left, cancellation)
                .ConfigureAwait(false);
        }

        transaction.Summary =
            $"took over {application.Name} of {application.Owner}: {subscriptions} subscriptions, {clients.Count} clients, {tokens} tokens";
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return new(application.Id, there is null, subscriptions, clients.Count, tokens, left.ToImmutable());
    }

    private static void Check(TakenApplication ask)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        // WSO2's names are longer than those that are made here.
        ListingRules.CheckText("/name", ask.Name, 1, 100, problems);
        ListingRules.CheckText("/owner", ask.Owner, 1, 256, problems);
        ListingRules.CheckText("/description", ask.Description ?? "", 0, 512, problems);
        if (ask.Tokens is { Length: > TakenApplication.MostTokens } many)
        {
            problems.Add(
                new(
                    "/tokens",
                    $"There are {many.Length} tokens; one request takes at most {TakenApplication.MostTokens}",
                    "send the rest in further requests for the same application"
                )
            );
        }

        if (ask.Subscriptions is { Length: > 1000 } || ask.Clients is { Length: > 100 })
        {
            problems.Add(
                new("", "One request takes at most 1000 subscriptions and 100 clients", "send the rest in another")
            );
        }

        foreach (
            var client in (ask.Clients ?? []).Where(c =>
                c.ClientId.Length is 0 or > 100 || c.ClientId.Any(char.IsControl)
            )
        )
        {
            problems.Add(
                new(
                    "/clients",
                    $"'{Excerpt.Of(client.ClientId)}' is no id of a client",
                    "an id has 1 to 100 characters"
                )
            );
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException(problems.ToImmutable());
        }
    }

    private async Task<int> SubscribeAsync(
        CatalogueTransaction transaction,
        Application application,
        TakenSubscription ask,
        ImmutableArray<string>.Builder left,
        CancellationToken cancellation
    )
    {
        string api;
        try
        {
            api = (await definitions.GetAsync(ask.Api, cancellation).ConfigureAwait(false)).Name;
        }
        catch (NotFoundException)
        {
            left.Add($"subscription to {Excerpt.Of(ask.Api)}: there is no such API; import it, then do this again");
            return 0;
        }

        var name = Subscription.EntityName(application.Id, api);
        var there = await catalogue
            .FindAsync(EntityKinds.Subscription, name, ModelJson.Default.Subscription, cancellation)
            .ConfigureAwait(false);
        if (there is not null)
        {
            return 1;
        }

        var before = left.Count;
        var plan = await KnownAsync(LimitKinds.Plans, ask.Plan, left, cancellation).ConfigureAwait(false);
        if (left.Count > before)
        {
            return 0;
        }

        transaction.Put(
            EntityKinds.Subscription,
            name,
            new Subscription
            {
                Application = application.Id,
                Api = api,
                Plan = plan,
                State = ask.State,
            },
            ModelJson.Default.Subscription,
            expectedEpoch: 0
        );
        return 1;
    }

    private async Task<bool> TakeClientAsync(
        CatalogueTransaction transaction,
        Application application,
        TakenClient ask,
        ImmutableArray<string>.Builder left,
        CancellationToken cancellation
    )
    {
        if (keyManager is null)
        {
            left.Add($"client {ask.ClientId}: this manager runs no key manager; ask one that does");
            return false;
        }

        var hash = ApiKey.OfClient(keyManager.Issuer, ask.ClientId);
        var id = IdOf(hash);
        if (await FindKeyAsync(id, cancellation).ConfigureAwait(false) is { } there)
        {
            if (there.Application != application.Id)
            {
                left.Add($"client {ask.ClientId}: it belongs to the application {there.Application} here");
            }

            return there.Application == application.Id;
        }

        if (await IsRevokedAsync(id, cancellation).ConfigureAwait(false))
        {
            left.Add($"client {ask.ClientId}: its key {id} was revoked here");
            return false;
        }

        try
        {
            await keyManager
                .TakeClientAsync(
                    new(
                        id,
                        application.Id,
                        application.Name,
                        ask.Grants ?? ["client_credentials"],
                        ask.RedirectUris ?? [],
                        false
                    ),
                    ask.ClientId,
                    ask.Secret,
                    cancellation
                )
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is ProblemsException or ConflictException)
        {
            left.Add($"client {ask.ClientId}: {e.Message}");
            return false;
        }

        transaction.Put(
            EntityKinds.Key,
            id,
            new ApiKey
            {
                Id = id,
                Application = application.Id,
                Hash = hash,
                Type = KeyType.OAuth2,
                Issuer = keyManager.Issuer,
                ClientId = ask.ClientId,
                Sandbox = ask.Sandbox,
                LastFour = ask.ClientId[^Math.Min(4, ask.ClientId.Length)..],
                CreatedAt = catalogue.Time.GetUtcNow(),
            },
            ModelJson.Default.ApiKey,
            expectedEpoch: 0
        );
        return true;
    }

    private async Task<int> TakeTokenAsync(
        CatalogueTransaction transaction,
        Application application,
        TakenToken ask,
        ImmutableArray<string>.Builder clients,
        DateTimeOffset now,
        ImmutableArray<string>.Builder left,
        CancellationToken cancellation
    )
    {
        if (ask.ExpiresAt <= now || keyManager is null)
        {
            return 0;
        }

        if (!clients.Contains(ask.ClientId))
        {
            left.Add(
                $"a token of client {Excerpt.Of(ask.ClientId)}: the client was not taken, so its tokens open nothing"
            );
            return 0;
        }

        var id = IdOf(ask.Hash);
        if (await FindKeyAsync(id, cancellation).ConfigureAwait(false) is { } there)
        {
            return there.Application == application.Id ? 1 : 0;
        }

        if (await IsRevokedAsync(id, cancellation).ConfigureAwait(false))
        {
            return 0;
        }

        var last = ask.LastFour ?? "";
        transaction.Put(
            EntityKinds.Key,
            id,
            new ApiKey
            {
                Id = id,
                Application = application.Id,
                Hash = ask.Hash,
                Type = KeyType.AccessToken,
                Issuer = keyManager.Issuer,
                ClientId = ask.ClientId,
                Scopes = ask.Scopes ?? [],
                User = ask.User,
                LastFour = last[^Math.Min(4, last.Length)..],
                CreatedAt = ask.CreatedAt,
            },
            ModelJson.Default.ApiKey,
            expectedEpoch: 0,
            ask.ExpiresAt
        );
        return 1;
    }

    private async Task<string?> KnownAsync<T>(
        LimitKind<T> kind,
        string? name,
        ImmutableArray<string>.Builder left,
        CancellationToken cancellation
    )
        where T : class
    {
        try
        {
            return await LimitPolicies.KnownAsync(catalogue, kind, name, "", cancellation).ConfigureAwait(false);
        }
        catch (ProblemsException)
        {
            left.Add($"{kind.Word} {Excerpt.Of(name ?? "")}: there is none; create it, then do this again");
            return null;
        }
    }

    private async Task<ApiKey?> FindKeyAsync(string id, CancellationToken cancellation) =>
        (
            await catalogue.FindAsync(EntityKinds.Key, id, ModelJson.Default.ApiKey, cancellation).ConfigureAwait(false)
        )?.Value;

    private async Task<bool> IsRevokedAsync(string id, CancellationToken cancellation) =>
        await catalogue
            .FindAsync(EntityKinds.Revocation, Revocation.OfKey(id), ModelJson.Default.Revocation, cancellation)
            .ConfigureAwait(false)
            is not null;

    // Of what the key is found by, so that the same token is the same key whenever it comes: 80 bits of its hash.
    private static string IdOf(Digest hash)
    {
        var bytes = hash.ToArray();
        return string.Create(
            20,
            bytes,
            static (text, bytes) =>
            {
                "key_".CopyTo(text);
                for (var i = 0; i < 16; i++)
                {
                    // Five bits of sixteen bytes each; more of a byte would tell nothing more.
                    text[4 + i] = IdDigits[bytes[i] & 31];
                }
            }
        );
    }
}
