using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Where people are signed in. A session that is ended here counts nowhere from its next request on, on every manager.</summary>
public sealed class Sessions(CatalogueDatabase database, TimeProvider time)
{
    /// <summary>A session that is not used for so long ends.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromMinutes(30);

    /// <summary>A session ends after so long, used or not.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(12);

    private const int MostPerUser = 50;
    private const int LongestAgent = 200;

    private static readonly TimeSpan s_seenStep = TimeSpan.FromMinutes(1);

    /// <summary>Begins one. Beyond 50 of a user the one unused for longest ends.</summary>
    public async Task<SessionRow> BeginAsync(User user, string from, string agent, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var session = new SessionRow
        {
            Id = "ses_" + RandomNumberGenerator.GetHexString(32, lowercase: true),
            UserId = user.Id,
            CreatedAt = now,
            SeenAt = now,
            ExpiresAt = now + Longest,
            From = from,
            Agent = new([.. agent.Where(c => !char.IsControl(c)).Take(LongestAgent)]),
        };
        var context = database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            var (ended, idle) = (now, now - Idle);
            await context
                .Sessions.Where(s => s.ExpiresAt < ended || s.SeenAt < idle)
                .ExecuteDeleteAsync(cancellation)
                .ConfigureAwait(false);
            var own = await context
                .Sessions.Where(s => s.UserId == user.Id)
                .OrderByDescending(s => s.SeenAt)
                .Skip(MostPerUser - 1)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            context.Sessions.RemoveRange(own);
            context.Sessions.Add(session);
            await context.SaveChangesAsync(cancellation).ConfigureAwait(false);
        }

        return session;
    }

    /// <summary>The user of a running session; null when it ended, or its user may not sign in any more.</summary>
    public async Task<User?> FindUserAsync(string id, CancellationToken cancellation)
    {
        var context = database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            var found = await (
                from session in context.Sessions
                join user in context.Users on session.UserId equals user.Id
                where session.Id == id
                select new { session, user }
            )
                .AsNoTracking()
                .SingleOrDefaultAsync(cancellation)
                .ConfigureAwait(false);
            var now = time.GetUtcNow();
            if (found is null || !IsRunning(found.session, now) || found.user.State != UserState.Active)
            {
                return null;
            }

            if (now - found.session.SeenAt >= s_seenStep)
            {
                await context
                    .Sessions.Where(s => s.Id == id)
                    .ExecuteUpdateAsync(set => set.SetProperty(s => s.SeenAt, now), cancellation)
                    .ConfigureAwait(false);
            }

            return found.user;
        }
    }

    /// <summary>The running sessions of one user, or of all, the last used first.</summary>
    public async Task<ImmutableArray<SessionView>> ListAsync(
        string? user,
        string? current,
        CancellationToken cancellation
    )
    {
        var context = database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            var rows = await (
                from session in context.Sessions
                join owner in context.Users on session.UserId equals owner.Id
                where user == null || owner.UserName == user
                orderby session.SeenAt descending
                select new { session, owner.UserName }
            )
                .AsNoTracking()
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            var now = time.GetUtcNow();
            return
            [
                .. rows.Where(r => IsRunning(r.session, now))
                    .Select(r => new SessionView(
                        r.session.Id,
                        r.UserName!,
                        r.session.CreatedAt,
                        r.session.SeenAt,
                        r.session.ExpiresAt,
                        r.session.From,
                        r.session.Agent,
                        r.session.Id == current
                    )),
            ];
        }
    }

    /// <summary>Ends a session; of <paramref name="user"/> only, when that is given. False when there is none.</summary>
    public async Task<bool> EndAsync(string id, string? user, CancellationToken cancellation)
    {
        var context = database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            var ended = await context
                .Sessions.Where(s =>
                    s.Id == id && (user == null || context.Users.Any(u => u.Id == s.UserId && u.UserName == user))
                )
                .ExecuteDeleteAsync(cancellation)
                .ConfigureAwait(false);
            return ended > 0;
        }
    }

    /// <summary>Ends all sessions of a user but, when it is given, one.</summary>
    public async Task EndAllAsync(User user, string? except, CancellationToken cancellation)
    {
        var context = database.OpenUsers();
        await using (context.ConfigureAwait(false))
        {
            await context
                .Sessions.Where(s => s.UserId == user.Id && s.Id != except)
                .ExecuteDeleteAsync(cancellation)
                .ConfigureAwait(false);
        }
    }

    private static bool IsRunning(SessionRow session, DateTimeOffset now) =>
        session.ExpiresAt > now && session.SeenAt + Idle > now;
}

/// <summary>One place somebody is signed in from.</summary>
/// <param name="Id">Names it.</param>
/// <param name="User">Whose it is.</param>
/// <param name="CreatedAt">When it began.</param>
/// <param name="SeenAt">When it was last used, to the minute.</param>
/// <param name="ExpiresAt">It ends then at the latest.</param>
/// <param name="From">Remote address it began from.</param>
/// <param name="Agent">What the browser called itself.</param>
/// <param name="Current">True for the one that asks.</param>
public sealed record SessionView(
    string Id,
    string User,
    DateTimeOffset CreatedAt,
    DateTimeOffset SeenAt,
    DateTimeOffset ExpiresAt,
    string From,
    string Agent,
    bool Current
);
