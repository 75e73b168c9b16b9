using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// Single-use codes that let a user set a password: an invitation, or a way back in. They work without mail: whoever makes
/// one copies the link.
/// </summary>
public sealed class UserLinks(CatalogueDatabase database, TimeProvider time)
{
    /// <summary>How long an invitation is good for.</summary>
    public static readonly TimeSpan InvitationLife = TimeSpan.FromDays(7);

    /// <summary>How long a password reset is good for.</summary>
    public static readonly TimeSpan ResetLife = TimeSpan.FromHours(24);

    private const string Prefix = "ghu_";
    private const string Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    // 43 digits of base 62 carry 256 bits.
    private const int Digits = 43;

    /// <summary>A new code in place of the user's older ones. Shown to its maker only.</summary>
    public async Task<UserLink> CreateAsync(User user, TimeSpan life, string by, CancellationToken cancellation)
    {
        var code = Prefix + RandomNumberGenerator.GetString(Base62, Digits);
        var now = time.GetUtcNow();
        var context = database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            await context
                .Links.Where(l => l.UserId == user.Id || l.ExpiresAt < now)
                .ExecuteDeleteAsync(cancellation)
                .ConfigureAwait(false);
            context.Links.Add(
                new()
                {
                    Hash = Hash(code),
                    UserId = user.Id,
                    CreatedBy = by,
                    ExpiresAt = now + life,
                }
            );
            await context.SaveChangesAsync(cancellation).ConfigureAwait(false);
        }

        return new(user.UserName!, code, $"/sign-in#link={code}", now + life);
    }

    /// <summary>The id of the user a good code is for; null when it is unknown, spent or expired. Spends nothing.</summary>
    public async Task<string?> FindAsync(string code, CancellationToken cancellation)
    {
        if (code.Length != Prefix.Length + Digits || !code.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var (hash, now) = (Hash(code), time.GetUtcNow());
        var context = database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            return await context
                .Links.Where(l => l.Hash == hash && l.ExpiresAt > now)
                .Select(l => l.UserId)
                .SingleOrDefaultAsync(cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Spends a code. False when somebody was faster.</summary>
    public async Task<bool> SpendAsync(string code, CancellationToken cancellation)
    {
        var hash = Hash(code);
        var context = database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            return await context.Links.Where(l => l.Hash == hash).ExecuteDeleteAsync(cancellation).ConfigureAwait(false)
                == 1;
        }
    }

    private static Digest Hash(string code) => Digest.Of(Encoding.UTF8.GetBytes(code));
}

/// <summary>A single-use link in the one moment it can be read.</summary>
/// <param name="User">Whom it lets set a password.</param>
/// <param name="Code">What stands in its fragment.</param>
/// <param name="Path">The link below a manager's address; the code stands in the fragment, which no browser sends.</param>
/// <param name="ExpiresAt">Not good for anything from here on.</param>
/// <param name="MailedTo">The mailbox it was sent to; null when it has to be handed over.</param>
/// <param name="Trouble">Why it was not sent though there is a mail server and an address; null for no trouble.</param>
public sealed record UserLink(
    string User,
    string Code,
    string Path,
    DateTimeOffset ExpiresAt,
    string? MailedTo = null,
    string? Trouble = null
);
