using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Whose access tokens APIs take, and the tokens that count no more.</summary>
public sealed class Issuers(
    Catalogue catalogue,
    EntitySecrets secrets,
    Environments environments,
    IKeyManager? keyManager = null
)
{
    /// <summary>All issuers, by name.</summary>
    public async Task<ImmutableArray<Issuer>> ListAsync(CancellationToken cancellation)
    {
        var all = await catalogue
            .ListAsync(EntityKinds.Issuer, ModelJson.Default.Issuer, cancellation)
            .ConfigureAwait(false);
        return [.. all.Select(i => i.Value).OrderBy(i => i.Name, StringComparer.Ordinal)];
    }

    /// <summary>True for the key manager of this cluster, which is made and kept by itself.</summary>
    public bool IsOwn(string name) => name == keyManager?.Issuer;

    /// <summary>The issuer of that name. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<StoredEntity<Issuer>> GetAsync(string name, CancellationToken cancellation) =>
        await catalogue
            .FindAsync(EntityKinds.Issuer, name, ModelJson.Default.Issuer, cancellation)
            .ConfigureAwait(false)
        ?? throw new NotFoundException("issuer", Excerpt.Of(name));

    /// <summary>As below, with the secret that is there.</summary>
    public Task<Issuer> PutAsync(Issuer issuer, bool replace, Caller caller, CancellationToken cancellation) =>
        PutAsync(issuer, null, replace, caller, cancellation);

    /// <summary>
    /// Makes an issuer, or replaces the one of its name. Throws <see cref="ProblemsException"/> with all that is wrong,
    /// <see cref="ConflictException"/> when it is there already or its tokens are another's.
    /// </summary>
    /// <param name="issuer">The issuer, without its secret.</param>
    /// <param name="secret">The secret that its introspection endpoint asks for; null keeps the one that is there for the same client and address.</param>
    /// <param name="replace">True to replace one.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<Issuer> PutAsync(
        Issuer issuer,
        string? secret,
        bool replace,
        Caller caller,
        CancellationToken cancellation
    )
    {
        RefuseOwn(issuer.Name);
        if (IssuerRules.Check(issuer) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        var all = await ListAsync(cancellation).ConfigureAwait(false);
        if (!replace && all.Any(i => i.Name == issuer.Name))
        {
            throw new ConflictException($"There is an issuer {issuer.Name} already", "add --update to replace it");
        }

        if (all.FirstOrDefault(i => i.Url == issuer.Url && i.Name != issuer.Name) is { } taken)
        {
            throw new ConflictException(
                $"Tokens with the iss {Excerpt.Of(issuer.Url)} are {taken.Name}'s",
                $"change that one, or delete it first: gatehouse issuer delete {taken.Name}"
            );
        }

        issuer = WithSecret(issuer, secret, all.FirstOrDefault(i => i.Name == issuer.Name));
        var transaction = new CatalogueTransaction(caller.Actor, $"set issuer {issuer.Name}").Put(
            EntityKinds.Issuer,
            issuer.Name,
            issuer,
            ModelJson.Default.Issuer,
            expectedEpoch: replace ? null : 0
        );
        await environments
            .EnsureKnownAsync(issuer.Environments, "/environments", transaction, cancellation)
            .ConfigureAwait(false);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return issuer;
    }

    private Issuer WithSecret(Issuer issuer, string? secret, Issuer? before)
    {
        if (issuer.Introspection is not { } asked)
        {
            return issuer;
        }

        // Kept for the same client and address only: with another address it would go to somebody else.
        var kept =
            before?.Introspection is { } last && (last.Url, last.ClientId) == (asked.Url, asked.ClientId)
                ? last.Secret
                : null;
        var closed = secret is null
            ? kept
            : secrets.Close(Introspection.PlaceOf(issuer.Name), secret, "/introspectionSecret");
        return (asked.ClientId, closed) is (null, null) or (not null, not null)
            ? issuer with
            {
                Introspection = asked with { Secret = closed },
            }
            : throw new ProblemsException([
                new(
                    "/introspectionSecret",
                    "A client of the introspection endpoint has an id and a secret",
                    "give both, or none of them"
                ),
            ]);
    }

    // The key manager writes it itself, and would again.
    private void RefuseOwn(string name)
    {
        if (name == keyManager?.Issuer)
        {
            throw new ConflictException(
                $"The issuer {name} is the key manager of this cluster, which keeps it itself",
                "choose another name; its keys change with POST /api/v1/key-manager/keys"
            );
        }
    }

    /// <summary>Deletes an issuer: none of its tokens counts any more.</summary>
    public async Task DeleteAsync(string name, Caller caller, CancellationToken cancellation)
    {
        RefuseOwn(name);
        var issuer = await GetAsync(name, cancellation).ConfigureAwait(false);
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"deleted issuer {issuer.Name}").Delete(
                    EntityKinds.Issuer,
                    issuer.Name,
                    issuer.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>Ends one access token everywhere, by itself or by its issuer and <c>jti</c>. The token is hashed and forgotten.</summary>
    public async Task<RevokedToken> RevokeAsync(RevokeToken ask, Caller caller, CancellationToken cancellation)
    {
        string name;
        DateTimeOffset? until = null;
        if (ask.Token is { Length: > 0 } token && ask.Jti is null)
        {
            name = Revocation.OfToken(Revocation.TokenDigest(token.Trim()));
            until = EndOf(token.Trim());
        }
        else if (ask is { Token: null, Jti: { Length: > 0 and <= 256 } jti, Issuer: { Length: > 0 } issuer })
        {
            name = Revocation.OfJti((await GetAsync(issuer, cancellation).ConfigureAwait(false)).Name, jti);
        }
        else
        {
            throw new ProblemsException([
                new("/token", "Nothing says which token is meant", "give the token, or its issuer and its jti"),
            ]);
        }

        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"revoked access token {name}").Put(
                    EntityKinds.Revocation,
                    name,
                    new Revocation
                    {
                        Reason = ask.Reason ?? $"revoked by {caller.User}",
                        At = catalogue.Time.GetUtcNow(),
                    },
                    ModelJson.Default.Revocation,
                    expiresAt: until
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return new(name, until);
    }

    // A forged end only makes its own token's revocation end early, and a forged token opens nothing anyway. The hour is for
    // clock skews.
    private static DateTimeOffset? EndOf(string token)
    {
        try
        {
            var parts = token.Split('.');
            if (parts.Length != 3)
            {
                return null;
            }

            using var claims = JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(parts[1]));
            return
                claims.RootElement.TryGetProperty("exp", out var exp)
                && exp.TryGetInt64(out var seconds)
                && seconds is > 0 and < 253_402_214_400
                ? DateTimeOffset.FromUnixTimeSeconds(seconds).AddHours(1)
                : null;
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}

/// <summary>Asks to end one access token.</summary>
/// <param name="Token">The token itself; it is not kept.</param>
/// <param name="Issuer">The issuer's name, with <paramref name="Jti"/>.</param>
/// <param name="Jti">The token's <c>jti</c>.</param>
/// <param name="Reason">Why, for people.</param>
public sealed record RevokeToken(
    string? Token = null,
    string? Issuer = null,
    string? Jti = null,
    string? Reason = null
);

/// <summary>What was revoked.</summary>
/// <param name="Name">The revocation's name.</param>
/// <param name="ExpiresAt">When the token would have died by itself; null when that is not known.</param>
public sealed record RevokedToken(string Name, DateTimeOffset? ExpiresAt);
