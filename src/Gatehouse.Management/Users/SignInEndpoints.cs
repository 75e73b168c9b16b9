using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>
/// How a browser signs in: the answers set the session's cookie. JSON only, so that no form of another site can send one.
/// Limits come before anything is hashed.
/// </summary>
internal static class SignInEndpoints
{
    public static void MapSignIn(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/sign-in", ShowAsync).WithSummary("What a sign-in page has to offer").AllowAnonymous();
        rest.MapPost("/sign-in", WithPasswordAsync).WithSummary("Signs in with a password").AllowAnonymous();
        rest.MapPost("/sign-in/one-time-code", WithOneTimeCodeAsync)
            .WithSummary("The second step of signing in")
            .AllowAnonymous();
        rest.MapPost("/sign-in/passkey/options", BeginPasskeyAsync)
            .WithSummary("Begins to sign in with a passkey: what the browser is asked for")
            .AllowAnonymous();
        rest.MapPost("/sign-in/passkey", WithPasskeyAsync).WithSummary("Signs in with a passkey").AllowAnonymous();
        rest.MapPost("/set-up", SetUpAsync).WithSummary("Makes the first administrator").AllowAnonymous();
        rest.MapPost("/sign-up", SignUpAsync).WithSummary("Asks for an account").AllowAnonymous();
        rest.MapPost("/links", RedeemAsync).WithSummary("Sets a password with a single-use link").AllowAnonymous();
    }

    private static async Task<Ok<SignInOptions>> ShowAsync(
        Users users,
        Catalogue catalogue,
        ManagementOptions options,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            new SignInOptions(
                await users.IsEmptyAsync(cancellation).ConfigureAwait(false),
                (await AccountSettings.ReadAsync(catalogue, cancellation).ConfigureAwait(false)).SignUp,
                PasswordRules.Shortest,
                options.Oidc?.Name
            )
        );

    private static async Task<Results<Ok<SignInProgress>, JsonHttpResult<ProblemDocument>>> WithPasswordAsync(
        PasswordSignIn ask,
        HttpContext http,
        SignInAttempts attempts,
        SignIns signIns,
        CancellationToken cancellation
    )
    {
        if (attempts.Wait(http) is { } wait)
        {
            return wait;
        }

        var result = await signIns.WithPasswordAsync(ask.User, ask.Password, cancellation).ConfigureAwait(false);
        return await attempts.AnswerAsync(http, result, ask.User, cancellation).ConfigureAwait(false);
    }

    private static async Task<Results<Ok<SignInProgress>, JsonHttpResult<ProblemDocument>>> WithOneTimeCodeAsync(
        OneTimeCodeSignIn ask,
        HttpContext http,
        SignInAttempts attempts,
        SignIns signIns,
        CancellationToken cancellation
    )
    {
        if (attempts.Wait(http) is { } wait)
        {
            return wait;
        }

        var result = await signIns.WithOneTimeCodeAsync(ask.Ticket, ask.Code).ConfigureAwait(false);
        return await attempts.AnswerAsync(http, result, "a second step", cancellation).ConfigureAwait(false);
    }

    private static async Task<Results<Ok<PasskeyCeremony>, JsonHttpResult<ProblemDocument>>> BeginPasskeyAsync(
        HttpContext http,
        SignInAttempts attempts,
        Passkeys passkeys
    ) =>
        attempts.Wait(http) is { } wait
            ? wait
            : TypedResults.Ok(await passkeys.BeginUsingAsync(http).ConfigureAwait(false));

    private static async Task<Results<Ok<SignInProgress>, JsonHttpResult<ProblemDocument>>> WithPasskeyAsync(
        UsePasskey ask,
        HttpContext http,
        SignInAttempts attempts,
        Passkeys passkeys,
        CancellationToken cancellation
    )
    {
        if (attempts.Wait(http) is { } wait)
        {
            return wait;
        }

        var result = await passkeys.UseAsync(ask, http).ConfigureAwait(false);
        return await attempts.AnswerAsync(http, result, "a passkey", cancellation).ConfigureAwait(false);
    }

    private static async Task<Results<Ok<SignInProgress>, JsonHttpResult<ProblemDocument>>> SetUpAsync(
        SetUp ask,
        HttpContext http,
        SignInAttempts attempts,
        AccessTokens tokens,
        Users users,
        CancellationToken cancellation
    )
    {
        if (attempts.Wait(http) is { } wait)
        {
            return wait;
        }

        var actor = new Actor(ask.User, Caller.RemoteOf(http));
        AccessTokens.CheckUser(ask.User);
        // What is refused must not cost the code.
        PasswordRules.Check(ask.Password, ask.User);
        if (
            await tokens.FindCodeAsync(ask.Code, cancellation).ConfigureAwait(false) is not { Role: Roles.Admin }
            || !await tokens.SpendCodeAsync(ask.Code, actor, cancellation).ConfigureAwait(false)
        )
        {
            return await attempts
                .AnswerAsync(http, new(SignInVerdict.Refused), "a sign-in code", cancellation)
                .ConfigureAwait(false);
        }

        var user = await users.SetUpAsync(ask.User, ask.Email, ask.Password, actor, cancellation).ConfigureAwait(false);
        return await attempts
            .AnswerAsync(http, new(SignInVerdict.Done, user), user.UserName!, cancellation)
            .ConfigureAwait(false);
    }

