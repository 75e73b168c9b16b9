using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// The key manager of this cluster, as applications' keys see it: it lives above the catalogue, and a manager may run
/// without one.
/// </summary>
public interface IKeyManager
{
    /// <summary>Its name among the issuers.</summary>
    string Issuer { get; }

    /// <summary>Makes an OAuth2 client of an application's key. The secret is shown here and never again.</summary>
    Task<OwnClient> CreateClientAsync(ClientDraft draft, CancellationToken cancellation);

    /// <summary>
    /// Makes a client that an old key manager had, under the id it had there. Safe to do again for the same key: then only the
    /// secret is set. Throws <see cref="ConflictException"/> when the id is another key's.
    /// </summary>
    /// <param name="draft">The client.</param>
    /// <param name="clientId">Its id.</param>
    /// <param name="secret">SHA-256 of its secret; null when nobody knows it, so that a new one has to be made.</param>
    /// <param name="cancellation">Ends it.</param>
    Task TakeClientAsync(ClientDraft draft, string clientId, Digest? secret, CancellationToken cancellation);

    /// <summary>A new secret; the present one is good for <paramref name="overlap"/> more.</summary>
    Task<string> RollSecretAsync(string clientId, TimeSpan overlap, CancellationToken cancellation);

    /// <summary>Removes a client and all its tokens. Does nothing when there is none.</summary>
    Task DeleteClientAsync(string clientId, CancellationToken cancellation);

    /// <summary>Ends every token of a user.</summary>
    Task RevokeUserAsync(string userId, CancellationToken cancellation);

    /// <summary>The keys that sign its tokens, the one that signs now first.</summary>
    ImmutableArray<SigningKeyView> SigningKeys();

    /// <summary>Makes a new signing key: it signs in a day, when caches of key sets have it, or, if the old one may be known to somebody, within seconds.</summary>
    Task<SigningKeyView> RotateSigningKeyAsync(bool now, Actor actor, CancellationToken cancellation);
}

/// <summary>A signing key as operators see it.</summary>
/// <param name="Id">Its <c>kid</c>.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="SignsFrom">It signs from then on, until a newer one does.</param>
/// <param name="Signs">True for the one that signs now.</param>
public sealed record SigningKeyView(string Id, DateTimeOffset CreatedAt, DateTimeOffset SignsFrom, bool Signs);

/// <summary>An OAuth2 client as it was asked for.</summary>
/// <param name="Key">The id of the key that binds it to its application.</param>
/// <param name="Application">The application's id.</param>
/// <param name="Name">What a user reads when asked for consent.</param>
/// <param name="Grants">Grant types (RFC 7591 §2), and <c>urn:…</c> ones.</param>
/// <param name="RedirectUris">Where a browser may be sent back to.</param>
/// <param name="IsPublic">True for one that can keep no secret: an app on a phone or in a browser.</param>
public sealed record ClientDraft(
    string Key,
    string Application,
    string Name,
    ImmutableArray<string> Grants,
    ImmutableArray<string> RedirectUris,
    bool IsPublic
);

/// <summary>A client in the one moment its secret can be read.</summary>
/// <param name="ClientId">Its id (WSO2: consumer key).</param>
/// <param name="Secret">Its secret (WSO2: consumer secret); null for a public one.</param>
public sealed record OwnClient(string ClientId, string? Secret);
