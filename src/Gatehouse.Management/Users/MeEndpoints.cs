using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>What everybody does with their own account.</summary>
internal static class MeEndpoints
{
    public static void MapMe(this IEndpointRouteBuilder rest)
    {
        var me = rest.MapGroup("/me");
        me.MapGet("", ShowAsync).WithSummary("One's own account").Require(Permission.Read);
        me.MapPut("/profile", SetProfileAsync)
            .WithSummary("Changes one's own name and mail address")
            .Require(Permission.Read);
        me.MapPost("/password", ChangePasswordAsync).WithSummary("Changes one's own password").Require(Permission.Read);
        me.MapPost("/authenticator", BeginAuthenticatorAsync)
            .WithSummary("Begins to ask for one-time codes")
            .Require(Permission.Read);
        me.MapPost("/authenticator/confirmation", ConfirmAuthenticatorAsync)
            .WithSummary("Confirms the authenticator; answers with recovery codes")
            .Require(Permission.Read);
        me.MapDelete("/authenticator", RemoveAuthenticatorAsync)
            .WithSummary("Ends asking for one-time codes")
            .Require(Permission.Read);
        me.MapGet("/passkeys", ListPasskeysAsync).WithSummary("One's own passkeys").Require(Permission.Read);
        me.MapPost("/passkeys/options", BeginPasskeyAsync)
            .WithSummary("Begins to make a passkey: what the browser is asked for")
            .Require(Permission.Read);
        me.MapPost("/passkeys", MakePasskeyAsync)
            .WithSummary("Keeps the passkey that the browser made")
            .Require(Permission.Read);
        me.MapDelete("/passkeys/{id}", RemovePasskeyAsync)
            .WithSummary("Removes one of one's own passkeys")
            .Require(Permission.Read);
        me.MapGet("/sessions", ListSessionsAsync).WithSummary("Where one is signed in").Require(Permission.Read);
        me.MapDelete("/sessions/{id}", EndSessionAsync)
            .WithSummary("Ends one of one's own sessions")
            .Require(Permission.Read);
        me.MapGet("/tokens", ListTokensAsync).WithSummary("One's own access tokens").Require(Permission.Read);
        me.MapPost("/tokens", CreateTokenAsync)
            .Once()
            .WithSummary("Makes an access token; it is in this answer only")
            .Require(Permission.Read);
        me.MapDelete("/tokens/{id}", RevokeTokenAsync)
            .WithSummary("Revokes one of one's own access tokens")
            .Require(Permission.Read);
    }

    private static async Task<Ok<MeView>> ShowAsync(Caller caller, UserManager<User> identity, Catalogue catalogue)
    {
        var user = await identity.FindByNameAsync(caller.User).ConfigureAwait(false);
        return TypedResults.Ok(
            new MeView(
                caller.User,
                caller.AllRoles,
                [.. caller.Permissions.Select(p => p.ToString().ToLowerInvariant())],
                caller.TokenId,
                user is null ? null : UserView.Of(user, catalogue.Time.GetUtcNow())
            )
        );
    }

    private static async Task<Ok<UserView>> SetProfileAsync(
        SetProfile ask,
        Caller caller,
        Users users,
        Catalogue catalogue,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            UserView.Of(
                await users
                    .SetProfileAsync(caller.User, ask.FullName, ask.Email, caller, cancellation)
                    .ConfigureAwait(false),
                catalogue.Time.GetUtcNow()
            )
        );

