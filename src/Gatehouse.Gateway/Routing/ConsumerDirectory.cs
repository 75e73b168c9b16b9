using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Routing;

/// <summary>
/// Immutable: applications, their subscriptions and keys, and what is revoked. A part whose other half is missing is inert:
/// a subscription without its application, a key without one.
/// </summary>
internal sealed class ConsumerDirectory
{
    public static readonly ConsumerDirectory Empty = new();

    private PersistentMap<ConsumerKey> _keys = PersistentMap<ConsumerKey>.Empty;
    private ImmutableDictionary<Digest, ConsumerKey> _open = ImmutableDictionary<Digest, ConsumerKey>.Empty;
    private PersistentMap<Consumer> _applications = PersistentMap<Consumer>.Empty;
    private PersistentMap<string> _revoked = PersistentMap<string>.Empty;
    private int _revokedTokens;
    private ImmutableHashSet<Digest> _revokedDigests = [];

    private ConsumerDirectory() { }

    /// <summary>Whose access tokens count.</summary>
    public IssuerDirectory Issuers { get; private set; } = IssuerDirectory.Empty;

    /// <summary>True when the token itself was revoked; its client and application are asked for by <see cref="TryAuthenticate"/>.</summary>
    public bool IsRevoked(AccessToken token) =>
        _revokedTokens > 0
        && (
            _revokedDigests.Contains(token.Digest) || (token.JtiRevocation is { } jti && _revoked.Find(jti) is not null)
        );

    public ConsumerDirectory WithIssuer(string name, CompiledIssuer? issuer)
    {
        var next = Copy();
        next.Issuers = Issuers.With(name, issuer);
        return next;
    }

    /// <summary>Who presents the key with this digest. False when nobody may with it.</summary>
    public bool TryAuthenticate(
        Digest presented,
        DateTimeOffset now,
        [NotNullWhen(true)] out ConsumerKey? key,
        [NotNullWhen(true)] out Consumer? application
    )
    {
        application = null;
        return _open.TryGetValue(presented, out key)
            && now < key.Expires
            && _applications.TryGetValue(key.Application, out application)
            && application.MayCall(now);
    }

    public ConsumerKey? Key(string id) => _keys.Find(id);

    public Consumer? Application(string id) => _applications.Find(id);

    /// <summary>The key that has this digest, if any.</summary>
    public ConsumerKey? Holder(Digest hash) => _keys.Count == 0 ? null : _open.GetValueOrDefault(hash);

    public ConsumerDirectory WithKey(string id, ConsumerKey? key)
    {
        var next = Copy();
        if (_keys.Find(id) is { } before && next._open.GetValueOrDefault(before.Hash)?.Id == id)
        {
            next._open = next._open.Remove(before.Hash);
        }

        next._keys = key is null ? _keys.Without(id) : _keys.With(id, key);
        if (key is not null && _revoked.Find(Revocation.OfKey(id)) is null)
        {
            next._open = next._open.SetItem(key.Hash, key);
        }

        return next;
    }

    public ConsumerDirectory WithApplication(
        string id,
        string? name,
        DateTimeOffset expires,
        bool suspended = false,
        string? policy = null,
        string? owner = null
    )
    {
        var before = _applications.Find(id) ?? Consumer.Unknown(id);
        return WithConsumer(
            id,
            before with
            {
                Name = name,
                Expires = expires,
                IsSuspended = suspended,
                Limits = new(id, policy),
                Owner = owner,
            }
        );
    }

    public ConsumerDirectory WithSubscription(string application, string api, ConsumerSubscription? subscription)
    {
        var before = _applications.Find(application) ?? Consumer.Unknown(application);
        var subscriptions = subscription is null
            ? before.Subscriptions.Without(api)
            : before.Subscriptions.With(api, subscription);
        return WithConsumer(application, before with { Subscriptions = subscriptions });
    }

    /// <summary>Revokes, or takes a revocation back. The name alone says what.</summary>
    public ConsumerDirectory WithRevocation(string name, bool revoked)
    {
        var next = Copy();
        var wasRevoked = _revoked.Find(name) is not null;
        next._revoked = revoked ? _revoked.With(name, name) : _revoked.Without(name);
        if (name.StartsWith("token/", StringComparison.Ordinal) || name.StartsWith("jti/", StringComparison.Ordinal))
        {
            next._revokedTokens += (revoked ? 1 : 0) - (wasRevoked ? 1 : 0);
            if (Digest.TryParse(name.AsSpan(name.IndexOf('/') + 1), out var digest))
            {
                next._revokedDigests = revoked ? _revokedDigests.Add(digest) : _revokedDigests.Remove(digest);
            }

            return next;
        }

        if (name.StartsWith("key/", StringComparison.Ordinal))
        {
            var id = name["key/".Length..];
            return next.WithKey(id, _keys.Find(id));
        }

        if (name.StartsWith("application/", StringComparison.Ordinal))
        {
            var id = name["application/".Length..];
            return next.WithConsumer(id, next._applications.Find(id) ?? Consumer.Unknown(id));
        }

        return next;
    }

    private ConsumerDirectory WithConsumer(string id, Consumer consumer)
    {
        var next = Copy();
        var revoked = _revoked.Find(Revocation.OfApplication(id)) is not null;
        next._applications = consumer.IsInert
            ? _applications.Without(id)
            : _applications.With(id, consumer with { IsRevoked = revoked });
        return next;
    }

    private ConsumerDirectory Copy() => (ConsumerDirectory)MemberwiseClone();
}

/// <summary>A key, ready to be recognised.</summary>
internal sealed record ConsumerKey(string Id, string Application, Digest Hash, bool IsSandbox, DateTimeOffset Expires)
{
    public KeyType Type { get; init; }

    /// <summary>From where it may be used; null for anywhere.</summary>
    public KeyBounds? Bounds { get; init; }

    /// <summary>What an access token that is known by its hash says; null for every other key.</summary>
    public KnownToken? Token { get; init; }
}

/// <summary>An application with what it may call. Without a name it is only the subscriptions of one that has not come yet.</summary>
internal sealed record Consumer(
    string Id,
    string? Name,
    DateTimeOffset Expires,
    bool IsRevoked,
    PersistentMap<ConsumerSubscription> Subscriptions
)
{
    public bool IsSuspended { get; init; }

    /// <summary>Whose it is.</summary>
    public string? Owner { get; init; }

    /// <summary>What its policy allows; null while it is unknown.</summary>
    public ApplicationLimits? Limits { get; init; }

    public static Consumer Unknown(string id) =>
        new(id, null, DateTimeOffset.MaxValue, false, PersistentMap<ConsumerSubscription>.Empty);

    public bool IsInert => Name is null && Subscriptions.Count == 0;

    public bool MayCall(DateTimeOffset now) => Name is not null && !IsRevoked && !IsSuspended && now < Expires;

    /// <summary>Null when there is none that has not expired.</summary>
    public ConsumerSubscription? SubscriptionTo(string api, DateTimeOffset now) =>
        Subscriptions.TryGetValue(api, out var subscription) && now < subscription.Expires ? subscription : null;
}

/// <summary>A right to call one API, and how much.</summary>
internal sealed record ConsumerSubscription(DateTimeOffset Expires, SubscriptionState State, SubscriptionLimits Limits);
