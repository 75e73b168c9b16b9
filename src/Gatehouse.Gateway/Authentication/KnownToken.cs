using System.Collections.Immutable;
using Gatehouse.Gateway.Routing;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>What is kept of an access token of an old installation. It says nothing itself: its hash is all that is checked.</summary>
internal sealed record KnownToken(string Issuer, Digest Client, ImmutableArray<string> Scopes, string? User)
{
    /// <summary>Null for a key that is no access token, or names no client.</summary>
    public static KnownToken? Of(ApiKey key) =>
        key is { Type: KeyType.AccessToken, Issuer: { } issuer, ClientId: { } client }
            ? new(issuer, ApiKey.OfClient(issuer, client), key.Scopes, key.User)
            : null;

    /// <summary>The token with this digest as of now; null when it is not one that is known.</summary>
    public static (TokenVerdict Verdict, AccessToken? Token)? Find(
        ConsumerDirectory consumers,
        Digest shown,
        DateTimeOffset now
    ) =>
        consumers.Holder(shown) is not { Token: { } known } key ? null
        : now >= key.Expires ? (TokenVerdict.Expired, null)
        : consumers.Issuers.Named(known.Issuer) is not { } issuer ? (TokenVerdict.Invalid, null)
        : (
            TokenVerdict.Valid,
            new AccessToken
            {
                Issuer = issuer,
                IsKnown = true,
                Digest = shown,
                Client = known.Client,
                Subject = known.User,
                IsUsers = known.User is not null,
                Scopes = known.Scopes,
                Until = key.Expires,
            }
        );
}
