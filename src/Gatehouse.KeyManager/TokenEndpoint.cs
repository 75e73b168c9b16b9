using System.Collections.Immutable;
using System.Security.Claims;
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
/// <c>/oauth2/token</c>. OpenIddict has judged client, grant and everything it was given when this is reached; what is left
/// is whether client and user still count, and what the token says.
/// </summary>
internal static class TokenEndpoint
{
    public static async Task<IResult> ExchangeAsync(
        HttpContext http,
        TokenClaims claims,
        UserManager<User> users,
        SignIns signIns,
        CancellationToken cancellation
    )
    {
        var request =
            http.GetOpenIddictServerRequest()
            ?? throw new InvalidOperationException("The request did not come through the key manager.");
        try
        {
            var principal =
                request.IsClientCredentialsGrantType()
                    ? await claims
                        .PrincipalAsync(request.ClientId!, null, request.GetScopes(), cancellation)
                        .ConfigureAwait(false)
                : request.IsPasswordGrantType()
                    ? await WithPasswordAsync(request, claims, signIns, cancellation).ConfigureAwait(false)
                : await AgainAsync(http, request, claims, users, cancellation).ConfigureAwait(false);
            return Results.SignIn(principal, null, OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);
        }
        catch (TokenRefusedException refused)
        {
            return Refuse(refused);
        }
    }

    /// <summary>An error in OAuth's form.</summary>
    public static IResult Refuse(TokenRefusedException refused) =>
        Results.Forbid(
            new AuthenticationProperties(
                new Dictionary<string, string?>
                {
                    [OpenIddictServerAspNetCoreConstants.Properties.Error] = refused.Error,
                    [OpenIddictServerAspNetCoreConstants.Properties.ErrorDescription] = refused.Message,
                }
            ),
            [OpenIddictServerAspNetCoreDefaults.AuthenticationScheme]
        );

    private static async Task<ClaimsPrincipal> WithPasswordAsync(
        OpenIddictRequest request,
        TokenClaims claims,
        SignIns signIns,
        CancellationToken cancellation
    )
    {
        var result = await signIns
            .WithPasswordAsync(request.Username!, request.Password!, cancellation)
            .ConfigureAwait(false);
        return result.Verdict switch
        {
            SignInVerdict.Done => await claims
                .PrincipalAsync(request.ClientId!, result.User, Offline(request.GetScopes()), cancellation)
                .ConfigureAwait(false),
            SignInVerdict.OneTimeCodeNeeded => throw new TokenRefusedException(
                Errors.InvalidGrant,
                "This account needs a one-time code; use authorization_code."
            ),
            SignInVerdict.LockedOut or SignInVerdict.Busy => throw new TokenRefusedException(
                Errors.TemporarilyUnavailable,
                "Too many sign-ins; try again in a few minutes."
            ),
            _ => throw new TokenRefusedException(Errors.InvalidGrant, "The user name or password is wrong."),
        };
    }

    // A code, a refresh token, a device code, or a token to be exchanged: whose it was, with the roles and names of now.
    private static async Task<ClaimsPrincipal> AgainAsync(
        HttpContext http,
        OpenIddictRequest request,
        TokenClaims claims,
        UserManager<User> users,
        CancellationToken cancellation
    )
    {
        var shown = (
            await http.AuthenticateAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme).ConfigureAwait(false)
        ).Principal;
        if (shown?.GetClaim(Claims.Subject) is not { } subject)
        {
            throw new TokenRefusedException(Errors.InvalidGrant, "What was shown is not good any more.");
        }

        var user = await users.FindByIdAsync(subject).ConfigureAwait(false);
        if (user is not { State: UserState.Active } && !(request.IsTokenExchangeGrantType() && user is null))
        {
            throw new TokenRefusedException(Errors.InvalidGrant, "The user may not sign in any more.");
        }

        var had = shown.GetScopes();
        var asked = request.GetScopes();
        // Never more than what was granted (RFC 6749 §6).
        var scopes = asked.IsDefaultOrEmpty ? had : [.. asked.Intersect(had)];
        var principal = await claims
            .PrincipalAsync(
                request.ClientId!,
                user,
                request.IsTokenExchangeGrantType() ? scopes.Remove(Scopes.OfflineAccess) : scopes,
                cancellation
            )
            .ConfigureAwait(false);
        // The grant it belongs to goes along, so that all of it can be ended at once.
        principal.SetAuthorizationId(shown.GetAuthorizationId());
        return principal;
    }

    /// <summary>With a refresh token, as WSO2 gives one without being asked.</summary>
    public static IEnumerable<string> Offline(ImmutableArray<string> scopes) =>
        scopes.IsDefault ? [Scopes.OfflineAccess] : scopes.Append(Scopes.OfflineAccess).Distinct();
}
