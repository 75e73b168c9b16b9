using System.Threading.RateLimiting;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using OpenIddict.EntityFrameworkCore.Models;
using OpenIddict.Server;
using OpenIddict.Validation;
using static OpenIddict.Abstractions.OpenIddictConstants;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace Gatehouse.KeyManager;

/// <summary>How a manager takes the key manager in: an OAuth 2.0 and OpenID Connect server on OpenIddict.</summary>
public static class GatehouseKeyManager
{
    /// <summary>The same database with the key manager's tables in it.</summary>
    public static CatalogueDatabase WithKeyManager(this CatalogueDatabase database) =>
        database.With<KeyManagerContext>(options => new(options));

    /// <summary>Registers it. Beside the management side, whose catalogue and users it works on.</summary>
    /// <param name="services">The manager's.</param>
    /// <param name="database">The catalogue's database, with the key manager's tables set up.</param>
    /// <param name="clusterKey">Wraps the signing keys.</param>
    /// <param name="issuerUrl">The issuer's URL, unless the catalogue names one already.</param>
    public static IServiceCollection AddGatehouseKeyManager(
        this IServiceCollection services,
        CatalogueDatabase database,
        ClusterKey clusterKey,
        string issuerUrl
    )
    {
        // Read once, at the first use: hosted services start it before any request.
        services.AddSingleton(s => new KeyManagerStart(s.GetRequiredService<Catalogue>(), issuerUrl));
        services.AddSingleton(s => s.GetRequiredService<KeyManagerStart>().Settings);
        services.AddSingleton(s => new SigningKeys(
            database,
            clusterKey,
            s.GetRequiredService<Catalogue>(),
            s.GetRequiredService<KeyManagerSettings>()
        ));
        services.AddSingleton<IConfigureOptions<OpenIddictServerOptions>>(s => s.GetRequiredService<SigningKeys>());
        services.AddSingleton<IOptionsChangeTokenSource<OpenIddictServerOptions>>(s =>
            s.GetRequiredService<SigningKeys>()
        );
        services.AddSingleton<IOptionsChangeTokenSource<OpenIddictValidationOptions>>(s =>
            s.GetRequiredService<SigningKeys>()
        );
        services.AddSingleton<Clients>();
        services.AddSingleton<IKeyManager>(s => s.GetRequiredService<Clients>());
        services.AddScoped(_ => new KeyManagerContext(database.Options<KeyManagerContext>()));
        services.AddScoped<TokenClaims>();
        services.AddScoped<ClientRegistration>();
        services.AddSingleton<KeyManagerLimits>();
        services.AddHostedService<KeyManagerLoop>();
        services
            .AddAuthentication()
            .AddScheme<AuthenticationSchemeOptions, OAuthAuthentication>(SessionAuthentication.OAuthScheme, null);
        services
            .AddOpenIddict()
            .AddCore(core =>
            {
                core.UseEntityFrameworkCore().UseDbContext<KeyManagerContext>();
                core.ReplaceApplicationManager<OpenIddictEntityFrameworkCoreApplication, ClientManager>();
                core.ReplaceTokenManager<OpenIddictEntityFrameworkCoreToken, RevokingTokenManager>();
            })
            .AddServer(server => Configure(server, clusterKey))
            .AddValidation(validation =>
            {
                validation.UseLocalServer();
                validation.UseAspNetCore();
                // A token that was revoked on another manager counts no more here either.
                validation.EnableTokenEntryValidation();
                validation.EnableAuthorizationEntryValidation();
            });
        return services;
    }

    /// <summary>Limits what comes to the key manager before anything of it is looked at. Before the management side is mapped.</summary>
    public static void UseKeyManagerLimits(this WebApplication app) =>
        app.Use((http, next) => app.Services.GetRequiredService<KeyManagerLimits>().RunAsync(http, next));

    /// <summary>Maps its endpoints. After the management side, which brings authentication.</summary>
    public static void MapGatehouseKeyManager(this WebApplication app)
    {
        string[] both = [HttpMethods.Get, HttpMethods.Post];
        var open = app.MapGroup("").AllowAnonymous();
        // Each also by the name it has always had at the gateway's ports.
        foreach (var prefix in new[] { "/oauth2", "" })
        {
            open.MapPost($"{prefix}/token", TokenEndpoint.ExchangeAsync);
            open.MapMethods($"{prefix}/authorize", both, AuthorizeEndpoint.AuthorizeAsync);
            open.MapMethods($"{prefix}/userinfo", both, AuthorizeEndpoint.UserInfoAsync);
        }

        open.MapMethods("/device", both, AuthorizeEndpoint.VerifyDeviceAsync);
        open.MapGet("/device/done", AuthorizeEndpoint.DeviceDone);
        open.MapGet(SignInPage.Path, SignInPage.Show);
        open.MapPost(SignInPage.Path, SignInPage.PostAsync);
        app.MapRegistration();
        app.MapGroup("/api/v1").LimitBody(RequestLimit.Small).MapKeyManager();
    }

