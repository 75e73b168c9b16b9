using Gatehouse.Management;
using OpenIddict.Abstractions;
using OpenIddict.Server;
using static OpenIddict.Abstractions.OpenIddictConstants;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace Gatehouse.KeyManager;

// Where OpenIddict's own handlers are not quite ours.

/// <summary>Passwords at the token endpoint are off until an administrator switches them on: a client sees the password.</summary>
internal sealed class PasswordGrantSwitch(Catalogue catalogue) : IOpenIddictServerHandler<ValidateTokenRequestContext>
{
    public async ValueTask HandleAsync(ValidateTokenRequestContext context)
    {
        if (
            context.Request.IsPasswordGrantType()
            && !(
                await AccountSettings.ReadAsync(catalogue, context.CancellationToken).ConfigureAwait(false)
            ).PasswordGrant
        )
        {
            context.Reject(
                Errors.UnsupportedGrantType,
                "The password grant is switched off; use authorization_code with PKCE."
            );
        }
    }
}

/// <summary>Discovery tells what is on, and the ways that OpenIddict does not know of.</summary>
internal sealed class DiscoveryDetails(Catalogue catalogue)
    : IOpenIddictServerHandler<HandleConfigurationRequestContext>
{
    public async ValueTask HandleAsync(HandleConfigurationRequestContext context)
    {
        if (
            !(await AccountSettings.ReadAsync(catalogue, context.CancellationToken).ConfigureAwait(false)).PasswordGrant
        )
        {
            context.GrantTypes.Remove(GrantTypes.Password);
        }

        if (context.BaseUri is { } here)
        {
            context.Metadata["registration_endpoint"] = new Uri(here, "oauth2/register").AbsoluteUri;
        }

        context.Scopes.UnionWith([Scopes.Profile, Scopes.Email]);
    }
}

/// <summary>
/// An access token's <c>jti</c> is the id of its row, which is what the workers are told when it is revoked.
/// </summary>
internal sealed class TokenIdAsJti : IOpenIddictServerHandler<GenerateTokenContext>
{
    /// <summary>After the row was made, before the token is written.</summary>
    public static readonly int Order =
        OpenIddictServerHandlers.Protection.GenerateIdentityModelToken.Descriptor.Order - 50;

    public ValueTask HandleAsync(GenerateTokenContext context)
    {
        if (context.TokenType == TokenTypeIdentifiers.AccessToken && context.Principal.GetTokenId() is { } id)
        {
            context.SecurityTokenDescriptor.Claims ??= new Dictionary<string, object>();
            context.SecurityTokenDescriptor.Claims[Claims.JwtId] = id;
        }

        return default;
    }
}

/// <summary>
/// A client with the grant may exchange what a user's client gave it (RFC 8693): OpenIddict asks for the client to be named in
/// the token, which a token that was issued before anybody thought of it is not. Who may have the grant, publishers decide.
/// </summary>
internal sealed class ExchangeOfOthers : IOpenIddictServerHandler<ValidateTokenRequestContext>
{
    /// <summary>Before the presenters are compared.</summary>
    public static readonly int Order = OpenIddictServerHandlers.Exchange.ValidateAuthorizedParty.Descriptor.Order - 50;

    public ValueTask HandleAsync(ValidateTokenRequestContext context)
    {
        if (
            context.Request.IsTokenExchangeGrantType()
            && context.SubjectTokenPrincipal is { } subject
            && context.ClientId is { } client
            && !subject.HasAudience(TokenClaims.ManagementAudience)
        )
        {
            subject.SetPresenters(subject.GetPresenters().Add(client));
        }

        return default;
    }
}
