using System.Collections.Immutable;
using System.Security.Cryptography;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What applications prove themselves with. A secret is shown once, to who makes it; what is kept is its hash.</summary>
public sealed class ApiKeys(
    Catalogue catalogue,
    Applications applications,
    Issuers issuers,
    Approvals approvals,
    KeyIndex index,
    IKeyManager? keyManager = null
)
{
    private const string IdDigits = "0123456789abcdefghjkmnpqrstvwxyz";

    private static readonly TimeSpan s_longest = TimeSpan.FromDays(3650);

    /// <summary>The keys of an application.</summary>
    public async Task<ImmutableArray<KeyView>> ListAsync(
        string application,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var app = await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var keys = ImmutableArray.CreateBuilder<KeyView>();
        foreach (var id in await index.OfAsync(app.Id, cancellation).ConfigureAwait(false))
        {
            var key = await catalogue
                .FindAsync(EntityKinds.Key, id, ModelJson.Default.ApiKey, cancellation)
                .ConfigureAwait(false);
            if (key is not null)
            {
                keys.Add(View(key.Value, app, key.ExpiresAt));
            }
        }

        return keys.ToImmutable();
    }

    /// <summary>The keys of one type of all applications <paramref name="caller"/> may see, by application.</summary>
    public async Task<ImmutableArray<KeyView>> ListAsync(KeyType type, Caller caller, CancellationToken cancellation)
    {
        var visible = (await applications.ListAsync(caller, cancellation).ConfigureAwait(false)).ToDictionary(
            a => a.Id,
            StringComparer.Ordinal
        );
        var all = await catalogue
            .ListAsync(EntityKinds.Key, ModelJson.Default.ApiKey, cancellation)
            .ConfigureAwait(false);
        return
        [
            .. all.Where(k => k.Value.Type == type && visible.ContainsKey(k.Value.Application))
                .Select(k => View(k.Value, visible[k.Value.Application], k.ExpiresAt))
                .OrderBy(k => k.ApplicationName, StringComparer.Ordinal)
                .ThenBy(k => k.Id, StringComparer.Ordinal),
        ];
    }

    /// <summary>Makes a key.</summary>
    public async Task<CreatedKey> CreateAsync(
        string application,
        CreateKey ask,
        TimeSpan? life,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (life is { } time && (time <= TimeSpan.Zero || time > s_longest))
        {
            throw new ProblemsException([
                new("/expiresInSeconds", "A key lives between a second and ten years", "leave it out for no end"),
            ]);
        }

        var app = await applications.GetAsync(application, caller, cancellation).ConfigureAwait(false);
        var expiresAt = life is { } l ? catalogue.Time.GetUtcNow() + l : (DateTimeOffset?)null;
        if (KeyDraft.EndOf(ask) is { } end && (expiresAt is null || end < expiresAt))
        {
            expiresAt =
                end > catalogue.Time.GetUtcNow()
                    ? end
                    : throw new ProblemsException([
                        new("/certificate", $"The certificate ended on {end:u}", "give one that is still good"),
                    ]);
        }

        if (ask is { Type: "oauth2", Issuer: null, ClientId: null } && keyManager is not null)
        {
            return await CreateClientAsync(app, ask, expiresAt, keyManager, caller, cancellation).ConfigureAwait(false);
        }

        if (ask.Type == KeyDraft.NameOf(KeyType.OAuth2) && !caller.May(Permission.Publish))
        {
            // Nothing proves that a client is the caller's, and the first to name it would have it.
            throw new ProblemsException([
                new("/type", "OAuth2 clients are bound to applications by publishers", "ask one, with the client's id"),
            ]);
        }

        if (ask.Type == KeyDraft.NameOf(KeyType.OAuth2) && ask.Issuer is not null && ask.Issuer == keyManager?.Issuer)
        {
            throw new ProblemsException([
                new("/issuer", "Clients of the key manager are made with their key", "leave out issuer and client id"),
            ]);
        }

        var (secret, key) = await NewAsync(app, ask, cancellation).ConfigureAwait(false);
        if (secret is null)
        {
            await RefuseTakenAsync(key, cancellation).ConfigureAwait(false);
        }

        var transaction = Put(new(caller.Actor, $"made key {key.Id} of {app.Name}"), key, expiresAt, expectedEpoch: 0);
        await UseApprovalAsync(transaction, app, ask.Sandbox, caller, cancellation).ConfigureAwait(false);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return new(secret, View(key, app, expiresAt));
    }

    // The client comes first: without its key it opens nothing, and the other way round the key would name nobody.
    private async Task<CreatedKey> CreateClientAsync(
        Application app,
        CreateKey ask,
        DateTimeOffset? expiresAt,
        IKeyManager manager,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (
            ask.Grants?.Any(g => g is "password" or "urn:ietf:params:oauth:grant-type:token-exchange") == true
            && !caller.May(Permission.Publish)
        )
        {
            // With these a client speaks for users who never saw it.
            throw new ProblemsException([
                new(
                    "/grants",
                    "Clients with password or token exchange are made by publishers",
                    "ask one, or leave them out"
                ),
            ]);
        }

        var id = NewId();
        var transaction = new CatalogueTransaction(caller.Actor, $"made OAuth2 client {id} of {app.Name}");
        await UseApprovalAsync(transaction, app, ask.Sandbox, caller, cancellation).ConfigureAwait(false);
        var client = await manager
            .CreateClientAsync(
                new(
                    id,
                    app.Id,
                    app.Name,
                    ask.Grants is { IsDefaultOrEmpty: false } grants ? grants : ["client_credentials"],
                    ask.RedirectUris is { IsDefault: false } uris ? uris : [],
                    ask.Public
                ),
                cancellation
            )
            .ConfigureAwait(false);
        try
        {
            var (draft, problems) = KeyDraft.Of(ask with { Issuer = manager.Issuer, ClientId = client.ClientId });
            if (!problems.IsEmpty)
            {
                throw new ProblemsException(problems);
            }

            var key = draft with { Id = id, Application = app.Id, CreatedAt = catalogue.Time.GetUtcNow() };
            await catalogue
                .CommitAsync(Put(transaction, key, expiresAt, expectedEpoch: 0), cancellation)
                .ConfigureAwait(false);
            return new(client.Secret, View(key, app, expiresAt));
        }
        catch
        {
            await manager.DeleteClientAsync(client.ClientId, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    // A secret is shown once, to who makes it, so what is approved is making one: the first try asks, and once it is allowed
    // the next one makes the key. Throws when it has to wait.
    private async Task UseApprovalAsync(
        CatalogueTransaction transaction,
        Application app,
        bool sandbox,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (
            !await approvals
                .IsNeededAsync(ApprovalKind.Key, caller.May(Permission.Publish), cancellation)
                .ConfigureAwait(false)
        )
        {
            return;
        }

        var own = (await approvals.ListAsync(cancellation).ConfigureAwait(false))
            .Where(t => t.Value.Kind == ApprovalKind.Key && t.Value.Application == app.Id && t.Value.Sandbox == sandbox)
            .ToList();
        if (own.Find(t => t.Value.State == ApprovalState.Approved) is { } granted)
        {
            Approvals.Put(
                transaction,
                granted.Value with
                {
                    State = ApprovalState.Used,
                },
                granted.Epoch,
                granted.ExpiresAt
            );
            return;
        }

        var waiting = own.Find(t => t.Value.State == ApprovalState.Pending)?.Value;
        if (waiting is null)
        {
            waiting = approvals.New(
                ApprovalKind.Key,
                $"{caller.User} makes a {(sandbox ? "sandbox" : "production")} key of {app.Name}",
                caller.User
            ) with
            {
                Application = app.Id,
                Sandbox = sandbox,
            };
            await catalogue
                .CommitAsync(Approvals.Put(new(caller.Actor, $"asked for a key of {app.Name}"), waiting), cancellation)
                .ConfigureAwait(false);
        }

        throw new ConflictException(
            $"A key of {app.Name} has to be approved; it is asked for (task {waiting.Id})",
            "do this again when a publisher has approved it"
        );
    }

    /// <summary>
    /// Makes a key like the one named, and lets the old one die after <paramref name="overlap"/>; at once when that is zero.
    /// Both in one transaction.
    /// </summary>
    public async Task<CreatedKey> RollAsync(string id, TimeSpan overlap, Caller caller, CancellationToken cancellation)
    {
        if (overlap < TimeSpan.Zero || overlap > TimeSpan.FromDays(90))
        {
            throw new ProblemsException([
                new("/overlapSeconds", "The old key lives on between no time and 90 days", "give another time"),
            ]);
        }

        var (old, app) = await FindAsync(id, caller, cancellation).ConfigureAwait(false);
        if (old.Value is { Type: KeyType.OAuth2, ClientId: { } client } && old.Value.Issuer == keyManager?.Issuer)
        {
            // The client stays who it is; only its secret is another.
            var rolled = await keyManager!.RollSecretAsync(client, overlap, cancellation).ConfigureAwait(false);
            await catalogue
                .NoteAsync(caller.Actor, $"rolled the secret of OAuth2 client {old.Name} of {app.Name}", cancellation)
                .ConfigureAwait(false);
            return new(rolled, View(old.Value, app, old.ExpiresAt));
        }

        if (old.Value.Type is not (KeyType.ApiKey or KeyType.Basic))
        {
            throw new ConflictException(
                $"{old.Name} holds no secret of ours that could be rolled",
                "make a new key for the new certificate or client, then revoke this one"
            );
        }

        var (secret, key) = New(app, old.Value);
        var transaction = Put(
            new(caller.Actor, $"rolled key {old.Name} of {app.Name} into {key.Id}"),
            key,
            old.ExpiresAt,
            expectedEpoch: 0
        );
        if (overlap == TimeSpan.Zero)
        {
            Revoke(transaction, old, $"rolled by {caller.User}");
        }
        else
        {
            var end = catalogue.Time.GetUtcNow() + overlap;
            Put(transaction, old.Value, old.ExpiresAt < end ? old.ExpiresAt : end, old.Epoch);
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return new(secret, View(key, app, old.ExpiresAt));
    }

    /// <summary>Ends a key everywhere. The revocation reaches workers as a change of its own, which none can refuse.</summary>
    public async Task RevokeAsync(string id, Caller caller, CancellationToken cancellation)
    {
        var (key, app) = await FindAsync(id, caller, cancellation).ConfigureAwait(false);
        var transaction = new CatalogueTransaction(caller.Actor, $"revoked key {key.Name} of {app.Name}");
        Revoke(transaction, key, $"revoked by {caller.User}");
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        if (keyManager is not null && key.Value.Issuer == keyManager.Issuer)
        {
            await keyManager.DeleteClientAsync(key.Value.ClientId!, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<(StoredEntity<ApiKey> Key, Application Application)> FindAsync(
        string id,
        Caller caller,
        CancellationToken cancellation
    )
    {
        // Somebody pastes the key itself where its id belongs; it must not come back in a message or a log.
        var shown = KeySecret.IsWellFormed(id) ? "(the secret itself; give its id, key_…)" : Excerpt.Of(id);
        var key =
            await catalogue.FindAsync(EntityKinds.Key, id, ModelJson.Default.ApiKey, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("key", shown);
        try
        {
            return (
                key,
                await applications.GetAsync(key.Value.Application, caller, cancellation).ConfigureAwait(false)
            );
        }
        catch (NotFoundException)
        {
            // Of somebody else.
            throw new NotFoundException("key", shown);
        }
    }

    private void Revoke(CatalogueTransaction transaction, StoredEntity<ApiKey> key, string reason) =>
        transaction
            .Delete(EntityKinds.Key, key.Name, key.Epoch)
            .Put(
                EntityKinds.Revocation,
                Revocation.OfKey(key.Name),
                new Revocation { Reason = reason, At = catalogue.Time.GetUtcNow() },
                ModelJson.Default.Revocation,
                // Where the key would have died by itself there is nothing left to revoke.
                expiresAt: key.ExpiresAt
            );

    // Nothing in a key but what it is found by is a secret, so nothing of it is hidden from who may see the application.
    private async Task<(string? Secret, ApiKey Key)> NewAsync(
        Application application,
        CreateKey ask,
        CancellationToken cancellation
    )
    {
        var (draft, problems) = KeyDraft.Of(ask);
        if (!problems.IsEmpty)
        {
            throw new ProblemsException(problems);
        }

        if (draft.Type == KeyType.OAuth2)
        {
            await issuers.GetAsync(draft.Issuer!, cancellation).ConfigureAwait(false);
        }

        return draft.Type is KeyType.ApiKey or KeyType.Basic
            ? New(application, draft)
            : (null, draft with { Id = NewId(), Application = application.Id, CreatedAt = catalogue.Time.GetUtcNow() });
    }

    private (string Secret, ApiKey Key) New(Application application, ApiKey like)
    {
        var secret = KeySecret.Create();
        return (
            secret,
            like with
            {
                Id = NewId(),
                Application = application.Id,
                Hash = ApiKey.OfSecret(secret),
                LastFour = secret[^4..],
                CreatedAt = catalogue.Time.GetUtcNow(),
            }
        );
    }

    private static string NewId() => "key_" + RandomNumberGenerator.GetString(IdDigits, 8);

    // A certificate or client opens the door for one application: which one could not be told otherwise.
    private async Task RefuseTakenAsync(ApiKey key, CancellationToken cancellation)
    {
        if (
            await index.HolderAsync(key.Hash, cancellation).ConfigureAwait(false) is { } holder
            && await catalogue
                .FindAsync(EntityKinds.Key, holder, ModelJson.Default.ApiKey, cancellation)
                .ConfigureAwait(false)
                is not null
        )
        {
            throw new ConflictException(
                $"That {(key.Type == KeyType.OAuth2 ? "client" : "certificate")} belongs to an application already",
                "revoke its key there first"
            );
        }
    }

    private static CatalogueTransaction Put(
        CatalogueTransaction transaction,
        ApiKey key,
        DateTimeOffset? expiresAt,
        long expectedEpoch
    ) => transaction.Put(EntityKinds.Key, key.Id, key, ModelJson.Default.ApiKey, expectedEpoch, expiresAt);

    private static KeyView View(ApiKey key, Application application, DateTimeOffset? expiresAt) =>
        new(key.Id, application.Id, application.Name, key.Sandbox, key.LastFour, key.CreatedAt, expiresAt)
        {
            Type = KeyDraft.NameOf(key.Type),
            Issuer = key.Issuer,
            ClientId = key.ClientId,
            Subject = key.Subject,
            User = key.User,
            Addresses = key.Addresses,
            Referers = key.Referers,
        };
}

/// <summary>A key without its secret.</summary>
public sealed record KeyView(
    string Id,
    string Application,
    string ApplicationName,
    bool Sandbox,
    string LastFour,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt
)
{
    /// <summary><c>apikey</c>, <c>basic</c>, <c>certificate</c>, <c>oauth2</c>, or <c>token</c> for one of an old installation.</summary>
    public string Type { get; init; } = "apikey";

    /// <summary>The issuer of an OAuth2 client.</summary>
    public string? Issuer { get; init; }

    /// <summary>The OAuth2 client's id at its issuer.</summary>
    public string? ClientId { get; init; }

    /// <summary>The certificate's subject.</summary>
    public string? Subject { get; init; }

    /// <summary>Whom an access token of an old installation speaks for.</summary>
    public string? User { get; init; }

    /// <summary>Networks it may be used from; empty for any.</summary>
    public ImmutableArray<string> Addresses { get; init; } = [];

    /// <summary>Beginnings of <c>Referer</c> it may be used with; empty for any.</summary>
    public ImmutableArray<string> Referers { get; init; } = [];
}

/// <summary>A key in the one moment it can be read.</summary>
/// <param name="Secret">What callers send; null for what has no secret of ours.</param>
/// <param name="Key">What is kept of it.</param>
public sealed record CreatedKey(string? Secret, KeyView Key);
