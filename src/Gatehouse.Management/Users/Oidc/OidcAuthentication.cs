using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Gatehouse.Management;

/// <summary>
/// Signing in by an outside OpenID provider: authorization code with PKCE, state, nonce, by ASP.NET Core's own handler. What is
/// ours is who they are here (<see cref="OidcSignIns"/>), and that every failure is told on the page.
/// </summary>
internal static partial class OidcAuthentication
{
    /// <summary>Where it begins; <c>return</c> says where to go then, <c>connect=true</c> connects the account that is signed in.</summary>
    public const string StartPath = "/api/v1/sign-in/oidc";

    /// <summary>Where the provider sends people back to: what is registered there.</summary>
    public const string CallbackPath = StartPath + "/callback";

    private const string Scheme = "Oidc";
    private const string UserItem = "gatehouse.user";
    private const string ReturnItem = "gatehouse.return";

    private static readonly object s_claims = new();

    public static void AddOidc(this AuthenticationBuilder authentication, OidcProvider provider) =>
        authentication.AddOpenIdConnect(
            Scheme,
            oidc =>
            {
                oidc.Authority = provider.Issuer;
                oidc.ClientId = provider.ClientId;
                oidc.CallbackPath = CallbackPath;
                // Its sign-out paths would answer to anybody; sessions end here (Sessions).
                oidc.RemoteSignOutPath = default;
                oidc.SignedOutCallbackPath = default;
                oidc.ResponseType = OpenIdConnectResponseType.Code;
                // A form of another site would come without cookies that are SameSite=Lax.
                oidc.ResponseMode = OpenIdConnectResponseMode.Query;
                oidc.CorrelationCookie.SameSite = SameSiteMode.Lax;
                oidc.CorrelationCookie.Name = "__Secure-gatehouse-oidc.";
                oidc.NonceCookie.SameSite = SameSiteMode.Lax;
                oidc.NonceCookie.Name = "__Secure-gatehouse-oidc-nonce.";
                oidc.PushedAuthorizationBehavior = PushedAuthorizationBehavior.Disable;
                oidc.MapInboundClaims = false;
                oidc.SaveTokens = false;
                oidc.GetClaimsFromUserInfoEndpoint = false;
                oidc.Scope.Clear();
                foreach (var scope in provider.Scopes.Prepend("openid").Distinct())
                {
                    oidc.Scope.Add(scope);
                }

                oidc.BackchannelTimeout = TimeSpan.FromSeconds(10);
                oidc.BackchannelHttpHandler = HandlerFor(provider);
                // Never signed in to: the ticket's own event ends the request.
                oidc.SignInScheme = SessionAuthentication.Scheme;
                oidc.Events = new()
                {
                    OnRedirectToIdentityProvider = context =>
                    {
                        if (provider.PublicUrl() is { } url)
                        {
                            context.ProtocolMessage.RedirectUri = url + CallbackPath;
                        }

                        return Task.CompletedTask;
                    },
                    OnAuthorizationCodeReceived = context =>
                    {
                        context.TokenEndpointRequest!.ClientSecret = provider.ClientSecret();
                        return Task.CompletedTask;
                    },
                    OnTokenValidated = KeepClaims,
                    OnTicketReceived = EnterAsync,
                    OnAccessDenied = context =>
                    {
                        context.HandleResponse();
                        return FailAsync(context.HttpContext, context.Properties, OidcVerdict.Denied);
                    },
                    OnRemoteFailure = FailAsync,
                };
            }
        );

    public static void MapOidc(this IEndpointRouteBuilder rest) =>
        rest.MapGet("/sign-in/oidc", StartAsync)
            .AllowAnonymous()
            .WithSummary("Leads a browser to the outside OpenID provider to sign in")
            .Produces(StatusCodes.Status302Found);

    private static async Task<Results<EmptyHttpResult, JsonHttpResult<ProblemDocument>>> StartAsync(
        [Microsoft.AspNetCore.Mvc.FromQuery(Name = "return")] string? back,
        bool? connect,
        HttpContext http,
        ManagementOptions options,
        ILogger<OidcSignIns> logger,
        Users users
    )
    {
        if (options.Oidc is null)
        {
            throw new NotFoundException("provider to sign in by", "signIn.oidc");
        }

        var properties = new AuthenticationProperties { Items = { [ReturnItem] = LocalPath.Or(back, "") } };
        if (connect == true)
        {
            // Another site must not make a signed-in browser connect anything.
            if (
                http.User.Identity?.AuthenticationType != SessionAuthentication.Scheme
                || !SessionAuthentication.IsOwn(http.Request)
            )
            {
                return ManagementProblems.Problem(
                    StatusCodes.Status403Forbidden,
                    "Who is not signed in here cannot connect an account",
                    "Sign in, and begin on your account's page."
                );
            }

            properties.Items[UserItem] = (await users.GetAsync(http.User.Identity.Name!).ConfigureAwait(false)).Id;
        }

        try
        {
            await http.ChallengeAsync(Scheme, properties).ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidOperationException or HttpRequestException or IOException)
        {
            LogFailed(logger, options.Oidc.Issuer, (e.InnerException ?? e).Message);
            await FailAsync(http, properties, OidcVerdict.Provider).ConfigureAwait(false);
        }

        return TypedResults.Empty;
    }

