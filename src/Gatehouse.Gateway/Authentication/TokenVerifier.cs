using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Gatehouse.Model;

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
internal sealed class TokenVerifier(TimeProvider time, CryptoGate gate)
{
    /// <summary>Longest that a check is remembered.</summary>
    public static readonly TimeSpan LongestMemory = TimeSpan.FromSeconds(60);

    private const int MostScopes = 256;
    private const int MostAudiences = 32;
    private const int MostClaims = 32;
    private const int LongestClaim = 256;

    private readonly TokenCache<Checked> _good = new(capacity: 20_000);

    // Bad signatures only: all else is refused for less than the memory costs.
    private readonly TokenCache<Checked> _bad = new(capacity: 2_000);

    /// <summary>Tokens remembered as good.</summary>
    public int Remembered => _good.Count;

    /// <summary>What is remembered of a token; null when it has to be checked.</summary>
    public (TokenVerdict Verdict, AccessToken? Token)? Recall(
        Digest digest,
        IssuerDirectory issuers,
        DateTimeOffset now
    )
    {
        if (_good.TryGet(digest, now, out var good) && good.Counts(issuers))
        {
            return now < good.Token!.Until ? (TokenVerdict.Valid, good.Token) : (TokenVerdict.Expired, null);
        }

        return _bad.TryGet(digest, now, out var bad) && bad.Counts(issuers) ? (TokenVerdict.Invalid, null) : null;
    }

    /// <summary>Checks a token. Does not throw. Waits for the issuer's keys at most <see cref="KeySource.LongestWait"/>.</summary>
    public async ValueTask<(TokenVerdict Verdict, AccessToken? Token)> CheckAsync(
        string text,
        Digest digest,
        IssuerDirectory issuers
    )
    {
        using var token = UnverifiedToken.Parse(text);
        if (
            token is null
            || !token.TryText("iss", out var iss)
            || iss is null
            || issuers.Of(iss) is not { } issuer
            || !issuer.Settings.Algorithms.Contains(token.Algorithm)
        )
        {
            return (TokenVerdict.Invalid, null);
        }

        // What costs nothing comes before what costs a signature.
        var now = time.GetUtcNow();
        var verdict = Read(token, issuer, text, now, out var draft);
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
        && token.Key is { } key
        && issuer.Settings.Algorithms.Contains(key.Algorithm.Name)
        && issuer.Source.Keys is { } keys
        && keys.Holds(key)
        && token.IsFor(issuer.Settings.Audiences);

    private static TokenVerdict Read(
        UnverifiedToken token,
        CompiledIssuer issuer,
        string text,
        DateTimeOffset now,
        out AccessToken? draft
    )
    {
        draft = null;
        var settings = issuer.Settings;
        if (
            !token.TryTime("exp", out var expires)
            || expires is not { } end
            || !token.TryTime("nbf", out var begins)
            || !token.TryTime("iat", out var issued)
            || !token.TryText("sub", out var subject)
            || !token.TryText("jti", out var jti)
            || jti is { Length: > LongestClaim }
            || !TryList(token, "aud", MostAudiences, out var audiences)
            || !TryScopes(token, settings.ScopeClaim, out var scopes)
            || !TryClient(token, settings.ClientClaims, out var client)
        )
        {
            return TokenVerdict.Invalid;
        }

        var until = end + settings.ClockSkew;
        if (now >= until)
        {
            return TokenVerdict.Expired;
        }

        if (now + settings.ClockSkew < begins || now + settings.ClockSkew < issued)
        {
            return TokenVerdict.Invalid;
        }

        draft = new()
        {
            Issuer = issuer,
            Digest = Revocation.TokenDigest(text),
            JtiRevocation = jti is null ? null : Revocation.OfJti(settings.Name, jti),
            Client = client is null ? null : ApiKey.OfClient(settings.Name, client),
            Subject = subject,
            IsUsers = IsUsers(token, subject, client),
            Scopes = [.. scopes],
            Audiences = [.. audiences],
            Claims = PlainClaims(token.Claims),
            Until = until,
        };
        return draft.IsFor(settings.Audiences) ? TokenVerdict.Valid : TokenVerdict.WrongAudience;
    }

    // WSO2 says it in "aut"; elsewhere a token whose subject is not its client speaks for a user.
    private static bool IsUsers(UnverifiedToken token, string? subject, string? client) =>
        token.TryText("aut", out var aut) && aut is not null
            ? aut.Equals("APPLICATION_USER", StringComparison.OrdinalIgnoreCase)
            : subject is not null && subject != client;

    private static bool TryClient(UnverifiedToken token, ImmutableArray<string> claims, out string? client)
    {
        client = null;
        foreach (var claim in claims)
        {
            if (!token.TryText(claim, out client))
            {
                return false;
            }

            if (client is not null)
            {
                return true;
            }
        }

        return true;
    }

    private static bool TryList(UnverifiedToken token, string claim, int most, out string[] list)
    {
        list = [];
        if (!token.Claims.TryGetProperty(claim, out var value))
        {
            return true;
        }

        var read = JsonText.ListOf(value, most);
        list = read ?? [];
        return read is not null;
    }

    private static bool TryScopes(UnverifiedToken token, string claim, out string[] scopes)
    {
        scopes = [];
        if (!token.Claims.TryGetProperty(claim, out var value))
        {
            return true;
        }

        if (value.ValueKind == JsonValueKind.String)
        {
            scopes = (JsonText.Of(value) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return scopes.Length <= MostScopes;
        }

        return TryList(token, claim, MostScopes, out scopes);
    }

    private static ImmutableArray<KeyValuePair<string, string>> PlainClaims(JsonElement claims)
    {
        var plain = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        foreach (var claim in claims.EnumerateObject())
        {
            var value = claim.Value.ValueKind switch
            {
                JsonValueKind.String => JsonText.Of(claim.Value),
                JsonValueKind.Number => claim.Value.GetRawText(),
                JsonValueKind.True => bool.TrueString.ToLower(CultureInfo.InvariantCulture),
                JsonValueKind.False => bool.FalseString.ToLower(CultureInfo.InvariantCulture),
                _ => null,
            };
            if (value is { Length: <= LongestClaim } && claim.Name.Length <= LongestClaim && plain.Count < MostClaims)
            {
                plain.Add(new(claim.Name, value));
            }
        }

        return plain.ToImmutable();
    }

    private sealed record Checked(CompiledIssuer Issuer, KeySet Keys, AccessToken? Token)
    {
        /// <summary>False when the issuer was changed or removed, or has other keys by now.</summary>
        public bool Counts(IssuerDirectory issuers) =>
            ReferenceEquals(issuers.Of(Issuer.Settings.Url), Issuer) && ReferenceEquals(Issuer.Source.Keys, Keys);
    }
}
