using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.KeyManager;

/// <summary>
/// <c>/oauth2/sign-in</c>: where a client's user signs in. The session is the same as the console's, with the same limits.
/// </summary>
internal static class SignInPage
{
    public const string Path = "/oauth2/sign-in";

    /// <summary>Sends a browser there and back.</summary>
    public static IResult Challenge(HttpRequest request) =>
        Results.Redirect(
            $"{Path}?return={Uri.EscapeDataString(request.PathBase + request.Path + request.QueryString)}"
        );

    public static IResult Show(HttpContext http) => Form(http, null);

    public static async Task<IResult> PostAsync(
        HttpContext http,
        SignIns signIns,
        SignInAttempts attempts,
        Sessions sessions,
        CancellationToken cancellation
    )
    {
        if (!SessionAuthentication.IsOwn(http.Request))
        {
            return Html.Page(http, "This form was sent from another site", "", status: StatusCodes.Status403Forbidden);
        }

        if (attempts.Wait(http) is not null)
        {
            return Form(http, "Too many tries from here. Wait a minute.", status: StatusCodes.Status429TooManyRequests);
        }

        var form = await http.Request.ReadFormAsync(cancellation).ConfigureAwait(false);
        var result = form["ticket"].ToString() is { Length: > 0 } ticket
            ? await signIns.WithOneTimeCodeAsync(ticket, form["code"].ToString()).ConfigureAwait(false)
            : await signIns
                .WithPasswordAsync(form["user"].ToString(), form["password"].ToString(), cancellation)
                .ConfigureAwait(false);
        switch (result.Verdict)
        {
            case SignInVerdict.Done:
                await SessionAuthentication
                    .SignInAsync(http, result.User!, sessions, cancellation)
                    .ConfigureAwait(false);
                return Html.GoOn(http, Back(http));
            case SignInVerdict.OneTimeCodeNeeded:
                return CodeForm(http, result.Ticket!);
            case SignInVerdict.NotAllowed:
                return Form(http, "This account waits for approval or was locked.");
            case SignInVerdict.Busy:
                return Form(http, "Too many sign-ins at once. Try again in a moment.");
            case SignInVerdict.LockedOut:
                return Form(http, "Too many wrong passwords for this account. Wait five minutes.");
            default:
                await attempts.FailedAsync(http, "a client's sign-in page", cancellation).ConfigureAwait(false);
                return Form(http, "That did not sign you in.");
        }
    }

    private static IResult Form(HttpContext http, string? problem, int status = StatusCodes.Status200OK) =>
        Html.Page(
            http,
            "Sign in",
            $"{(problem is null ? "" : $"<p class=\"bad\" role=\"alert\">{Html.Text(problem)}</p>")}<form method=\"post\" action=\"{Action(http)}\"><label for=\"user\">User name</label><input id=\"user\" name=\"user\" autocomplete=\"username\" required maxlength=\"64\" autofocus><label for=\"password\">Password</label><input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required maxlength=\"256\"><button>Sign in</button></form>{Outside(http)}",
            status: status
        );

    // Only where the browser reaches the manager's own paths: a gateway port passes on those of the key manager alone.
    private static string Outside(HttpContext http) =>
        http.RequestServices.GetRequiredService<ManagementOptions>().Oidc is { } provider
        && http.Features.Get<PeerIdentity>() is null or { Profile: Profile.LoadBalancer }
            ? $"<p><a href=\"{Html.Text($"/api/v1/sign-in/oidc?return={Uri.EscapeDataString(Back(http))}")}\">Sign in with {Html.Text(provider.Name)}</a></p>"
            : "";

    private static IResult CodeForm(HttpContext http, string ticket) =>
        Html.Page(
            http,
            "One-time code",
            $"<form method=\"post\" action=\"{Action(http)}\"><input type=\"hidden\" name=\"ticket\" value=\"{Html.Text(ticket)}\"><label for=\"code\">The code that your app shows, or a recovery code</label><input id=\"code\" name=\"code\" autocomplete=\"one-time-code\" required maxlength=\"20\" autofocus><button>Go on</button></form>"
        );

    private static string Action(HttpContext http) => Html.Text($"{Path}?return={Uri.EscapeDataString(Back(http))}");

    // Only to the key manager's own pages, whatever the address says.
    private static string Back(HttpContext http)
    {
        var path = http.Request.Query["return"].ToString();
        return
            Uri.TryCreate(new("https://here.invalid"), path, out var uri)
            && uri.Authority == "here.invalid"
            && (
                uri.AbsolutePath.StartsWith("/oauth2/", StringComparison.Ordinal)
                || uri.AbsolutePath is "/authorize" or "/device"
            )
            ? uri.PathAndQuery
            : "/";
    }
}
