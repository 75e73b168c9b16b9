using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Identity;

namespace Gatehouse.Management;

/// <summary>What signing in by an outside provider came to.</summary>
[JsonConverter(typeof(DashedEnum<OidcVerdict>))]
public enum OidcVerdict
{
    /// <summary>Signed in.</summary>
    Done,

    /// <summary>The account that was signed in is connected with the provider's.</summary>
    Connected,

    /// <summary>The provider, or the person there, said no.</summary>
    Denied,

    /// <summary>The provider does not answer, or answers what cannot be trusted.</summary>
    Provider,

    /// <summary>The way back took too long, or another browser came back.</summary>
    Expired,

    /// <summary>No account here is connected with theirs, and none is made.</summary>
    NoAccount,

    /// <summary>None of their roles or groups gives one here.</summary>
    NoRole,

    /// <summary>The account here is locked.</summary>
    NotAllowed,

    /// <summary>An account here has their name already, and is not connected with theirs.</summary>
    NameTaken,

    /// <summary>The provider gives no name that an account here can have.</summary>
    NoName,

    /// <summary>Theirs is connected with another account here.</summary>
    ConnectedElsewhere,
}

/// <summary>
/// Who a person of an outside provider is here. They are found by issuer and subject alone: a name or a mail address that is
/// the same connects nothing.
/// </summary>
public sealed class OidcSignIns(UserManager<User> identity, Users users, Catalogue catalogue, OidcProvider provider)
{
    internal const string LoginProvider = "oidc";

    // What the row of a connection says: the account was made for it and has its roles from there, or was there before.
    private const string Made = "made";
    private const string Connected = "connected";

    /// <summary>The user with these claims of a token that was verified; made when there is none and the settings say so.</summary>
    public async Task<(OidcVerdict Verdict, User? User)> SignInAsync(
        JsonElement claims,
        string from,
        CancellationToken cancellation
    )
    {
        var key = KeyOf(claims);
        var roles = provider.RolesOf(claims);
        var user = await identity.FindByLoginAsync(LoginProvider, key).ConfigureAwait(false);
        if (user is null)
        {
            return await MakeAsync(claims, key, roles, from, cancellation).ConfigureAwait(false);
        }

        if (user.State != UserState.Active)
        {
            return (OidcVerdict.NotAllowed, null);
        }

        if (await IsMadeAsync(user).ConfigureAwait(false))
        {
            if (roles.IsEmpty)
            {
                return (OidcVerdict.NoRole, null);
            }

            user.FullName = NameOf(claims) ?? user.FullName;
            user.Email = MailOf(claims) ?? user.Email;
            if (user.RoleNames != Roles.Join(roles))
            {
                user = await users
                    .SetRolesAsync(user.UserName!, roles, CallerOf(from), cancellation)
                    .ConfigureAwait(false);
            }
        }

        user.SignedInAt = catalogue.Time.GetUtcNow();
        Users.Ensure(await identity.UpdateAsync(user).ConfigureAwait(false));
        return (OidcVerdict.Done, user);
    }

    /// <summary>Lets the person with these claims sign in as <paramref name="userId"/> from now on, who is signed in.</summary>
    public async Task<OidcVerdict> ConnectAsync(
        string userId,
        JsonElement claims,
        string from,
        CancellationToken cancellation
    )
    {
        var key = KeyOf(claims);
        var user = await identity.FindByIdAsync(userId).ConfigureAwait(false);
        if (user is not { State: UserState.Active })
        {
            return OidcVerdict.NotAllowed;
        }

        if (await identity.FindByLoginAsync(LoginProvider, key).ConfigureAwait(false) is { } known)
        {
            return known.Id == user.Id ? OidcVerdict.Connected : OidcVerdict.ConnectedElsewhere;
        }

        Users.Ensure(await identity.AddLoginAsync(user, new(LoginProvider, key, Connected)).ConfigureAwait(false));
        await catalogue
            .NoteAsync(new(user.UserName!, from), $"connected their account with one of {provider.Name}", cancellation)
            .ConfigureAwait(false);
        return OidcVerdict.Connected;
    }

