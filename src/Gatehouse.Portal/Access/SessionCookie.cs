using System.Text.Encodings.Web;
using Gatehouse.Management;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Gatehouse.Portal.Access;

/// <summary>Options of <see cref="SessionCookie"/>.</summary>
internal sealed class SessionCookieOptions : AuthenticationSchemeOptions;

/// <summary>
/// Signs the browser in: a cookie that no script reads holds an access token of the catalogue. Any manager can check it, and
/// revoking the token ends the session everywhere.
/// </summary>
internal sealed class SessionCookie(
    AccessTokens tokens,
    IOptionsMonitor<SessionCookieOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder
) : AuthenticationHandler<SessionCookieOptions>(options, logger, encoder)
{
    public new const string Scheme = "Session";

    private const string Name = "__Host-gatehouse";

    /// <summary>Gives the browser a session.</summary>
    public static void Write(HttpResponse response, IssuedToken token) =>
        response.Cookies.Append(Name, token.Token, Form());

    /// <summary>Takes it away.</summary>
    public static void Clear(HttpResponse response) => response.Cookies.Delete(Name, Form());

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Cookies[Name] is not { Length: > 0 } cookie)
        {
            return AuthenticateResult.NoResult();
        }

        var token = await tokens.AuthenticateAsync(cookie, Context.RequestAborted).ConfigureAwait(false);
        return token is null
            ? AuthenticateResult.Fail("The session is over.")
            : AuthenticateResult.Success(new(Caller.Principal(token.User, token.Role, token.Id), Scheme));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var back = HttpMethods.IsGet(Request.Method) ? $"{Request.Path}{Request.QueryString}" : $"{Request.Path}";
        Response.Redirect($"/sign-in?return={Uri.EscapeDataString(back)}");
        return Task.CompletedTask;
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }

    // Lax, not Strict: a link to a page in a mail or a chat finds the session. Forms are guarded by antiforgery tokens.
    private static CookieOptions Form() =>
        new()
        {
            Path = "/",
            Secure = true,
            HttpOnly = true,
            SameSite = SameSiteMode.Lax,
            IsEssential = true,
        };
}
