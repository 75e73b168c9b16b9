using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Authentication;

/// <summary>What checking a token came to. Append only: the names are counted.</summary>
internal enum TokenVerdict
{
    Valid,

    /// <summary>Not a token, forged, or of nobody that is known.</summary>
    Invalid,

    /// <summary>Good once, or later.</summary>
    Expired,

    /// <summary>Made for somebody else (<c>aud</c>).</summary>
    WrongAudience,

    /// <summary>Its issuer's keys were never reached.</summary>
    IssuerUnavailable,

    /// <summary>Too many tokens wait to be checked.</summary>
    Overloaded,
}

/// <summary>
/// Checks access tokens. A token that was found right is remembered for at most a minute and never past its end, with the
/// key set and the issuer's settings it was checked by: when either changes, the memory does not count.
/// </summary>
internal sealed class TokenVerifier(TimeProvider time, CryptoGate gate, HttpClient http, ILogger logger)
{
    /// <summary>Longest that a check is remembered.</summary>
    public static readonly TimeSpan LongestMemory = TimeSpan.FromSeconds(60);

    private readonly TokenCache<Checked> _good = new(capacity: 20_000);

    // Bad signatures only: all else is refused for less than the memory costs.
    private readonly TokenCache<Checked> _bad = new(capacity: 2_000);

    /// <summary>Tokens remembered as good.</summary>
    public int Remembered => _good.Count;

    /// <summary>What is remembered of a token; null when it has to be checked.</summary>
    /// <param name="text">The token.</param>
    /// <param name="digest">Its digest.</param>
    /// <param name="issuers">All issuers.</param>
    /// <param name="accepted">Those whose tokens count.</param>
    /// <param name="now">The time.</param>
    public (TokenVerdict Verdict, AccessToken? Token)? Recall(
        string text,
        Digest digest,
        IssuerDirectory issuers,
        IssuerChoice accepted,
        DateTimeOffset now
    )
    {
        if (IsOpaque(text))
        {
            foreach (var issuer in issuers.Introspecting)
            {
                if (!accepted.Takes(issuer.Settings))
                {
                    continue;
                }

                if (issuer.Introspection!.Recall(digest, issuer, now) is not { } known)
                {
                    return null;
                }

                if (known.Verdict != TokenVerdict.Invalid)
                {
                    return known;
                }
            }

            return (TokenVerdict.Invalid, null);
        }

        if (_good.TryGet(digest, now, out var good) && good.Counts(issuers))
        {
            return now < good.Token!.Until ? (TokenVerdict.Valid, good.Token) : (TokenVerdict.Expired, null);
        }

        return _bad.TryGet(digest, now, out var bad) && bad.Counts(issuers) ? (TokenVerdict.Invalid, null) : null;
    }

    /// <summary>Checks a token. Does not throw. Waits for the issuer's keys, or its word, at most <see cref="KeySource.LongestWait"/>.</summary>
    /// <param name="text">The token.</param>
    /// <param name="digest">Its digest.</param>
    /// <param name="issuers">All issuers.</param>
    /// <param name="accepted">Those whose tokens count.</param>
    public async ValueTask<(TokenVerdict Verdict, AccessToken? Token)> CheckAsync(
        string text,
        Digest digest,
        IssuerDirectory issuers,
        IssuerChoice accepted
    )
    {
        if (IsOpaque(text))
        {
            return await AskAsync(text, digest, issuers, accepted).ConfigureAwait(false);
        }

        using var token = UnverifiedToken.Parse(text);
        if (
            token is null
            || !new TokenClaims(token.Claims).TryText("iss", out var iss)
            || iss is null
            || issuers.Of(iss) is not { } issuer
            || !issuer.Settings.Algorithms.Contains(token.Algorithm)
            || issuer.Source is { Keys: null, IsFetched: false }
        )
        {
            return (TokenVerdict.Invalid, null);
        }

        // What costs nothing comes before what costs a signature.
        var now = time.GetUtcNow();
        var verdict = new TokenClaims(token.Claims).Read(
            issuer,
            Revocation.TokenDigest(text),
            now,
            mustEnd: true,
            out var draft
        );
        if (verdict != TokenVerdict.Valid)
        {
            return (verdict, null);
        }

        var keys = issuer.Source.Keys;
        if (keys is null || !keys.Knows(token.KeyId))
        {
            keys = await issuer.Source.NewerAsync(keys, time).ConfigureAwait(false);
            if (keys is null)
            {
                return (TokenVerdict.IssuerUnavailable, null);
            }
        }

        if (keys.Find(token.KeyId, token.Algorithm) is not { } key)
        {
            return (TokenVerdict.Invalid, null);
        }

        var isRight = await gate.VerifyAsync(key, token.Content, token.Signature).ConfigureAwait(false);
        if (isRight is null)
        {
            return (TokenVerdict.Overloaded, null);
        }

        if (isRight == false)
        {
            _bad.Add(digest, new(issuer, keys, null), now + LongestMemory);
            return (TokenVerdict.Invalid, null);
        }

        var good = draft! with { Key = key };
        var until = good.Until < now + LongestMemory ? good.Until : now + LongestMemory;
        _good.Add(digest, new(issuer, keys, good), until);
        return (TokenVerdict.Valid, good);
    }

    /// <summary>
    /// Whether a token that was found right still is, by the newest settings: for streams that are open. Needs no signature:
    /// the key that checked it must still be the issuer's.
    /// </summary>
    public static bool StillHolds(AccessToken token, IssuerDirectory issuers, DateTimeOffset now) =>
        now < token.Until
        && issuers.Of(token.Issuer.Settings.Url) is { } issuer
        && issuer.Settings.Name == token.Issuer.Settings.Name
        && (token.IsIntrospected ? issuer.Introspection is not null : IsSignedBy(issuer, token))
        && token.IsFor(issuer.Settings.Audiences);

    private static bool IsSignedBy(CompiledIssuer issuer, AccessToken token) =>
        token.Key is { } key
        && issuer.Settings.Algorithms.Contains(key.Algorithm.Name)
        && issuer.Source.Keys is { } keys
        && keys.Holds(key);

    // Three parts of which the first is the base64url of '{"': whatever else it is, only its issuer can say.
    private static bool IsOpaque(string text) =>
        !text.StartsWith("ey", StringComparison.Ordinal) || text.AsSpan().Count('.') != 2;

    private async ValueTask<(TokenVerdict, AccessToken?)> AskAsync(
        string text,
        Digest digest,
        IssuerDirectory issuers,
        IssuerChoice accepted
    )
    {
        var worst = TokenVerdict.Invalid;
        foreach (var issuer in issuers.Introspecting)
        {
            if (!accepted.Takes(issuer.Settings))
            {
                continue;
            }

            var (verdict, token) = await issuer
                .Introspection!.AskAsync(text, digest, issuer, http, time, logger)
                .ConfigureAwait(false);
            if (verdict is TokenVerdict.Valid or TokenVerdict.Expired or TokenVerdict.WrongAudience)
            {
                return (verdict, token);
            }

            // An issuer that is away is as good as one with too much to do: the caller may come again.
            worst = verdict == TokenVerdict.Invalid ? worst : TokenVerdict.Overloaded;
        }

        return (worst, null);
    }

    private sealed record Checked(CompiledIssuer Issuer, KeySet Keys, AccessToken? Token)
    {
        /// <summary>False when the issuer was changed or removed, or has other keys by now.</summary>
        public bool Counts(IssuerDirectory issuers) =>
            ReferenceEquals(issuers.Of(Issuer.Settings.Url), Issuer) && ReferenceEquals(Issuer.Source.Keys, Keys);
    }
}