    /// <summary>Takes all connections of a user away. Refused for one who has no password and could not come in again.</summary>
    public async Task DisconnectAsync(Caller caller, CancellationToken cancellation)
    {
        var user = await users.GetAsync(caller.User).ConfigureAwait(false);
        if (user.PasswordHash is null)
        {
            throw new ConflictException(
                "This account has no password, so nobody could sign in to it any more",
                "set a password first: ask an administrator for a link"
            );
        }

        foreach (var login in await identity.GetLoginsAsync(user).ConfigureAwait(false))
        {
            Users.Ensure(
                await identity.RemoveLoginAsync(user, login.LoginProvider, login.ProviderKey).ConfigureAwait(false)
            );
        }

        await catalogue
            .NoteAsync(caller.Actor, $"took the connection with {provider.Name} away", cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>Whether a user may sign in by the provider.</summary>
    public async Task<bool> IsConnectedAsync(string name) =>
        await identity.FindByNameAsync(name).ConfigureAwait(false) is { } user
        && (await identity.GetLoginsAsync(user).ConfigureAwait(false)).Any(l => l.LoginProvider == LoginProvider);

    private async Task<(OidcVerdict Verdict, User? User)> MakeAsync(
        JsonElement claims,
        string key,
        ImmutableArray<string> roles,
        string from,
        CancellationToken cancellation
    )
    {
        if (!provider.CreatesUsers)
        {
            return (OidcVerdict.NoAccount, null);
        }

        if (roles.IsEmpty)
        {
            return (OidcVerdict.NoRole, null);
        }

        if (OidcProvider.TextAt(claims, provider.UserClaim) is not { } name || !AccessTokens.IsUserName(name))
        {
            return (OidcVerdict.NoName, null);
        }

        try
        {
            var user = await users
                .AddOutsideAsync(
                    name,
                    NameOf(claims),
                    MailOf(claims),
                    roles,
                    new(LoginProvider, key, Made),
                    CallerOf(from),
                    cancellation
                )
                .ConfigureAwait(false);
            return (OidcVerdict.Done, user);
        }
        catch (ConflictException)
        {
            return (OidcVerdict.NameTaken, null);
        }
    }

    private async Task<bool> IsMadeAsync(User user) =>
        (await identity.GetLoginsAsync(user).ConfigureAwait(false)).Any(l =>
            l.LoginProvider == LoginProvider && l.ProviderDisplayName == Made
        );

    private Caller CallerOf(string from) => new($"provider {provider.Name}", "", "", from);

    private static string KeyOf(JsonElement claims) =>
        OidcProvider.KeyOf(
            OidcProvider.TextAt(claims, "iss") ?? throw new FormatException("The token has no issuer."),
            OidcProvider.TextAt(claims, "sub") ?? throw new FormatException("The token has no subject.")
        );

    private static string? NameOf(JsonElement claims) =>
        OidcProvider.TextAt(claims, "name") is { Length: > 0 and <= 100 } name && !name.Any(char.IsControl)
            ? name
            : null;

    private static string? MailOf(JsonElement claims) =>
        OidcProvider.TextAt(claims, "email") is { Length: <= 254 } mail
        && System.Net.Mail.MailAddress.TryCreate(mail, out var read)
        && read.Address == mail
            ? mail
            : null;
}

/// <summary>What people are told of signing in by a provider.</summary>
public static class OidcVerdicts
{
    /// <summary>The query parameter that pages are told with.</summary>
    public const string Parameter = "provider";

    /// <summary>What stands in the address for a verdict.</summary>
    public static string Code(OidcVerdict verdict) => JsonNamingPolicy.KebabCaseLower.ConvertName(verdict.ToString());

    /// <summary>A sentence and what to do; null for an address that says nothing of the kind, or for what went well.</summary>
    public static (string Title, string Fix)? Tell(string? code, string provider) =>
        Enum.GetValues<OidcVerdict>().Where(v => Code(v) == code).Select(v => Tell(v, provider)).FirstOrDefault();

    private static (string Title, string Fix)? Tell(OidcVerdict verdict, string provider) =>
        verdict switch
        {
            OidcVerdict.Denied => ($"{provider} did not let you in", "try again, or sign in with a password"),
            OidcVerdict.Provider => (
                $"{provider} did not answer as it should",
                "try again in a moment; the manager's log says what was wrong"
            ),
            OidcVerdict.Expired => ("Coming back took too long, or began in another browser", "try again"),
            OidcVerdict.NoAccount => (
                $"No account here is connected with yours of {provider}",
                "sign in with your password and connect it on your account's page, or ask an administrator for an account"
            ),
            OidcVerdict.NoRole => (
                $"None of your roles of {provider} opens anything here",
                "ask an administrator to map one of them (signIn.oidc.roles)"
            ),
            OidcVerdict.NotAllowed => (
                "This account may not sign in",
                "it waits for approval or was locked; ask an administrator"
            ),
            OidcVerdict.NameTaken => (
                $"An account here has your user name of {provider} already",
                "if it is yours, sign in with its password and connect it on your account's page"
            ),
            OidcVerdict.NoName => (
                $"{provider} gives no user name that an account here can have",
                "ask an administrator to name another claim (signIn.oidc.userClaim)"
            ),
            OidcVerdict.ConnectedElsewhere => (
                $"Your account of {provider} is connected with another one here",
                "sign in to that one and take the connection away first"
            ),
            _ => null,
        };
}
