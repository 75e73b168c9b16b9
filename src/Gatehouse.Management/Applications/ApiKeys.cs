using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>API keys of applications. A key is shown once, to who makes it; what is kept is its hash.</summary>
public sealed class ApiKeys(Catalogue catalogue, Applications applications)
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
        var all = await catalogue
            .ListAsync(EntityKinds.Key, ModelJson.Default.ApiKey, cancellation)
            .ConfigureAwait(false);
        return [.. all.Where(k => k.Value.Application == app.Id).Select(k => View(k.Value, app, k.ExpiresAt))];
    }

    /// <summary>Makes a key.</summary>
    public async Task<CreatedKey> CreateAsync(
        string application,
        bool sandbox,
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
        var (secret, key) = New(app, sandbox);
        await catalogue
            .CommitAsync(
                Put(new(caller.Actor, $"made key {key.Id} of {app.Name}"), key, expiresAt, expectedEpoch: 0),
                cancellation
            )
            .ConfigureAwait(false);
        return new(secret, View(key, app, expiresAt));
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
        var (secret, key) = New(app, old.Value.Sandbox);
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

    private (string Secret, ApiKey Key) New(Application application, bool sandbox)
    {
        var secret = KeySecret.Create();
        return (
            secret,
            new()
            {
                Id = "key_" + RandomNumberGenerator.GetString(IdDigits, 8),
                Application = application.Id,
                Hash = Digest.Of(Encoding.UTF8.GetBytes(secret)),
                Sandbox = sandbox,
                LastFour = secret[^4..],
                CreatedAt = catalogue.Time.GetUtcNow(),
            }
        );
    }

    private static CatalogueTransaction Put(
        CatalogueTransaction transaction,
        ApiKey key,
        DateTimeOffset? expiresAt,
        long expectedEpoch
    ) => transaction.Put(EntityKinds.Key, key.Id, key, ModelJson.Default.ApiKey, expectedEpoch, expiresAt);

    private static KeyView View(ApiKey key, Application application, DateTimeOffset? expiresAt) =>
        new(key.Id, application.Id, application.Name, key.Sandbox, key.LastFour, key.CreatedAt, expiresAt);
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
);

/// <summary>A key in the one moment it can be read.</summary>
/// <param name="Secret">What callers send.</param>
/// <param name="Key">What is kept of it.</param>
public sealed record CreatedKey(string Secret, KeyView Key);