    private static async Task<Results<Ok<SignInProgress>, JsonHttpResult<ProblemDocument>>> SignUpAsync(
        SignUp ask,
        HttpContext http,
        SignInAttempts attempts,
        Users users,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        if (attempts.WaitToSignUp(http) is { } wait)
        {
            return wait;
        }

        var mode = (await AccountSettings.ReadAsync(catalogue, cancellation).ConfigureAwait(false)).SignUp;
        if (mode == SignUpMode.Off)
        {
            return ManagementProblems.Problem(
                StatusCodes.Status403Forbidden,
                "Nobody signs up here",
                "Ask an administrator for an invitation."
            );
        }

        var user = await users
            .SignUpAsync(
                ask.User,
                ask.Email,
                ask.Password,
                mode == SignUpMode.Approval,
                Caller.RemoteOf(http),
                cancellation
            )
            .ConfigureAwait(false);
        if (user.State != UserState.Active)
        {
            return TypedResults.Ok(new SignInProgress(SignInState.AwaitsApproval, user.UserName));
        }

        return await attempts
            .AnswerAsync(http, new(SignInVerdict.Done, user), user.UserName!, cancellation)
            .ConfigureAwait(false);
    }

    private static async Task<Results<Ok<SignInProgress>, JsonHttpResult<ProblemDocument>>> RedeemAsync(
        RedeemLink ask,
        HttpContext http,
        SignInAttempts attempts,
        Users users,
        SignIns signIns,
        CancellationToken cancellation
    )
    {
        if (attempts.Wait(http) is { } wait)
        {
            return wait;
        }

        var user = await users
            .RedeemAsync(ask.Code, ask.Password, Caller.RemoteOf(http), cancellation)
            .ConfigureAwait(false);
        // A link stands for the password, not for the second factor.
        var result =
            user is null ? new(SignInVerdict.Refused)
            : user.TwoFactorEnabled
                ? await signIns.WithPasswordAsync(user.UserName!, ask.Password, cancellation).ConfigureAwait(false)
            : new SignInResult(SignInVerdict.Done, user);
        return await attempts.AnswerAsync(http, result, "a link", cancellation).ConfigureAwait(false);
    }
}

/// <summary>Limits tries before they cost anything, and turns what came of one into an answer.</summary>
/// <param name="signIns">Of signing in.</param>
/// <param name="signUps">Of making accounts.</param>
/// <param name="sessions">Where a session begins.</param>
/// <param name="catalogue">For the audit.</param>
public sealed class SignInAttempts(AttemptLimit signIns, AttemptLimit signUps, Sessions sessions, Catalogue catalogue)
{
    /// <summary>429 when this remote has failed too often; null when it may try.</summary>
    public JsonHttpResult<ProblemDocument>? Wait(HttpContext http) => Wait(http, signIns);

    /// <summary>429 when this remote has made too many accounts; counts this one.</summary>
    public JsonHttpResult<ProblemDocument>? WaitToSignUp(HttpContext http)
    {
        var wait = Wait(http, signUps);
        if (wait is null)
        {
            signUps.Failed(Caller.RemoteOf(http));
        }

        return wait;
    }

    /// <summary>Sets the cookie, or says why not.</summary>
    public async Task<Results<Ok<SignInProgress>, JsonHttpResult<ProblemDocument>>> AnswerAsync(
        HttpContext http,
        SignInResult result,
        string who,
        CancellationToken cancellation
    )
    {
        switch (result.Verdict)
        {
            case SignInVerdict.Done:
                await SessionAuthentication
                    .SignInAsync(http, result.User!, sessions, cancellation)
                    .ConfigureAwait(false);
                await catalogue
                    .NoteAsync(new(result.User!.UserName!, Caller.RemoteOf(http)), "signed in", cancellation)
                    .ConfigureAwait(false);
                return TypedResults.Ok(new SignInProgress(SignInState.SignedIn, result.User.UserName));
            case SignInVerdict.OneTimeCodeNeeded:
                return TypedResults.Ok(new SignInProgress(SignInState.OneTimeCodeNeeded, Ticket: result.Ticket));
            case SignInVerdict.Busy:
                return TooMany(http, TimeSpan.FromSeconds(2), "Too many sign-ins are being checked");
            case SignInVerdict.NotAllowed:
                return ManagementProblems.Problem(
                    StatusCodes.Status403Forbidden,
                    "This account may not sign in",
                    "It waits for approval or was locked; ask an administrator."
                );
        }

        await FailedAsync(http, who, cancellation).ConfigureAwait(false);
        return result.Verdict == SignInVerdict.LockedOut
            ? TooMany(http, TimeSpan.FromMinutes(5), "Too many wrong passwords for this account")
            : ManagementProblems.Problem(
                StatusCodes.Status401Unauthorized,
                "That did not sign you in",
                "Name, password or code is wrong, or the link was used or has expired. A new link: gatehouse login --new-link on the manager, or ask an administrator."
            );
    }

    /// <summary>Counts a failure, and puts the first of a remote into the audit.</summary>
    public async Task FailedAsync(HttpContext http, string who, CancellationToken cancellation)
    {
        var remote = Caller.RemoteOf(http);
        if (signIns.Failed(remote))
        {
            await catalogue
                .NoteAsync(
                    new("nobody", remote),
                    $"a sign-in failed ({OpenApi.Excerpt.Of(who)}); further ones from there within a minute are not listed one by one",
                    cancellation
                )
                .ConfigureAwait(false);
        }
    }

    private static JsonHttpResult<ProblemDocument>? Wait(HttpContext http, AttemptLimit limit)
    {
        http.Response.Headers.CacheControl = "no-store";
        var wait = limit.WaitFor(Caller.RemoteOf(http));
        return wait > TimeSpan.Zero ? TooMany(http, wait, "Too many tries") : null;
    }

    private static JsonHttpResult<ProblemDocument> TooMany(HttpContext http, TimeSpan wait, string title)
    {
        var seconds = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        http.Response.Headers.RetryAfter = seconds;
        return ManagementProblems.Problem(StatusCodes.Status429TooManyRequests, title, $"Wait {seconds} seconds.");
    }
}
