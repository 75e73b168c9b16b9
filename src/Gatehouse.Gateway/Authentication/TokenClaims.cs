using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>What is said of a token, in itself or by who issued it (RFC 7519, RFC 7662), and how it is read.</summary>
internal readonly struct TokenClaims(JsonElement claims)
{
    private const int MostScopes = 256;
    private const int MostAudiences = 32;
    private const int MostClaims = 32;
    private const int LongestClaim = 256;

    /// <summary>A claim that is text; null when it is missing. False when it is something else.</summary>
    public bool TryText(string claim, out string? text)
    {
        text = null;
        if (!claims.TryGetProperty(claim, out var value))
        {
            return true;
        }

        text = JsonText.Of(value);
        return text is not null;
    }

    /// <summary>A claim that is a time (RFC 7519 NumericDate); null when it is missing. False when it is something else or out of this world.</summary>
    public bool TryTime(string claim, out DateTimeOffset? time)
    {
        time = null;
        if (!claims.TryGetProperty(claim, out var value))
        {
            return true;
        }

        // The year 9999, less a day for whoever adds a skew.
        if (
            value.ValueKind != JsonValueKind.Number
            || !value.TryGetDouble(out var seconds)
            || !(seconds >= 0 && seconds < 253_402_214_400)
        )
        {
            return false;
        }

        time = DateTimeOffset.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond));
        return true;
    }

    /// <summary>Reads an access token.</summary>
    /// <param name="issuer">Whose it is.</param>
    /// <param name="digest">Names it in a revocation.</param>
    /// <param name="now">The time.</param>
    /// <param name="mustEnd">Whether one without <c>exp</c> is refused.</param>
    /// <param name="draft">The token, but for the key that signed it.</param>
    public TokenVerdict Read(
        CompiledIssuer issuer,
        Digest digest,
        DateTimeOffset now,
        bool mustEnd,
        out AccessToken? draft
    )
    {
        draft = null;
        var settings = issuer.Settings;
        if (
            !TryTime("exp", out var expires)
            || (expires is null && mustEnd)
            || !TryTime("nbf", out var begins)
            || !TryTime("iat", out var issued)
            || !TryText("sub", out var subject)
            || !TryText("jti", out var jti)
            || jti is { Length: > LongestClaim }
            || !TryList("aud", MostAudiences, out var audiences)
            || !TryScopes(settings.ScopeClaim, out var scopes)
            || !TryClient(settings.ClientClaims, out var client)
        )
        {
            return TokenVerdict.Invalid;
        }

        var until = expires is { } end ? end + settings.ClockSkew : DateTimeOffset.MaxValue;
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
            Digest = digest,
            JtiRevocation = jti is null ? null : Revocation.OfJti(settings.Name, jti),
            Client = client is null ? null : ApiKey.OfClient(settings.Name, client),
            Subject = subject,
            IsUsers = IsUsers(subject, client),
            Scopes = [.. scopes],
            Audiences = [.. audiences],
            Claims = PlainClaims(),
            Until = until,
        };
        return draft.IsFor(settings.Audiences) ? TokenVerdict.Valid : TokenVerdict.WrongAudience;
    }

    // WSO2 says it in "aut"; elsewhere a token whose subject is not its client speaks for a user.
    private bool IsUsers(string? subject, string? client) =>
        TryText("aut", out var aut) && aut is not null
            ? aut.Equals("APPLICATION_USER", StringComparison.OrdinalIgnoreCase)
            : subject is not null && subject != client;

    private bool TryClient(ImmutableArray<string> names, out string? client)
    {
        client = null;
        foreach (var name in names)
        {
            if (!TryText(name, out client))
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

    private bool TryList(string claim, int most, out string[] list)
    {
        list = [];
        if (!claims.TryGetProperty(claim, out var value))
        {
            return true;
        }

        var read = JsonText.ListOf(value, most);
        list = read ?? [];
        return read is not null;
    }

    private bool TryScopes(string claim, out string[] scopes)
    {
        scopes = [];
        if (!claims.TryGetProperty(claim, out var value))
        {
            return true;
        }

        if (value.ValueKind == JsonValueKind.String)
        {
            scopes = (JsonText.Of(value) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return scopes.Length <= MostScopes;
        }

        return TryList(claim, MostScopes, out scopes);
    }

    private ImmutableArray<KeyValuePair<string, string>> PlainClaims()
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
}
