using System.Text.Encodings.Web;
using Gatehouse.Management;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenIddict.Abstractions;
using OpenIddict.Validation.AspNetCore;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Gatehouse.KeyManager;

/// <summary>
/// The key manager's own tokens at the REST API: their user's roles of this moment, within the token's
/// <c>gatehouse:</c> scopes.
/// </summary>
internal sealed class OAuthAuthentication(
    UserManager<User> users,
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder
) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var result = await Context
            .AuthenticateAsync(OpenIddictValidationAspNetCoreDefaults.AuthenticationScheme)
            .ConfigureAwait(false);
        if (result.Principal is not { } token || !token.HasAudience(TokenClaims.ManagementAudience))
        {
            return AuthenticateResult.Fail("The token is unknown, expired or revoked, or is for something else.");
        }

        var user = await users.FindByIdAsync(token.GetClaim(Claims.Subject) ?? "").ConfigureAwait(false);
        if (user is not { State: UserState.Active })
        {
            return AuthenticateResult.Fail("The token is nobody's who may sign in.");
        }

        var within = Enum.GetValues<Permission>()
            .Where(p => token.HasScope(TokenClaims.ManagementScope + p.ToString().ToLowerInvariant()))
            .ToList();
        return within.Count == 0
            ? AuthenticateResult.Fail("The token has no scope of the REST API.")
            : AuthenticateResult.Success(
                new(
                    Caller.Principal(
                        user.UserName!,
                        user.Roles(),
                        token.GetClaim(Claims.JwtId) ?? "",
                        Scheme.Name,
                        within
                    ),
                    Scheme.Name
                )
            );
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        BearerAuthentication.ChallengeAsync(Context);

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        BearerAuthentication.ForbidAsync(Context);
}