    // The payload as it was signed: claims of a principal are texts, and roles may stand in an object.
    private static Task KeepClaims(TokenValidatedContext context)
    {
        var payload = context.TokenEndpointResponse?.IdToken?.Split('.') is [_, var middle, _] ? middle : "";
        context.HttpContext.Items[s_claims] = JsonElement.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(payload));
        return Task.CompletedTask;
    }

    private static async Task EnterAsync(TicketReceivedContext context)
    {
        context.HandleResponse();
        var http = context.HttpContext;
        var cancellation = http.RequestAborted;
        var from = Caller.RemoteOf(http);
        var signIns = http.RequestServices.GetRequiredService<OidcSignIns>();
        var claims = (JsonElement)http.Items[s_claims]!;
        if (context.Properties?.Items.TryGetValue(UserItem, out var user) == true)
        {
            var connected = await signIns.ConnectAsync(user!, claims, from, cancellation).ConfigureAwait(false);
            http.Response.Redirect($"/me?{OidcVerdicts.Parameter}={OidcVerdicts.Code(connected)}");
            return;
        }

        var (verdict, entered) = await signIns.SignInAsync(claims, from, cancellation).ConfigureAwait(false);
        var catalogue = http.RequestServices.GetRequiredService<Catalogue>();
        var name = http.RequestServices.GetRequiredService<OidcProvider>().Name;
        if (entered is null)
        {
            await catalogue
                .NoteAsync(
                    new("nobody", from),
                    $"a sign-in by {name} was refused ({OidcVerdicts.Code(verdict)}): subject {OpenApi.Excerpt.Of(OidcProvider.TextAt(claims, "sub") ?? "")}",
                    cancellation
                )
                .ConfigureAwait(false);
            await FailAsync(http, context.Properties, verdict).ConfigureAwait(false);
            return;
        }

        await SessionAuthentication
            .SignInAsync(http, entered, http.RequestServices.GetRequiredService<Sessions>(), cancellation)
            .ConfigureAwait(false);
        await catalogue
            .NoteAsync(new(entered.UserName!, from), $"signed in by {name}", cancellation)
            .ConfigureAwait(false);
        var back = context.Properties?.Items.TryGetValue(ReturnItem, out var path) == true ? path : null;
        http.Response.Redirect(LocalPath.Or(back, LocalPath.HomeOf(entered)));
    }

    private static Task FailAsync(RemoteFailureContext context)
    {
        context.HandleResponse();
        var failure = context.Failure;
        // What a provider's answer says of itself, or how its token is no good; codes and secrets are in none of these.
        LogFailed(
            context.HttpContext.RequestServices.GetRequiredService<ILogger<OidcSignIns>>(),
            context.Options is OpenIdConnectOptions oidc ? oidc.Authority! : "",
            failure?.Message ?? "unknown"
        );
        return FailAsync(
            context.HttpContext,
            context.Properties,
            // The handler's own words for a missing cookie or a state that is not its own.
            failure?.Message.StartsWith("Correlation failed", StringComparison.Ordinal) == true
            || failure?.Message.Contains("message.State", StringComparison.Ordinal) == true
                ? OidcVerdict.Expired
                : OidcVerdict.Provider
        );
    }

    private static Task FailAsync(HttpContext http, AuthenticationProperties? properties, OidcVerdict verdict)
    {
        var page = properties?.Items.ContainsKey(UserItem) == true ? "/me" : SessionAuthentication.SignInPath;
        http.Response.Redirect($"{page}?{OidcVerdicts.Parameter}={OidcVerdicts.Code(verdict)}");
        return Task.CompletedTask;
    }

    private static SocketsHttpHandler HandlerFor(OidcProvider provider)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            AllowAutoRedirect = false,
            UseCookies = false,
        };
        if (provider.Authorities is { } pem)
        {
            var trusted = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            trusted.CustomTrustStore.ImportFromPem(pem);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = trusted };
        }

        return handler;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Signing in by {Issuer} failed: {Reason}")]
    private static partial void LogFailed(ILogger logger, string issuer, string reason);
}