    private static async Task<Results<NoContent, JsonHttpResult<ProblemDocument>>> ChangePasswordAsync(
        ChangePassword ask,
        HttpContext http,
        Caller caller,
        UserManager<User> identity,
        SignIns signIns,
        SignInAttempts attempts,
        Sessions sessions,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        var user = await OwnAsync(caller, identity).ConfigureAwait(false);
        PasswordRules.Check(ask.Password, user.UserName!);
        if (
            await RefuseAsync(http, user, ask.Current, signIns, attempts, cancellation).ConfigureAwait(false) is
            { } refused
        )
        {
            return refused;
        }

        Users.Ensure(await identity.ChangePasswordAsync(user, ask.Current, ask.Password).ConfigureAwait(false));
        await sessions.EndAllAsync(user, caller.TokenId, cancellation).ConfigureAwait(false);
        await catalogue
            .NoteAsync(caller.Actor, "changed their password; other sessions ended", cancellation)
            .ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<AuthenticatorKey>, JsonHttpResult<ProblemDocument>>> BeginAuthenticatorAsync(
        ProvePassword ask,
        HttpContext http,
        Caller caller,
        UserManager<User> identity,
        SignIns signIns,
        SignInAttempts attempts,
        ManagementOptions options,
        CancellationToken cancellation
    )
    {
        var user = await OwnAsync(caller, identity).ConfigureAwait(false);
        if (user.TwoFactorEnabled)
        {
            // The old one would count no more from here on, before the new one is shown to work.
            throw new ConflictException("One-time codes are asked for already", "remove the authenticator first");
        }

        http.Response.Headers.CacheControl = "no-store";
        return
            await RefuseAsync(http, user, ask.Password, signIns, attempts, cancellation).ConfigureAwait(false)
                is { } refused
            ? refused
            : TypedResults.Ok(await signIns.BeginAuthenticatorAsync(user, options.Cluster).ConfigureAwait(false));
    }

    private static async Task<Ok<RecoveryCodes>> ConfirmAuthenticatorAsync(
        ConfirmAuthenticator ask,
        HttpContext http,
        Caller caller,
        UserManager<User> identity,
        SignIns signIns,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        var user = await OwnAsync(caller, identity).ConfigureAwait(false);
        http.Response.Headers.CacheControl = "no-store";
        var codes =
            await signIns.ConfirmAuthenticatorAsync(user, ask.Code).ConfigureAwait(false)
            ?? throw new ProblemsException([
                new(
                    "/code",
                    "That is not the code that the app shows now",
                    "check the clock of the phone, and try the next one"
                ),
            ]);
        await catalogue.NoteAsync(caller.Actor, "added an authenticator app", cancellation).ConfigureAwait(false);
        return TypedResults.Ok(new RecoveryCodes([.. codes]));
    }

    private static async Task<Results<NoContent, JsonHttpResult<ProblemDocument>>> RemoveAuthenticatorAsync(
        [Microsoft.AspNetCore.Mvc.FromBody] ProvePassword ask,
        HttpContext http,
        Caller caller,
        UserManager<User> identity,
        SignIns signIns,
        SignInAttempts attempts,
        Users users,
        CancellationToken cancellation
    )
    {
        var user = await OwnAsync(caller, identity).ConfigureAwait(false);
        if (
            await RefuseAsync(http, user, ask.Password, signIns, attempts, cancellation).ConfigureAwait(false) is
            { } refused
        )
        {
            return refused;
        }

        await users.RemoveSecondFactorAsync(caller.User, caller, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<Page<PasskeyView>>> ListPasskeysAsync(
        int? limit,
        int? offset,
        Caller caller,
        UserManager<User> identity,
        Passkeys passkeys
    )
    {
        var user = await OwnAsync(caller, identity).ConfigureAwait(false);
        return TypedResults.Ok(Paging.Of(await passkeys.ListAsync(user).ConfigureAwait(false), limit, offset));
    }

    private static async Task<Results<Ok<PasskeyCeremony>, JsonHttpResult<ProblemDocument>>> BeginPasskeyAsync(
        ProvePassword ask,
        HttpContext http,
        Caller caller,
        UserManager<User> identity,
        SignIns signIns,
        SignInAttempts attempts,
        Passkeys passkeys,
        CancellationToken cancellation
    )
    {
        var user = await OwnAsync(caller, identity).ConfigureAwait(false);
        http.Response.Headers.CacheControl = "no-store";
        return
            await RefuseAsync(http, user, ask.Password, signIns, attempts, cancellation).ConfigureAwait(false)
                is { } refused
            ? refused
            : TypedResults.Ok(await passkeys.BeginMakingAsync(user, http).ConfigureAwait(false));
    }

    private static async Task<Created<PasskeyView>> MakePasskeyAsync(
        MakePasskey ask,
        HttpContext http,
        Caller caller,
        UserManager<User> identity,
        Passkeys passkeys,
        CancellationToken cancellation
    )
    {
        var user = await OwnAsync(caller, identity).ConfigureAwait(false);
        var made = await passkeys.MakeAsync(user, ask, http, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/me/passkeys/{made.Id}", made);
    }

    private static async Task<NoContent> RemovePasskeyAsync(
        string id,
        Caller caller,
        UserManager<User> identity,
        Passkeys passkeys,
        CancellationToken cancellation
    )
    {
        var user = await OwnAsync(caller, identity).ConfigureAwait(false);
        await passkeys.RemoveAsync(user, id, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<Page<SessionView>>> ListSessionsAsync(
        int? limit,
        int? offset,
        Caller caller,
        Sessions sessions,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(
                await sessions.ListAsync(caller.User, caller.TokenId, cancellation).ConfigureAwait(false),
                limit,
                offset
            )
        );

    private static async Task<NoContent> EndSessionAsync(
        string id,
        Caller caller,
        Sessions sessions,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        if (!await sessions.EndAsync(id, caller.User, cancellation).ConfigureAwait(false))
        {
            throw new NotFoundException("session", OpenApi.Excerpt.Of(id));
        }

        await catalogue.NoteAsync(caller.Actor, $"ended their session {id}", cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<Page<AccessTokenView>>> ListTokensAsync(
        int? limit,
        int? offset,
        Caller caller,
        AccessTokens tokens,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(await tokens.ListAsync(caller.User, cancellation).ConfigureAwait(false), limit, offset)
        );

    private static async Task<Created<IssuedToken>> CreateTokenAsync(
        CreateAccessToken? ask,
        HttpContext http,
        Caller caller,
        AccessTokens tokens,
        CancellationToken cancellation
    )
    {
        // No further than what asks for it.
        var roles = ask?.Roles ?? caller.AllRoles;
        Roles.Check(roles);
        if (
            roles.Except(caller.AllRoles).Any()
            || roles.SelectMany(Roles.PermissionsOf).Any(permission => !caller.May(permission))
        )
        {
            throw new ConflictException(
                "You cannot make a token that reaches further than what you show",
                "take of your own roles, and sign in without a bound"
            );
        }

        http.Response.Headers.CacheControl = "no-store";
        var made = await tokens
            .IssueAsync(caller.User, Roles.Join(roles), caller.Actor, cancellation)
            .ConfigureAwait(false);
        return TypedResults.Created($"/api/v1/me/tokens/{made.Id}", made);
    }

    private static async Task<NoContent> RevokeTokenAsync(
        string id,
        Caller caller,
        AccessTokens tokens,
        CancellationToken cancellation
    )
    {
        if (
            !await tokens.IsOfAsync(id, caller.User, cancellation).ConfigureAwait(false)
            || !await tokens.RevokeAsync(id, caller.Actor, cancellation).ConfigureAwait(false)
        )
        {
            throw new NotFoundException("access token", OpenApi.Excerpt.Of(id));
        }

        return TypedResults.NoContent();
    }

    private static async Task<User> OwnAsync(Caller caller, UserManager<User> identity) =>
        await identity.FindByNameAsync(caller.User).ConfigureAwait(false)
        ?? throw new ConflictException(
            $"{caller.User} has no account: this token is of the machine's sign-in link",
            "make yourself an account with a link from gatehouse login --new-link"
        );

    // A stolen session must not take the account over.
    private static async Task<JsonHttpResult<ProblemDocument>?> RefuseAsync(
        HttpContext http,
        User user,
        string password,
        SignIns signIns,
        SignInAttempts attempts,
        CancellationToken cancellation
    )
    {
        if (attempts.Wait(http) is { } wait)
        {
            return wait;
        }

        if (await signIns.IsRightAsync(user, password, cancellation).ConfigureAwait(false) == true)
        {
            return null;
        }

        await attempts.FailedAsync(http, user.UserName!, cancellation).ConfigureAwait(false);
        return ManagementProblems.Problem(
            StatusCodes.Status403Forbidden,
            "That is not your present password",
            "Changes to how you sign in need it."
        );
    }
}
