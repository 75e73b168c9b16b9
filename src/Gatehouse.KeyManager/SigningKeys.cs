using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using OpenIddict.Server;
using OpenIddict.Validation;

namespace Gatehouse.KeyManager;

/// <summary>
/// The keys that sign tokens: in the catalogue, wrapped by the cluster key, read by every manager. Their public halves go to
/// the workers as the <c>keys</c> of an issuer entity, so that no worker fetches anything; the private ones leave no manager.
/// </summary>
internal sealed class SigningKeys(
    CatalogueDatabase database,
    ClusterKey clusterKey,
    Catalogue catalogue,
    KeyManagerSettings settings
)
    : IConfigureOptions<OpenIddictServerOptions>,
        IOptionsChangeTokenSource<OpenIddictServerOptions>,
        IOptionsChangeTokenSource<OpenIddictValidationOptions>,
        IDisposable
{
    /// <summary>How long a new key is shown before it signs, unless it is needed at once: caches of key sets live about a day.</summary>
    public static readonly TimeSpan Lead = TimeSpan.FromHours(24);

    /// <summary>How long a new key is shown before it signs when the old one must not be used any more: workers have it within a second.</summary>
    public static readonly TimeSpan ShortestLead = TimeSpan.FromSeconds(5);

    /// <summary>A key signs for so long.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromDays(90);

    /// <summary>What the names of their secrets begin with.</summary>
    public const string Prefix = "oauth2-key/";

    // What was read first must not be shown last.
    private readonly SemaphoreSlim _refreshing = new(1, 1);
    private volatile IReadOnlyList<SigningKey>? _current;
    private CancellationTokenSource _changed = new();

    string? IOptionsChangeTokenSource<OpenIddictServerOptions>.Name => Options.DefaultName;

    string? IOptionsChangeTokenSource<OpenIddictValidationOptions>.Name => Options.DefaultName;

    /// <summary>The one that signs first, then those that are only shown.</summary>
    public IReadOnlyList<SigningKey> Current =>
        _current ?? throw new InvalidOperationException("The signing keys are not read yet.");

    /// <inheritdoc/>
    public void Configure(OpenIddictServerOptions options)
    {
        options.SigningCredentials.AddRange(Current.Select(k => k.Credentials));
        options.Issuer = new(settings.IssuerUrl);
    }

    /// <inheritdoc/>
    public IChangeToken GetChangeToken() => new CancellationChangeToken(Volatile.Read(ref _changed).Token);

    /// <summary>
    /// Reads the keys, makes the first or the next one when it is time, forgets those that nothing was signed with any more,
    /// and shows the rest to the workers. Safe to call on several managers at once.
    /// </summary>
    public async Task RefreshAsync(CancellationToken cancellation)
    {
        await _refreshing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await RefreshAloneAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _refreshing.Release();
        }
    }

    private async Task RefreshAloneAsync(CancellationToken cancellation)
    {
        var keys = await ReadAsync(cancellation).ConfigureAwait(false);
        var now = catalogue.Time.GetUtcNow();
        if (keys.Count == 0)
        {
            keys = [await AddAsync(now, cancellation).ConfigureAwait(false)];
        }
        else if (keys.Max(k => k.SignsFrom) + Life - Lead < now)
        {
            keys.Add(await AddAsync(now + Lead, cancellation).ConfigureAwait(false));
        }

        var signing = SignerOf(keys, now);
        var forgotten = keys.Where(k =>
                k != signing
                && k.SignsFrom <= signing.SignsFrom
                && signing.SignsFrom + settings.LongestToken + TimeSpan.FromHours(1) < now
            )
            .ToList();
        foreach (var key in forgotten)
        {
            await RemoveAsync(key, cancellation).ConfigureAwait(false);
            keys.Remove(key);
        }

        await ShowAsync([signing, .. keys.Where(k => k != signing).OrderByDescending(k => k.SignsFrom)], cancellation)
            .ConfigureAwait(false);
    }

    /// <summary><see cref="Current"/> as operators see them.</summary>
    public ImmutableArray<SigningKeyView> Views() =>
        [.. Current.Select((k, i) => new SigningKeyView(k.Id, k.CreatedAt, k.SignsFrom, i == 0))];

    /// <summary>Makes a new key, which signs in a day, or within seconds; the present one is shown as long as its tokens may live.</summary>
    public async Task<SigningKeyView> RotateAsync(bool now, Actor actor, CancellationToken cancellation)
    {
        var key = await AddAsync(catalogue.Time.GetUtcNow() + (now ? ShortestLead : Lead), cancellation)
            .ConfigureAwait(false);
        await catalogue
            .NoteAsync(actor, $"made signing key {key.Id}, which signs from {key.SignsFrom:u} on", cancellation)
            .ConfigureAwait(false);
        await RefreshAsync(cancellation).ConfigureAwait(false);
        return new(key.Id, key.CreatedAt, key.SignsFrom, Current[0].Id == key.Id);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _changed.Dispose();
        _refreshing.Dispose();
    }

    private static SigningKey SignerOf(IEnumerable<SigningKey> keys, DateTimeOffset now) =>
        keys.Where(k => k.SignsFrom <= now).MaxBy(k => k.SignsFrom) ?? keys.MinBy(k => k.SignsFrom)!;

    private async Task ShowAsync(IReadOnlyList<SigningKey> keys, CancellationToken cancellation)
    {
        var issuer = new Issuer
        {
            Name = KeyManagerSettings.IssuerName,
            Url = settings.IssuerUrl,
            // By id: which one signs at this moment is nothing a worker has to know.
            Keys = new JsonObject
            {
                ["keys"] = new JsonArray([
                    .. keys.OrderBy(k => k.Id, StringComparer.Ordinal).Select(k => (JsonNode)k.ToPublic()),
                ]),
            }.ToJsonString(),
            Algorithms = ["RS256"],
        };
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(Actor.System, "showed the workers the key manager's public keys").Put(
                    EntityKinds.Issuer,
                    issuer.Name,
                    issuer,
                    ModelJson.Default.Issuer
                ),
                cancellation
            )
            .ConfigureAwait(false);
        if (_current is { } before && before.Select(k => k.Id).SequenceEqual(keys.Select(k => k.Id)))
        {
            return;
        }

        _current = keys;
        // The one before is not disposed: who is asking for its token at this moment would find none.
        await Interlocked.Exchange(ref _changed, new()).CancelAsync().ConfigureAwait(false);
    }

    private async Task<List<SigningKey>> ReadAsync(CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var rows = await context
                .Secrets.AsNoTracking()
                .Where(s => s.Name.StartsWith(Prefix))
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            return [.. rows.Select(r => SigningKey.Load(clusterKey.Unwrap(r.Name, r.Wrapped)))];
        }
    }

    private async Task<SigningKey> AddAsync(DateTimeOffset signsFrom, CancellationToken cancellation)
    {
        var key = SigningKey.Create(catalogue.Time.GetUtcNow(), signsFrom);
        await new SecretStore(database, clusterKey)
            .PutAsync(Prefix + key.Id, key.Export(), cancellation)
            .ConfigureAwait(false);
        return key;
    }

    private async Task RemoveAsync(SigningKey key, CancellationToken cancellation)
    {
        var name = Prefix + key.Id;
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            await context.Secrets.Where(s => s.Name == name).ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        }
    }
}
