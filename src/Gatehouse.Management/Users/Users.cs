using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The people who sign in, and what an administrator does with them. Every change is in the audit.</summary>
public sealed class Users(
    UserManager<User> identity,
    Catalogue catalogue,
    Sessions sessions,
    UserLinks links,
    AccessTokens tokens,
    LinkMail mail,
    IKeyManager? keyManager = null
)
{
    // The audit's names for what no person does, and the name that the machine's own sign-in links go by.
    private static readonly string[] s_reserved = ["admin", "system", "setup", "init", "nobody", "demo"];

    /// <summary>All users, by name.</summary>
    public async Task<ImmutableArray<User>> ListAsync(CancellationToken cancellation) =>
        [
            .. (await identity.Users.AsNoTracking().ToListAsync(cancellation).ConfigureAwait(false)).OrderBy(
                u => u.UserName,
                StringComparer.Ordinal
            ),
        ];

    /// <summary>The user of that name, upper and lower case alike. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<User> GetAsync(string name) =>
        await identity.FindByNameAsync(name).ConfigureAwait(false)
        ?? throw new NotFoundException("user", Excerpt.Of(name));

    /// <summary>True when nobody can sign in yet.</summary>
    public async Task<bool> IsEmptyAsync(CancellationToken cancellation) =>
        !await identity.Users.AnyAsync(cancellation).ConfigureAwait(false);

    /// <summary>Makes a user who sets the password with the link that comes back.</summary>
    public async Task<UserLink> InviteAsync(
        string name,
        string? fullName,
        string? email,
        ImmutableArray<string> roles,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var user = Draft(name, fullName, email, roles, UserState.Invited);
        await AddAsync(user, null, cancellation).ConfigureAwait(false);
        await NoteAsync(caller.Actor, $"invited user {name} ({user.RoleNames})", cancellation).ConfigureAwait(false);
        var link = await links
            .CreateAsync(user, UserLinks.InvitationLife, caller.User, cancellation)
            .ConfigureAwait(false);
        return await mail.SendAsync(user, link, isInvitation: true, cancellation).ConfigureAwait(false);
    }

    /// <summary>Makes a user of somebody who asks for it.</summary>
    /// <param name="name">The user name.</param>
    /// <param name="email">Where to reach them; may be null.</param>
    /// <param name="password">The password.</param>
    /// <param name="approval">True to wait for an administrator.</param>
    /// <param name="from">Remote address.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<User> SignUpAsync(
        string name,
        string? email,
        string password,
        bool approval,
        string from,
        CancellationToken cancellation
    )
    {
        if (s_reserved.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            throw new ConflictException($"The user name {name} is taken", "choose another");
        }

        var user = Draft(name, null, email, [Roles.Subscriber], approval ? UserState.AwaitsApproval : UserState.Active);
        await AddAsync(user, password, cancellation).ConfigureAwait(false);
        await NoteAsync(
                new(name, from),
                approval ? $"signed up as {name}, to be approved" : $"signed up as {name}",
                cancellation
            )
            .ConfigureAwait(false);
        return user;
    }

    /// <summary>Makes a user who signs in by an outside provider. Throws <see cref="ConflictException"/> when the name is taken.</summary>
    internal async Task<User> AddOutsideAsync(
        string name,
        string? fullName,
        string? email,
        ImmutableArray<string> roles,
        UserLoginInfo login,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (s_reserved.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            throw new ConflictException($"The user name {name} is taken", "choose another");
        }

        var user = Draft(name, fullName, email, roles, UserState.Active);
        user.SignedInAt = user.CreatedAt;
        await AddAsync(user, null, cancellation).ConfigureAwait(false);
        if (await identity.AddLoginAsync(user, login).ConfigureAwait(false) is { Succeeded: false } failed)
        {
            // A user whom nobody can be would be in the way of the next try.
            await identity.DeleteAsync(user).ConfigureAwait(false);
            Ensure(failed);
        }

        await NoteAsync(caller.Actor, $"made user {name} ({user.RoleNames})", cancellation).ConfigureAwait(false);
        return user;
    }

    /// <summary>
    /// Makes an administrator for whoever holds a sign-in code of this machine, or gives the one of that name a new password:
    /// the first administrator comes this way, and one who is locked out comes back.
    /// </summary>
    public async Task<User> SetUpAsync(
        string name,
        string? email,
        string password,
        Actor actor,
        CancellationToken cancellation
    )
    {
        if (await identity.FindByNameAsync(name).ConfigureAwait(false) is { } known)
        {
            await SetPasswordAsync(known, password).ConfigureAwait(false);
            known.State = UserState.Active;
            known.RoleNames = Roles.Join([Roles.Admin, .. known.Roles()]);
            known.TwoFactorEnabled = false;
            Ensure(await identity.UpdateAsync(known).ConfigureAwait(false));
            await sessions.EndAllAsync(known, null, cancellation).ConfigureAwait(false);
            await NoteAsync(actor, $"gave administrator {name} a new password with a sign-in link", cancellation)
                .ConfigureAwait(false);
            return known;
        }

        var user = Draft(name, null, email, [Roles.Admin], UserState.Active);
        await AddAsync(user, password, cancellation).ConfigureAwait(false);
        await NoteAsync(actor, $"set up administrator {name}", cancellation).ConfigureAwait(false);
        return user;
    }

    /// <summary>A link that lets the user set a new password; what was left of an invitation becomes this one.</summary>
    public async Task<UserLink> LinkAsync(string name, Caller caller, CancellationToken cancellation)
    {
        var user = await GetAsync(name).ConfigureAwait(false);
        var invited = user.State == UserState.Invited;
        await NoteAsync(
                caller.Actor,
                invited ? $"invited user {user.UserName} again" : $"made a password reset for user {user.UserName}",
                cancellation
            )
            .ConfigureAwait(false);
        var link = await links
            .CreateAsync(user, invited ? UserLinks.InvitationLife : UserLinks.ResetLife, caller.User, cancellation)
            .ConfigureAwait(false);
        // Who makes one for themselves is there to use it.
        return user.UserName == caller.User
            ? link
            : await mail.SendAsync(user, link, invited, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sets a password with a link. Null when the link is unknown, spent or expired.</summary>
    public async Task<User?> RedeemAsync(string code, string password, string from, CancellationToken cancellation)
    {
        if (
            await links.FindAsync(code, cancellation).ConfigureAwait(false) is not { } id
            || await identity.FindByIdAsync(id).ConfigureAwait(false) is not { } user
            || user.State is UserState.Locked or UserState.AwaitsApproval
        )
        {
            return null;
        }

        // A password that is refused must not cost the link.
        PasswordRules.Check(password, user.UserName!);
        if (!await links.SpendAsync(code, cancellation).ConfigureAwait(false))
        {
            return null;
        }

        await SetPasswordAsync(user, password).ConfigureAwait(false);
        user.State = UserState.Active;
        Ensure(await identity.UpdateAsync(user).ConfigureAwait(false));
        await sessions.EndAllAsync(user, null, cancellation).ConfigureAwait(false);
        await NoteAsync(new(user.UserName!, from), "set a password with a link", cancellation).ConfigureAwait(false);
        return user;
    }

    /// <summary>Gives the user other roles, from the next request on. The last administrator stays one.</summary>
    public async Task<User> SetRolesAsync(
        string name,
        ImmutableArray<string> roles,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var user = await GetAsync(name).ConfigureAwait(false);
        Roles.Check(roles);
        if (!roles.Contains(Roles.Admin))
        {
            await KeepAnAdministratorAsync(user, "take the role from", cancellation).ConfigureAwait(false);
        }

        var before = user.RoleNames;
        user.RoleNames = Roles.Join(roles);
        Ensure(await identity.UpdateAsync(user).ConfigureAwait(false));
        await NoteAsync(
                caller.Actor,
                $"set the roles of user {user.UserName} to {user.RoleNames} (before: {before})",
                cancellation
            )
            .ConfigureAwait(false);
        return user;
    }

    /// <summary>Changes how the user is called and reached.</summary>
    public async Task<User> SetProfileAsync(
        string name,
        string? fullName,
        string? email,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var user = await GetAsync(name).ConfigureAwait(false);
        CheckProfile(fullName, email);
        user.FullName = fullName;
        user.Email = email;
        Ensure(await identity.UpdateAsync(user).ConfigureAwait(false));
        await NoteAsync(caller.Actor, $"changed the profile of user {user.UserName}", cancellation)
            .ConfigureAwait(false);
        return user;
    }

    /// <summary>Lets the user in no more: sessions end at once and access tokens count no more until unlocked.</summary>
    public async Task<User> LockAsync(string name, Caller caller, CancellationToken cancellation)
    {
        var user = await GetAsync(name).ConfigureAwait(false);
        await KeepAnAdministratorAsync(user, "lock", cancellation).ConfigureAwait(false);
        user.State = UserState.Locked;
        Ensure(await identity.UpdateAsync(user).ConfigureAwait(false));
        await sessions.EndAllAsync(user, null, cancellation).ConfigureAwait(false);
        await RevokeGrantsAsync(user, cancellation).ConfigureAwait(false);
        await NoteAsync(caller.Actor, $"locked user {user.UserName}", cancellation).ConfigureAwait(false);
        return user;
    }

    /// <summary>Lets the user in: after a lock, after too many wrong passwords, or for the first time after a sign-up.</summary>
    public async Task<User> UnlockAsync(string name, Caller caller, CancellationToken cancellation)
    {
        var user = await GetAsync(name).ConfigureAwait(false);
        var before = user.State;
        user.State =
            user.PasswordHash is null
            && before != UserState.AwaitsApproval
            && (await identity.GetLoginsAsync(user).ConfigureAwait(false)).Count == 0
                ? UserState.Invited
                : UserState.Active;
        user.AccessFailedCount = 0;
        user.LockoutEnd = null;
        Ensure(await identity.UpdateAsync(user).ConfigureAwait(false));
        await NoteAsync(
                caller.Actor,
                before == UserState.AwaitsApproval
                    ? $"approved user {user.UserName}"
                    : $"unlocked user {user.UserName}",
                cancellation
            )
            .ConfigureAwait(false);
        return user;
    }

    /// <summary>Takes the second factor away, for somebody who lost it.</summary>
    public async Task RemoveSecondFactorAsync(string name, Caller caller, CancellationToken cancellation)
    {
        var user = await GetAsync(name).ConfigureAwait(false);
        Ensure(await identity.SetTwoFactorEnabledAsync(user, false).ConfigureAwait(false));
        await NoteAsync(caller.Actor, $"removed the second factor of user {user.UserName}", cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>Removes the user and ends all their access. Refused while applications are theirs: the name would inherit them.</summary>
    public async Task DeleteAsync(string name, Caller caller, CancellationToken cancellation)
    {
        var user = await GetAsync(name).ConfigureAwait(false);
        await KeepAnAdministratorAsync(user, "delete", cancellation).ConfigureAwait(false);
        var owned = (
            await catalogue
                .ListAsync(EntityKinds.Application, ModelJson.Default.Application, cancellation)
                .ConfigureAwait(false)
        )
            .Where(a => a.Value.Owner == user.UserName)
            .Select(a => a.Value.Name)
            .ToList();
        if (owned.Count > 0)
        {
            throw new ConflictException(
                $"{user.UserName} owns {owned.Count} applications: {string.Join(", ", owned.Take(5))}",
                $"delete them first, or keep the account and lock it: gatehouse user lock {user.UserName}"
            );
        }

        await tokens.RevokeAllAsync(user.UserName!, caller.Actor, cancellation).ConfigureAwait(false);
        await RevokeGrantsAsync(user, cancellation).ConfigureAwait(false);
        Ensure(await identity.DeleteAsync(user).ConfigureAwait(false));
        await NoteAsync(caller.Actor, $"deleted user {user.UserName}", cancellation).ConfigureAwait(false);
    }

    /// <summary>Throws <see cref="ProblemsException"/> with what Identity says.</summary>
    internal static void Ensure(IdentityResult result)
    {
        if (result.Succeeded)
        {
            return;
        }

        if (result.Errors.Any(e => e.Code == nameof(IdentityErrorDescriber.ConcurrencyFailure)))
        {
            throw new ConflictException("The user was changed meanwhile", "read it again and repeat");
        }

        throw new ProblemsException([
            .. result.Errors.Select(e => new Problem(
                e.Code.Contains("Password", StringComparison.Ordinal) ? "/password"
                    : e.Code.Contains("Email", StringComparison.Ordinal) ? "/email"
                    : "/user",
                e.Description.TrimEnd('.')
            )),
        ]);
    }

    private Task RevokeGrantsAsync(User user, CancellationToken cancellation) =>
        keyManager?.RevokeUserAsync(user.Id, cancellation) ?? Task.CompletedTask;

    private async Task AddAsync(User user, string? password, CancellationToken cancellation)
    {
        if (password is not null)
        {
            PasswordRules.Check(password, user.UserName!);
        }

        if (await identity.FindByNameAsync(user.UserName!).ConfigureAwait(false) is not null)
        {
            throw new ConflictException($"The user name {user.UserName} is taken", "choose another");
        }

        // A token made for the bare name before there was a user must not become the user's.
        if (user.UserName != "admin")
        {
            await tokens.RevokeAllAsync(user.UserName!, Actor.System, cancellation).ConfigureAwait(false);
        }

        Ensure(
            password is null
                ? await identity.CreateAsync(user).ConfigureAwait(false)
                : await identity.CreateAsync(user, password).ConfigureAwait(false)
        );
    }

    private async Task SetPasswordAsync(User user, string password)
    {
        PasswordRules.Check(password, user.UserName!);
        var proof = await identity.GeneratePasswordResetTokenAsync(user).ConfigureAwait(false);
        Ensure(await identity.ResetPasswordAsync(user, proof, password).ConfigureAwait(false));
        user.AccessFailedCount = 0;
        user.LockoutEnd = null;
    }

    private async Task KeepAnAdministratorAsync(User user, string what, CancellationToken cancellation)
    {
        var all = await ListAsync(cancellation).ConfigureAwait(false);
        if (
            !all.Any(u => u.Id != user.Id && u.State == UserState.Active && u.Roles().Contains(Roles.Admin))
            && user.State == UserState.Active
            && user.Roles().Contains(Roles.Admin)
        )
        {
            throw new ConflictException(
                $"{user.UserName} is the only administrator who can sign in",
                $"make another one before you {what} this one"
            );
        }
    }

    private User Draft(string name, string? fullName, string? email, ImmutableArray<string> roles, UserState state)
    {
        AccessTokens.CheckUser(name);
        Roles.Check(roles);
        CheckProfile(fullName, email);
        return new()
        {
            UserName = name,
            FullName = fullName,
            Email = email,
            RoleNames = Roles.Join(roles),
            State = state,
            LockoutEnabled = true,
            CreatedAt = catalogue.Time.GetUtcNow(),
        };
    }

    private static void CheckProfile(string? fullName, string? email)
    {
        if (fullName is { Length: 0 or > 100 } || (fullName?.Any(char.IsControl) ?? false))
        {
            throw new ProblemsException([new("/fullName", "A full name has 1 to 100 characters", "leave it out")]);
        }

        if (
            email is not null
            && (
                email.Length > 254
                || !System.Net.Mail.MailAddress.TryCreate(email, out var read)
                || read.Address != email
            )
        )
        {
            throw new ProblemsException([
                new("/email", $"'{Excerpt.Of(email)}' is no mail address", "write it as ann@example.com"),
            ]);
        }
    }

    private Task NoteAsync(Actor actor, string summary, CancellationToken cancellation) =>
        catalogue.NoteAsync(actor, summary, cancellation);
}
