using System.Collections.Immutable;
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

    /// <summary>
    /// Whose a good token is, with the roles of this moment; null when it is malformed, unknown, expired or revoked, or its
    /// user may not sign in.
    /// </summary>
    public async Task<KnownToken?> AuthenticateAsync(string token, CancellationToken cancellation)
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
            return row is { RevokedAt: null } && row.ExpiresAt > catalogue.Time.GetUtcNow()
                ? await KnownAsync(row, cancellation).ConfigureAwait(false)
                : null;
        }
    }

    /// <summary>The good tokens of a user, the newest first.</summary>
    public async Task<ImmutableArray<AccessTokenView>> ListAsync(string user, CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var now = catalogue.Time.GetUtcNow();
            return
            [
                .. await context
                    .AccessTokens.AsNoTracking()
                    .Where(t => t.User == user && t.RevokedAt == null && t.ExpiresAt > now)
                    .OrderByDescending(t => t.CreatedAt)
                    .Select(t => new AccessTokenView(t.Id, t.Role, t.CreatedAt, t.ExpiresAt))
                    .ToListAsync(cancellation)
                    .ConfigureAwait(false),
            ];
        }
    }

    /// <summary>Whether <paramref name="id"/> is a token of that user.</summary>
    public async Task<bool> IsOfAsync(string id, string user, CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            return await context
                .AccessTokens.AnyAsync(t => t.Id == id && t.User == user, cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Ends every token of a user at once, and every sign-in code.</summary>
    public async Task RevokeAllAsync(string user, Actor actor, CancellationToken cancellation)
    {
        var now = catalogue.Time.GetUtcNow();
        var transaction = new CatalogueTransaction(actor, $"revoked all access tokens of {user}").Also(
            async (context, ct) =>
            {
                await context.SignInCodes.Where(c => c.User == user).ExecuteDeleteAsync(ct).ConfigureAwait(false);
                await context
                    .AccessTokens.Where(t => t.User == user && t.RevokedAt == null)
                    .ExecuteUpdateAsync(set => set.SetProperty(t => t.RevokedAt, now), ct)
                    .ConfigureAwait(false);
            }
        );
        if (await HasAnyAsync(user, cancellation).ConfigureAwait(false))
        {
            await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Whom a good sign-in code is for and with which role; null when it is unknown, spent or expired. Spends nothing.</summary>
    public async Task<(string User, string Role)?> FindCodeAsync(string code, CancellationToken cancellation)
    {
        if (!IsWellFormed(code, CodePrefix))
        {
            return null;
        }

        var (hash, now) = (Hash(code), catalogue.Time.GetUtcNow());
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            return
                await context
                    .SignInCodes.AsNoTracking()
                    .SingleOrDefaultAsync(c => c.Hash == hash && c.ExpiresAt > now, cancellation)
                    .ConfigureAwait(false)
                    is { } row
                ? (row.User, row.Role)
                : null;
        }
    }

    /// <summary>Spends a sign-in code without making a token. False when somebody was faster.</summary>
    public async Task<bool> SpendCodeAsync(string code, Actor actor, CancellationToken cancellation)
    {
        var hash = Hash(code);
        var spent = 0;
        var transaction = new CatalogueTransaction(actor, "spent a sign-in code").Also(
            async (context, ct) =>
                spent = await context
                    .SignInCodes.Where(c => c.Hash == hash)
                    .ExecuteDeleteAsync(ct)
                    .ConfigureAwait(false)
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return spent == 1;
    }

    /// <summary>True for an <c>Authorization</c> header with a token of ours rather than the key manager's.</summary>
    internal static bool LooksLikeOne(string header) =>
        header.StartsWith("Bearer " + TokenPrefix, StringComparison.OrdinalIgnoreCase);

    private async Task<bool> HasAnyAsync(string user, CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            return await context
                    .AccessTokens.AnyAsync(t => t.User == user && t.RevokedAt == null, cancellation)
                    .ConfigureAwait(false)
                || await context.SignInCodes.AnyAsync(c => c.User == user, cancellation).ConfigureAwait(false);
        }
    }

    // A token keeps the roles it was made with, and of these what its user still has. The name that this machine's sign-in
    // links go by is nobody's until somebody takes it.
    private async Task<KnownToken?> KnownAsync(AccessTokenRow row, CancellationToken cancellation)
    {
        var normalized = row.User.ToUpperInvariant();
        var context = catalogue.Database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            var user = await context
                .Users.AsNoTracking()
                .SingleOrDefaultAsync(u => u.NormalizedUserName == normalized, cancellation)
                .ConfigureAwait(false);
            var made = row.Role.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return user switch
            {
                null => new(row.User, row.Id, [.. made]),
                { State: UserState.Active } => new(user.UserName!, row.Id, [.. made.Intersect(user.Roles())]),
                _ => null,
            };
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

    /// <summary>True for what a user can be called.</summary>
    public static bool IsUserName(string user) =>
        user.Length is > 0 and <= 64 && user.All(c => char.IsAsciiLetterOrDigit(c) || "-_.@+".Contains(c));

    /// <summary>Throws <see cref="ProblemsException"/> when nobody can be called that.</summary>
    public static void CheckUser(string user)
    {
        if (!IsUserName(user))
        {
            throw new ProblemsException([
                new("/user", "A user name has 1 to 64 letters, digits and -_.@+", "choose another name"),
            ]);
        }
    }

    private static void CheckUser(string user, string roles)
    {
        CheckUser(user);
        Roles.Check([.. roles.Split(' ')]);
    }

    private static bool IsWellFormed(string text, string prefix) =>
        text.Length == prefix.Length + SecretLength && text.StartsWith(prefix, StringComparison.Ordinal);

    private static Digest Hash(string secret) => Digest.Of(Encoding.UTF8.GetBytes(secret));

    private sealed class CodeSpentException : Exception;
}

/// <summary>Whose a good token is.</summary>
/// <param name="User">The user's name.</param>
/// <param name="Id">Names the token.</param>
/// <param name="Roles">What it allows at this moment.</param>
public sealed record KnownToken(string User, string Id, ImmutableArray<string> Roles);

/// <summary>An access token without its secret.</summary>
/// <param name="Id">Names it.</param>
/// <param name="Roles">What it was made to allow, with spaces between.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record AccessTokenView(string Id, string Roles, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt);

/// <summary>A token in the one moment it can be read.</summary>
/// <param name="Token">What goes after <c>Bearer</c>.</param>
/// <param name="Id">Names it from now on.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Role">What it allows.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record IssuedToken(string Token, string Id, string User, string Role, DateTimeOffset ExpiresAt);