    private static void Configure(OpenIddictServerBuilder server, ClusterKey clusterKey)
    {
        server.SetAuthorizationEndpointUris("oauth2/authorize", "authorize");
        server.SetTokenEndpointUris("oauth2/token", "token");
        server.SetRevocationEndpointUris("oauth2/revoke", "revoke");
        server.SetUserInfoEndpointUris("oauth2/userinfo", "userinfo");
        server.SetIntrospectionEndpointUris("oauth2/introspect");
        server.SetJsonWebKeySetEndpointUris("oauth2/jwks");
        server.SetDeviceAuthorizationEndpointUris("oauth2/device_authorize");
        server.SetEndUserVerificationEndpointUris("device");
        server.SetPushedAuthorizationEndpointUris("oauth2/par");

        server.AllowClientCredentialsFlow();
        server.AllowAuthorizationCodeFlow().RequireProofKeyForCodeExchange();
        // A plain challenge shows its verifier to whoever reads the request (RFC 9700 §2.1.1).
        server.Configure(options => options.CodeChallengeMethods.Remove(CodeChallengeMethods.Plain));
        server.AllowRefreshTokenFlow();
        server.AllowDeviceAuthorizationFlow();
        server.AllowTokenExchangeFlow();
        server.AllowPasswordFlow();

        // Which scopes there are, the deployed APIs say (TokenClaims); which grants a client has, its permissions.
        server.DisableScopeValidation();
        server.IgnoreScopePermissions();
        server.IgnoreEndpointPermissions();
        server.IgnoreResponseTypePermissions();
        server.IgnoreAudiencePermissions();
        server.IgnoreResourcePermissions();

        // Workers read access tokens; what only the key manager reads is encrypted by a key that every manager derives.
        server.DisableAccessTokenEncryption();
        server.AddEncryptionKey(new SymmetricSecurityKey(clusterKey.Derive("oauth2 tokens")));
        server.UseReferenceRefreshTokens();
        // A refresh token that comes twice was stolen from one of the two: the whole grant ends (RFC 9700 §4.14.2).
        server.SetRefreshTokenReuseLeeway(TimeSpan.Zero);
        server.SetAuthorizationCodeLifetime(TimeSpan.FromMinutes(1));
        server.SetDeviceCodeLifetime(TimeSpan.FromMinutes(10));
        server.SetUserCodeLifetime(TimeSpan.FromMinutes(10));

        server.AddEventHandler<ValidateTokenRequestContext>(handler =>
            handler.UseScopedHandler<PasswordGrantSwitch>().SetOrder(int.MinValue + 50_000)
        );
        server.AddEventHandler<ValidateTokenRequestContext>(handler =>
            handler.UseSingletonHandler<ExchangeOfOthers>().SetOrder(ExchangeOfOthers.Order)
        );
        server.AddEventHandler<HandleConfigurationRequestContext>(handler =>
            handler.UseScopedHandler<DiscoveryDetails>().SetOrder(int.MaxValue - 50_000)
        );
        server.AddEventHandler<GenerateTokenContext>(handler =>
            handler.UseSingletonHandler<TokenIdAsJti>().SetOrder(TokenIdAsJti.Order)
        );

        server
            .UseAspNetCore()
            .EnableAuthorizationEndpointPassthrough()
            .EnableTokenEndpointPassthrough()
            .EnableUserInfoEndpointPassthrough()
            .EnableEndUserVerificationEndpointPassthrough();
    }
}

/// <summary>Reads the settings once; whoever needs them first waits.</summary>
internal sealed class KeyManagerStart(Catalogue catalogue, string issuerUrl)
{
    private KeyManagerSettings? _settings;

    public KeyManagerSettings Settings =>
        _settings ?? throw new InvalidOperationException("The key manager is not started yet.");

    public async Task ReadAsync(CancellationToken cancellation) =>
        _settings ??= await KeyManagerSettings.ReadAsync(catalogue, issuerUrl, cancellation).ConfigureAwait(false);
}
