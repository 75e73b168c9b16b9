using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The bearer tokens of people and programs, and the single-use codes they are got with. Only hashes are stored.</summary>
public sealed class AccessTokens(Catalogue catalogue)
{
    /// <summary>How long a token is good for.</summary>
    public static readonly TimeSpan TokenLife = TimeSpan.FromDays(30);

    /// <summary>How long a sign-in code is good for.</summary>
    public static readonly TimeSpan CodeLife = TimeSpan.FromMinutes(15);

    private const string TokenPrefix = "gha_";
    private const string CodePrefix = "ghs_";
    private const string Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    // 43 digits of base 62 carry 256 bits.
    private const int SecretLength = 43;

    /// <summary>A code that signs <paramref name="user"/> in once. Shown to its maker only.</summary>
    public async Task<string> CreateSignInCodeAsync(
        string user,
        string role,
        Actor actor,
        CancellationToken cancellation
    )
    {
        CheckUser(user, role);
        var code = CodePrefix + RandomNumberGenerator.GetString(Base62, SecretLength);
        var now = catalogue.Time.GetUtcNow();
        var transaction = new CatalogueTransaction(actor, $"made a sign-in code for {user} ({role})").Also(
            async (context, ct) =>
            {
                await context.SignInCodes.Where(c => c.ExpiresAt < now).ExecuteDeleteAsync(ct).ConfigureAwait(false);
                context.SignInCodes.Add(
                    new()
                    {
                        Hash = Hash(code),
                        User = user,
                        Role = role,
                        ExpiresAt = now + CodeLife,
                    }
                );
            }
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return code;
    }

    /// <summary>Spends a sign-in code. Null when it is unknown, spent or expired.</summary>
    public async Task<IssuedToken?> RedeemAsync(string code, string from, CancellationToken cancellation)
    {
        if (!IsWellFormed(code, CodePrefix))
        {
            return null;
        }

        var hash = Hash(code);
        SignInCodeRow? known;
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            known = await context
                .SignInCodes.AsNoTracking()
                .SingleOrDefaultAsync(c => c.Hash == hash, cancellation)
                .ConfigureAwait(false);
        }

        if (known is null || known.ExpiresAt <= catalogue.Time.GetUtcNow())
        {
            return null;
        }

        var (token, row) = NewToken(known.User, known.Role);
        var won = false;
        var transaction = new CatalogueTransaction(new(known.User, from), $"signed in, token {row.Id}").Also(
            async (context, ct) =>
            {
                // Deleting decides who was first: two callers with one code get one token.
                won =
                    await context.SignInCodes.Where(c => c.Hash == hash).ExecuteDeleteAsync(ct).ConfigureAwait(false)
                    == 1;
                if (!won)
                {
                    throw new CodeSpentException();
                }

                context.AccessTokens.Add(row);
            }
        );
        try
        {
            await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
            return new(token, row.Id, row.User, row.Role, row.ExpiresAt);
        }
        catch (CodeSpentException)
        {
            return null;
        }
    }

    /// <summary>Makes a token for <paramref name="user"/>. It is shown here and never again.</summary>
    public async Task<IssuedToken> IssueAsync(string user, string role, Actor actor, CancellationToken cancellation)
    {
        CheckUser(user, role);
        var (token, row) = NewToken(user, role);
        var transaction = new CatalogueTransaction(actor, $"made access token {row.Id} for {user} ({role})").Also(
            (context, _) =>
            {
                context.AccessTokens.Add(row);
                return Task.CompletedTask;
            }
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return new(token, row.Id, row.User, row.Role, row.ExpiresAt);
    }

    /// <summary>The row of a good token; null when it is malformed, unknown, expired or revoked.</summary>
    public async Task<AccessTokenRow?> AuthenticateAsync(string token, CancellationToken cancellation)
    {
        if (!IsWellFormed(token, TokenPrefix))
        {
            return null;
        }

        // The look-up is by hash: what its timing tells is nothing about a token of 256 random bits.
        var hash = Hash(token);
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var row = await context
                .AccessTokens.AsNoTracking()
                .SingleOrDefaultAsync(t => t.Hash == hash, cancellation)
                .ConfigureAwait(false);
            return row is { RevokedAt: null } && row.ExpiresAt > catalogue.Time.GetUtcNow() ? row : null;
        }
    }

    /// <summary>Ends a token at once. False when there is no such good token.</summary>
    public async Task<bool> RevokeAsync(string id, Actor actor, CancellationToken cancellation)
    {
        var now = catalogue.Time.GetUtcNow();
        var revoked = 0;
        var transaction = new CatalogueTransaction(actor, $"revoked access token {id}").Also(
            async (context, ct) =>
                revoked = await context
                    .AccessTokens.Where(t => t.Id == id && t.RevokedAt == null)
                    .ExecuteUpdateAsync(set => set.SetProperty(t => t.RevokedAt, now), ct)
                    .ConfigureAwait(false)
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return revoked > 0;
    }

    private (string Token, AccessTokenRow Row) NewToken(string user, string role)
    {
        var token = TokenPrefix + RandomNumberGenerator.GetString(Base62, SecretLength);
        var now = catalogue.Time.GetUtcNow();
        return (
            token,
            new()
            {
                Id = "tok_" + RandomNumberGenerator.GetString("0123456789abcdefghjkmnpqrstvwxyz", 8),
                Hash = Hash(token),
                User = user,
                Role = role,
                CreatedAt = now,
                ExpiresAt = now + TokenLife,
            }
        );
    }

    private static void CheckUser(string user, string role)
    {
        if (user.Length is 0 or > 64 || user.Any(c => !char.IsAsciiLetterOrDigit(c) && !"-_.@+".Contains(c)))
        {
            throw new ProblemsException([
                new("/user", "A user name has 1 to 64 letters, digits and -_.@+", "choose another name"),
            ]);
        }

        if (!Roles.Names.Contains(role))
        {
            throw new ProblemsException([
                new("/role", $"There is no role '{role}'", $"take {string.Join(", ", Roles.Names)}"),
            ]);
        }
    }

    private static bool IsWellFormed(string text, string prefix) =>
        text.Length == prefix.Length + SecretLength && text.StartsWith(prefix, StringComparison.Ordinal);

    private static Digest Hash(string secret) => Digest.Of(Encoding.UTF8.GetBytes(secret));

    private sealed class CodeSpentException : Exception;
}

/// <summary>A token in the one moment it can be read.</summary>
/// <param name="Token">What goes after <c>Bearer</c>.</param>
/// <param name="Id">Names it from now on.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Role">What it allows.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record IssuedToken(string Token, string Id, string User, string Role, DateTimeOffset ExpiresAt);
