using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Management;

/// <summary>
/// Signing in with a browser: a cookie names a session, which every request looks up, so that ending it counts at once. Beside
/// it stands <c>Authorization: Bearer</c>; a request that has the header is judged by that alone.
/// </summary>
public static class SessionAuthentication
{
    /// <summary>The scheme of the cookie.</summary>
    public const string Scheme = "Session";

    /// <summary>The scheme of the key manager's tokens, where there is one.</summary>
    public const string OAuthScheme = "OAuth2";

    /// <summary>The default scheme: bearer token when there is one, else the cookie.</summary>
    public const string EitherScheme = "BearerOrSession";

    /// <summary>The cookie. The prefix makes browsers keep it to this host, over https.</summary>
    public const string CookieName = "__Host-gatehouse";

    /// <summary>Where a browser is sent that is not signed in.</summary>
    public const string SignInPath = "/sign-in";

    /// <summary>Adds the cookie, for REST and for the pages of the portal.</summary>
    public static void AddSessions(this AuthenticationBuilder authentication) =>
        authentication
            .AddPolicyScheme(
                EitherScheme,
                null,
                policy =>
                    policy.ForwardDefaultSelector = http =>
                        !http.Request.Headers.ContainsKey("Authorization") ? Scheme
                        : AccessTokens.LooksLikeOne(http.Request.Headers.Authorization.ToString())
                        || http.RequestServices.GetService<IKeyManager>() is null
                            ? BearerAuthentication.Scheme
                        : OAuthScheme
            )
            .AddCookie(
                Scheme,
                cookie =>
                {
                    cookie.Cookie.Name = CookieName;
                    cookie.Cookie.HttpOnly = true;
                    cookie.Cookie.SecurePolicy = CookieSecurePolicy.Always;
                    cookie.Cookie.SameSite = SameSiteMode.Lax;
                    cookie.Cookie.Path = "/";
                    // The session's own end and idleness decide (Sessions).
                    cookie.ExpireTimeSpan = Sessions.Longest;
                    cookie.SlidingExpiration = false;
                    cookie.LoginPath = SignInPath;
                    cookie.Events.OnValidatePrincipal = ValidateAsync;
                    cookie.Events.OnRedirectToLogin = ChallengeAsync;
                    cookie.Events.OnRedirectToAccessDenied = denied =>
                        BearerAuthentication.ForbidAsync(denied.HttpContext);
                }
            );

    /// <summary>Signs <paramref name="user"/> in: begins a session and sets the cookie.</summary>
    public static async Task SignInAsync(HttpContext http, User user, Sessions sessions, CancellationToken cancellation)
    {
        var session = await sessions
            .BeginAsync(user, Caller.RemoteOf(http), http.Request.Headers.UserAgent.ToString(), cancellation)
            .ConfigureAwait(false);
        await http.SignInAsync(Scheme, Caller.Principal(user.UserName!, user.Roles(), session.Id, Scheme))
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Refuses what another site makes a signed-in browser send: requests that change something and come with the cookie must
    /// say that they come from here. A program that sets neither header is no browser.
    /// </summary>
    internal static void UseSameOrigin(this WebApplication app) =>
        app.Use(
            (http, next) =>
                http.User.Identity?.AuthenticationType != Scheme || IsSafe(http.Request.Method) || IsOwn(http.Request)
                    ? next(http)
                    : ManagementProblems
                        .Problem(
                            StatusCodes.Status403Forbidden,
                            "This request comes from another site",
                            "Requests that come with the session's cookie are taken from this manager's own pages only; programs send a bearer token."
                        )
                        .ExecuteAsync(http)
        );

    private static bool IsSafe(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);

    /// <summary>False for a request that a browser says another site made it send.</summary>
    public static bool IsOwn(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"] is { Count: > 0 } site)
        {
            return site.ToString() is "same-origin" or "none";
        }

        return request.Headers.Origin.Count == 0
            || (
                Uri.TryCreate(request.Headers.Origin.ToString(), UriKind.Absolute, out var origin)
                && origin.Authority.Equals(request.Host.ToString(), StringComparison.OrdinalIgnoreCase)
            );
    }

    private static async Task ValidateAsync(CookieValidatePrincipalContext validating)
    {
        var sessions = validating.HttpContext.RequestServices.GetRequiredService<Sessions>();
        var id = validating.Principal?.FindFirst(Caller.TokenClaim)?.Value ?? "";
        if (await sessions.FindUserAsync(id, validating.HttpContext.RequestAborted).ConfigureAwait(false) is { } user)
        {
            // The roles of this moment, not those of the sign-in.
            validating.ReplacePrincipal(Caller.Principal(user.UserName!, user.Roles(), id, Scheme));
            return;
        }

        validating.RejectPrincipal();
        await validating.HttpContext.SignOutAsync(Scheme).ConfigureAwait(false);
    }

    // A page leads to the sign-in and back; a program is told.
    private static Task ChallengeAsync(RedirectContext<CookieAuthenticationOptions> challenge)
    {
        var request = challenge.Request;
        if (
            IsSafe(request.Method)
            && !request.Path.StartsWithSegments("/api", StringComparison.Ordinal)
            && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
        )
        {
            challenge.Response.Redirect(challenge.RedirectUri);
            return Task.CompletedTask;
        }

        return BearerAuthentication.ChallengeAsync(challenge.HttpContext);
    }
}
