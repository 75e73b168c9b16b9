using System.Collections.Immutable;
using System.Security.Claims;
using System.Text;
using Gatehouse.Management;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using OpenIddict.Abstractions;
using OpenIddict.Server.AspNetCore;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Gatehouse.KeyManager;

/// <summary>
/// <c>/oauth2/authorize</c> and <c>/device</c>: a user signs in, says yes or no once per client and set of scopes, and goes
/// back with a code. OpenIddict has judged client, redirect URI and PKCE before.
/// </summary>
internal static class AuthorizeEndpoint
{
    public static async Task<IResult> AuthorizeAsync(
        HttpContext http,
        TokenClaims claims,
        UserManager<User> users,
        IOpenIddictApplicationManager clients,
        IOpenIddictAuthorizationManager grants,
        CancellationToken cancellation
    )
    {
        var request = http.GetOpenIddictServerRequest()!;
        try
        {
            if (await SignedInAsync(http, users, request).ConfigureAwait(false) is not { } user)
            {
                return request.HasPromptValue(PromptValues.None)
                    ? TokenEndpoint.Refuse(new(Errors.LoginRequired, "Nobody is signed in."))
                    : SignInPage.Challenge(http.Request);
            }

            var principal = await claims
                .PrincipalAsync(request.ClientId!, user, TokenEndpoint.Offline(request.GetScopes()), cancellation)
                .ConfigureAwait(false);
            var client = (await clients.FindByClientIdAsync(request.ClientId!, cancellation).ConfigureAwait(false))!;
            var clientKey = (await clients.GetIdAsync(client, cancellation).ConfigureAwait(false))!;
            var known = await GrantAsync(grants, user, clientKey, principal.GetScopes(), cancellation)
                .ConfigureAwait(false);
            if (known is null || request.HasPromptValue(PromptValues.Consent))
            {
                if (request.HasPromptValue(PromptValues.None))
                {
                    return TokenEndpoint.Refuse(new(Errors.ConsentRequired, "The user has not agreed yet."));
                }

                switch (await AnswerAsync(http, cancellation).ConfigureAwait(false))
                {
                    case null:
                        var name = await clients.GetDisplayNameAsync(client, cancellation).ConfigureAwait(false);
                        return Ask(http, request, user, name ?? request.ClientId!, principal.GetScopes());
                    case false:
                        return TokenEndpoint.Refuse(new(Errors.AccessDenied, "The user said no."));
                }

                known ??= await grants
                    .CreateAsync(
                        (ClaimsIdentity)principal.Identity!,
                        user.Id,
                        clientKey,
                        AuthorizationTypes.Permanent,
                        principal.GetScopes(),
                        cancellation
                    )
                    .ConfigureAwait(false);
            }

            // Each sign-in gets a grant of its own beside the remembered yes, so that ending one ends no other.
            var grant = await grants
                .CreateAsync(
                    (ClaimsIdentity)principal.Identity!,
                    user.Id,
                    clientKey,
                    AuthorizationTypes.AdHoc,
                    principal.GetScopes(),
                    cancellation
                )
                .ConfigureAwait(false);
            principal.SetAuthorizationId(await grants.GetIdAsync(grant, cancellation).ConfigureAwait(false));
            return Results.SignIn(principal, null, OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);
        }
        catch (TokenRefusedException refused)
        {
            return TokenEndpoint.Refuse(refused);
        }
    }

