using System.Collections.Immutable;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.IdentityModel.Tokens;
using OpenIddict.Abstractions;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Gatehouse.KeyManager;

/// <summary>
/// What stands in a token: OpenID Connect's claims and WSO2's (<c>aut</c>, <c>azp</c>, <c>consumerKey</c>, <c>keytype</c>,
/// <c>application</c>), which APIs and backends of an old installation read.
/// </summary>
internal sealed class TokenClaims(
    Catalogue catalogue,
    ApiIndex apis,
    IOpenIddictApplicationManager clients,
    KeyManagerSettings settings
)
{
    /// <summary>The audience of tokens for the REST API.</summary>
    public const string ManagementAudience = "gatehouse-management";

    /// <summary>Scopes of the REST API begin like this, and end in a permission.</summary>
    public const string ManagementScope = "gatehouse:";

    private static readonly ImmutableArray<string> s_identityScopes =
    [
        Scopes.OpenId,
        Scopes.Profile,
        Scopes.Email,
        Scopes.OfflineAccess,
    ];

    /// <summary>
    /// The key that a client of an application is bound to, with that application. Null for the command line's client.
    /// Throws <see cref="TokenRefusedException"/> when the key was revoked or the application may call nothing.
    /// </summary>
    public async Task<(ApiKey Key, Application Application)?> BindingAsync(
        string clientId,
        CancellationToken cancellation
    )
    {
        if (clientId == Clients.CommandLine)
        {
            return null;
        }

        var client =
            await clients.FindByClientIdAsync(clientId, cancellation).ConfigureAwait(false)
            ?? throw new TokenRefusedException(Errors.InvalidClient, "There is no such client.");
        var properties = await clients.GetPropertiesAsync(client, cancellation).ConfigureAwait(false);
        var key = await catalogue
            .FindAsync(
                EntityKinds.Key,
                Clients.Property(properties, Clients.KeyProperty),
                ModelJson.Default.ApiKey,
                cancellation
            )
            .ConfigureAwait(false);
        var application = key is null
            ? null
            : await catalogue
                .FindAsync(EntityKinds.Application, key.Value.Application, ModelJson.Default.Application, cancellation)
                .ConfigureAwait(false);
        if (key is null || application is null)
        {
            throw new TokenRefusedException(Errors.InvalidClient, "The client's key was revoked or has expired.");
        }

        return application.Value.Suspended
            ? throw new TokenRefusedException(Errors.UnauthorizedClient, "The client's application is suspended.")
            : (key.Value, application.Value);
    }

    /// <summary>The principal of a token for the client itself, or for <paramref name="user"/> when there is one.</summary>
    public async Task<ClaimsPrincipal> PrincipalAsync(
        string clientId,
        User? user,
        IEnumerable<string> asked,
        CancellationToken cancellation
    )
    {
        var binding = await BindingAsync(clientId, cancellation).ConfigureAwait(false);
        var scopes = await GrantedAsync(asked, user, ofCommandLine: binding is null, cancellation)
            .ConfigureAwait(false);
        var identity = new ClaimsIdentity(
            TokenValidationParameters.DefaultAuthenticationType,
            Claims.Name,
            Claims.Role
        );
        identity.SetClaim(Claims.Subject, user?.Id ?? clientId);
        identity.SetClaim("aut", user is null ? "APPLICATION" : "APPLICATION_USER");
        identity.SetClaim(Claims.AuthorizedParty, clientId);
        if (user is not null)
        {
            identity.SetClaim(Claims.PreferredUsername, user.UserName);
            identity.SetClaim(Claims.Username, user.UserName);
            identity.SetClaim(Claims.Name, user.FullName ?? user.UserName);
            identity.SetClaim(Claims.Email, user.Email);
        }

        if (binding is var (key, application))
        {
            identity.SetClaim("consumerKey", clientId);
            identity.SetClaim("keytype", key.Sandbox ? "SANDBOX" : "PRODUCTION");
            identity.SetClaim(
                "application",
                JsonSerializer.SerializeToElement(
                    new JsonObject
                    {
                        ["id"] = application.Id,
                        ["uuid"] = application.Id,
                        ["name"] = application.Name,
                        ["owner"] = application.Owner,
                        ["tier"] = application.Policy ?? Plan.Unlimited,
                    }
                )
            );
        }

        identity.SetScopes(scopes);
        // WSO2's access tokens are for their client; those for the REST API say so, and are good for nothing else.
        identity.SetAudiences(
            scopes.Any(s => s.StartsWith(ManagementScope, StringComparison.Ordinal)) ? ManagementAudience : clientId
        );
        identity.SetDestinations(claim => Destinations(claim, scopes));
        var principal = new ClaimsPrincipal(identity);
        principal.SetAccessTokenLifetime(settings.AccessToken);
        principal.SetRefreshTokenLifetime(settings.RefreshToken);
        return principal;
    }

    // The names of users and mail addresses are for who asked for them; what says whose call it is goes to every API.
    private static IEnumerable<string> Destinations(Claim claim, ImmutableArray<string> scopes) =>
        claim.Type switch
        {
            Claims.Name or Claims.PreferredUsername => scopes.Contains(Scopes.Profile)
                ? [OpenIddictConstants.Destinations.IdentityToken]
                : [],
            Claims.Email => scopes.Contains(Scopes.Email) ? [OpenIddictConstants.Destinations.IdentityToken] : [],
            Claims.Subject =>
            [
                OpenIddictConstants.Destinations.AccessToken,
                OpenIddictConstants.Destinations.IdentityToken,
            ],
            _ => [OpenIddictConstants.Destinations.AccessToken],
        };

    /// <summary>
    /// Of the scopes that were asked for those that there are and that may be had (RFC 6749 §3.3): identity's, those that an
    /// operation of a deployed API names and that the user's roles allow, and for the command line those of the REST API that the user's roles allow.
    /// </summary>
    public async Task<ImmutableArray<string>> GrantedAsync(
        IEnumerable<string> asked,
        User? user,
        bool ofCommandLine,
        CancellationToken cancellation
    )
    {
        var wanted = asked.Distinct().Take(100).ToList();
        if (ofCommandLine)
        {
            var may = Enum.GetValues<Permission>()
                .Where(p => user?.Roles().Any(r => Roles.Allow(r, p)) == true)
                .Select(p => ManagementScope + p.ToString().ToLowerInvariant())
                .ToList();
            // Without a scope of the REST API it asks for all that its user may do.
            var named = wanted.Where(s => s.StartsWith(ManagementScope, StringComparison.Ordinal)).ToList();
            return [.. wanted.Where(s_identityScopes.Contains), .. named.Count == 0 ? may : named.Intersect(may)];
        }

        var foreign = wanted.Except(s_identityScopes).ToList();
        if (foreign.Count == 0)
        {
            return [.. wanted.Where(s => user is not null && s_identityScopes.Contains(s))];
        }

        var known = (
            await catalogue.ListAsync(EntityKinds.Api, ModelJson.Default.Api, cancellation).ConfigureAwait(false)
        )
            .SelectMany(a => a.Value.Operations)
            .SelectMany(o => o.Scopes)
            .ToHashSet(StringComparer.Ordinal);
        var allowed = await apis.AllowedScopesAsync(foreign.Where(known.Contains), user?.Roles() ?? [], cancellation)
            .ConfigureAwait(false);
        return [.. wanted.Where(s => s_identityScopes.Contains(s) ? user is not null : allowed.Contains(s))];
    }
}

/// <summary>A token is not given, and OAuth 2.0 has a word for why.</summary>
/// <param name="error">One of <see cref="Errors"/>.</param>
/// <param name="description">What is wrong, for developers.</param>
internal sealed class TokenRefusedException(string error, string description) : Exception(description)
{
    public string Error { get; } = error;
}