    /// <summary><c>/device</c>: where a user types the code that a device shows (RFC 8628 §3.3).</summary>
    public static async Task<IResult> VerifyDeviceAsync(
        HttpContext http,
        TokenClaims claims,
        UserManager<User> users,
        IOpenIddictApplicationManager clients,
        CancellationToken cancellation
    )
    {
        if (await SignedInAsync(http, users, null).ConfigureAwait(false) is not { } user)
        {
            return SignInPage.Challenge(http.Request);
        }

        var shown = (
            await http.AuthenticateAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme).ConfigureAwait(false)
        ).Principal;
        var clientId = shown?.GetClaim(Claims.ClientId);
        if (clientId is null)
        {
            var wrong = http.Request.Query.ContainsKey("user_code") || HttpMethods.IsPost(http.Request.Method);
            return Html.Page(
                http,
                "Connect a device",
                $"{(wrong ? "<p class=\"bad\" role=\"alert\">That code is not good, or not any more.</p>" : "")}<form method=\"get\" action=\"/device\"><label for=\"user_code\">The code that the device shows</label><input id=\"user_code\" name=\"user_code\" autocomplete=\"off\" required autofocus maxlength=\"40\"><button>Go on</button></form>"
            );
        }

        try
        {
            var principal = await claims
                .PrincipalAsync(clientId, user, TokenEndpoint.Offline(shown!.GetScopes()), cancellation)
                .ConfigureAwait(false);
            switch (await AnswerAsync(http, cancellation).ConfigureAwait(false))
            {
                case null:
                    var client = await clients.FindByClientIdAsync(clientId, cancellation).ConfigureAwait(false);
                    var name = client is null
                        ? clientId
                        : await clients.GetDisplayNameAsync(client, cancellation).ConfigureAwait(false);
                    return Html.Page(
                        http,
                        $"Let {name} act for you?",
                        $"<p>You are {Html.Text(user.UserName)}. Go on only when the device in front of you shows this code: <b>{Html.Text(http.Request.Query["user_code"])}</b></p>"
                            + Choice(
                                "/device",
                                [new("user_code", http.Request.Query["user_code"].ToString())],
                                principal.GetScopes()
                            )
                    );
                case false:
                    return TokenEndpoint.Refuse(new(Errors.AccessDenied, "The user said no."));
            }

            return Results.SignIn(
                principal,
                new() { RedirectUri = "/device/done" },
                OpenIddictServerAspNetCoreDefaults.AuthenticationScheme
            );
        }
        catch (TokenRefusedException refused)
        {
            return TokenEndpoint.Refuse(refused);
        }
    }

    public static IResult DeviceDone(HttpContext http) =>
        Html.Page(http, "The device is connected", "<p>You can close this page.</p>");

    /// <summary><c>/oauth2/userinfo</c> (OpenID Connect Core §5.3): of the token's user, what its scopes are for.</summary>
    public static async Task<IResult> UserInfoAsync(HttpContext http, UserManager<User> users)
    {
        var principal = (
            await http.AuthenticateAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme).ConfigureAwait(false)
        ).Principal!;
        if (
            await users.FindByIdAsync(principal.GetClaim(Claims.Subject) ?? "").ConfigureAwait(false)
            is not { State: UserState.Active } user
        )
        {
            return Results.Challenge(
                new AuthenticationProperties(
                    new Dictionary<string, string?>
                    {
                        [OpenIddictServerAspNetCoreConstants.Properties.Error] = Errors.InvalidToken,
                        [OpenIddictServerAspNetCoreConstants.Properties.ErrorDescription] =
                            "The token is nobody's who may sign in.",
                    }
                ),
                [OpenIddictServerAspNetCoreDefaults.AuthenticationScheme]
            );
        }

        var info = new Dictionary<string, string> { [Claims.Subject] = user.Id };
        if (principal.HasScope(Scopes.Profile))
        {
            info[Claims.Name] = user.FullName ?? user.UserName!;
            info[Claims.PreferredUsername] = user.UserName!;
        }

        if (principal.HasScope(Scopes.Email) && user.Email is not null)
        {
            info[Claims.Email] = user.Email;
        }

        return Results.Json(info);
    }

    // A browser that a client sends with prompt=login or too old a session signs in once more.
    private static async Task<User?> SignedInAsync(
        HttpContext http,
        UserManager<User> users,
        OpenIddictRequest? request
    )
    {
        var session = await http.AuthenticateAsync(SessionAuthentication.Scheme).ConfigureAwait(false);
        if (session.Principal?.Identity?.Name is not { } name)
        {
            return null;
        }

        var age = TimeProvider.System.GetUtcNow() - session.Properties?.IssuedUtc;
        if (
            (request?.MaxAge is { } most && age > TimeSpan.FromSeconds(most))
            || (request?.HasPromptValue(PromptValues.Login) == true && age > TimeSpan.FromSeconds(60))
        )
        {
            return null;
        }

        return await users.FindByNameAsync(name).ConfigureAwait(false) is { State: UserState.Active } user
            ? user
            : null;
    }

    private static async Task<object?> GrantAsync(
        IOpenIddictAuthorizationManager grants,
        User user,
        string client,
        ImmutableArray<string> scopes,
        CancellationToken cancellation
    )
    {
        await foreach (
            var grant in grants
                .FindAsync(user.Id, client, Statuses.Valid, AuthorizationTypes.Permanent, scopes, cancellation)
                .ConfigureAwait(false)
        )
        {
            return grant;
        }

        return null;
    }

    // True for yes, false for no, null when it was not asked yet. Only our own page can answer.
    private static async Task<bool?> AnswerAsync(HttpContext http, CancellationToken cancellation)
    {
        if (!HttpMethods.IsPost(http.Request.Method) || !SessionAuthentication.IsOwn(http.Request))
        {
            return null;
        }

        var form = await http.Request.ReadFormAsync(cancellation).ConfigureAwait(false);
        return form["decision"].ToString() switch
        {
            "yes" => true,
            "no" => false,
            _ => null,
        };
    }

    private static IResult Ask(
        HttpContext http,
        OpenIddictRequest request,
        User user,
        string client,
        ImmutableArray<string> scopes
    )
    {
        var back = Uri.TryCreate(request.RedirectUri, UriKind.Absolute, out var uri) ? uri : null;
        return Html.Page(
            http,
            $"Let {client} act for you?",
            $"<p>You are {Html.Text(user.UserName)}.{(back is null ? "" : $" Afterwards you go back to <b>{Html.Text(back.IsDefaultPort && back.Host.Length == 0 ? back.Scheme + ":" : back.Authority)}</b>.")}</p>"
                + Choice(
                    http.Request.Path,
                    request
                        .GetParameters()
                        .Select(p => new KeyValuePair<string, string>(p.Key, p.Value.ToString() ?? "")),
                    scopes
                ),
            // The scheme and authority of the answer to this form.
            formTo: back is null ? null
                : back.Host.Length == 0 ? $"{back.Scheme}:"
                : $"{back.Scheme}://{back.Authority}"
        );
    }

    private static string Choice(
        string action,
        IEnumerable<KeyValuePair<string, string>> fields,
        ImmutableArray<string> scopes
    )
    {
        var html = new StringBuilder("<ul>");
        foreach (var scope in scopes)
        {
            html.Append("<li>").Append(Html.Text(Explain(scope))).Append("</li>");
        }

        html.Append("</ul><form method=\"post\" action=\"").Append(Html.Text(action)).Append("\">");
        foreach (var (name, value) in fields)
        {
            html.Append("<input type=\"hidden\" name=\"")
                .Append(Html.Text(name))
                .Append("\" value=\"")
                .Append(Html.Text(value))
                .Append("\">");
        }

        return html.Append(
                "<button name=\"decision\" value=\"yes\">Yes</button><button class=\"second\" name=\"decision\" value=\"no\">No</button></form>"
            )
            .ToString();
    }

    private static string Explain(string scope) =>
        scope switch
        {
            Scopes.OpenId => "know who you are",
            Scopes.Profile => "see your name",
            Scopes.Email => "see your mail address",
            Scopes.OfflineAccess => "do so while you are away, until you or an administrator ends it",
            _ when scope.StartsWith(TokenClaims.ManagementScope, StringComparison.Ordinal) =>
                $"manage this cluster: {scope[TokenClaims.ManagementScope.Length..]}",
            _ => $"call APIs with the scope {scope}",
        };
}
