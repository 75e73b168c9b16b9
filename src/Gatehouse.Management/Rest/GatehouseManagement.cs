using System.Text.Json.Serialization;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Gatehouse.Management;

/// <summary>How a node takes the management side in.</summary>
public static class GatehouseManagement
{
    /// <summary>Registers the catalogue and all that works on it.</summary>
    public static IServiceCollection AddGatehouseManagement(this IServiceCollection services, ManagementOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(options.Database);
        services.AddSingleton(s => new Catalogue(
            options.Database,
            options.CatalogueKey,
            s.GetRequiredService<TimeProvider>()
        ));
        services.AddSingleton<AuditTrail>();
        services.AddSingleton<AccessTokens>();
        services.AddSingleton(s => new AttemptLimit(
            s.GetRequiredService<TimeProvider>(),
            perRemote: 10,
            inAll: 100,
            TimeSpan.FromMinutes(1)
        ));
        services.AddSingleton<CatalogueFeed>();
        services.AddSingleton<IFeedSource>(s => s.GetRequiredService<CatalogueFeed>());
        services.AddSingleton<NodeBoard>();
        services.AddSingleton<IReportSink>(s => s.GetRequiredService<NodeBoard>());
        services.AddSingleton<EnrolmentLedger>();
        services.AddSingleton<IEnrolmentLedger>(s => s.GetRequiredService<EnrolmentLedger>());
        services.AddSingleton<NodeRegistry>();
        services.AddSingleton<NodeInspections>();
        services.AddSingleton<AuthorityRotation>();
        services.AddSingleton<Alerts>();
        services.AddSingleton<FailingApis>();
        services.AddSingleton<ClusterStatus>();
        services.AddSingleton<HistoryWatch>();
        services.AddHostedService<NodeKeeper>();
        services.AddSingleton<ApiDefinitions>();
        services.AddSingleton<ApiOperations>();
        services.AddSingleton<Revisions>();
        services.AddSingleton<RevisionComparison>();
        services.AddSingleton<Environments>();
        services.AddSingleton<Deployments>();
        services.AddSingleton<DeploymentHistory>();
        services.AddSingleton<Lifecycles>();
        services.AddSingleton<ApiIndex>();
        services.AddSingleton<ApplicationIndex>();
        services.AddSingleton<KeyIndex>();
        services.AddSingleton<ApiTeams>();
        services.AddSingleton<Listings>();
        services.AddSingleton<GatewayAddress>();
        services.AddSingleton<ApiDocuments>();
        services.AddSingleton<ApiVersions>();
        services.AddSingleton<Community>();
        services.AddSingleton<Approvals>();
        services.AddScoped<ApprovalDecisions>();
        services.AddSingleton<Mailer>();
        services.AddSingleton<Notifier>();
        services.AddSingleton<AlertRules>();
        services.AddSingleton<AlertConditions>();
        services.AddSingleton<AlertKeeper>();
        services.AddHostedService(s => s.GetRequiredService<AlertKeeper>());
        services.AddSingleton<UsageStore>();
        services.AddSingleton<IEventSink>(s => s.GetRequiredService<UsageStore>());
        services.AddSingleton<UsageQueries>();
        services.AddHostedService<UsageKeeper>();
        services.AddSingleton<Applications>();
        services.AddSingleton<Subscriptions>();
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<Takeovers>();
        services.AddSingleton<EntitySecrets>();
        services.AddSingleton<EndpointCredentials>();
        services.AddSingleton<Issuers>();
        services.AddSingleton<LimitPolicies>();
        services.AddSingleton<Blocks>();
        services.AddSingleton<IdempotencyStore>();
        services.AddSingleton<Idempotency>();
        services.AddSingleton<ChangeEvents>();
        services.AddSingleton<EventStreams>();

        services.AddExceptionHandler<ManagementProblems>();
        services.AddSingleton<IAuthorizationHandler, PermissionHandler>();
        var authentication = services
            .AddAuthentication(SessionAuthentication.EitherScheme)
            .AddScheme<AuthenticationSchemeOptions, BearerAuthentication>(BearerAuthentication.Scheme, null);
        authentication.AddSessions();
        if (options.Oidc is { } provider)
        {
            services.AddSingleton(provider);
            services.AddScoped<OidcSignIns>();
            authentication.AddOidc(provider);
        }

        services.AddUsers(options);
        // Deny by default: a route that names no permission is open to nobody. What is no route at all stays a 404 or 405.
        services
            .AddAuthorizationBuilder()
            .SetFallbackPolicy(
                new AuthorizationPolicyBuilder()
                    .RequireAssertion(c => c.Resource is HttpContext http && http.GetEndpoint() is not RouteEndpoint)
                    .Build()
            );
        services.ConfigureHttpJsonOptions(json =>
        {
            // A context lends its types, not its settings: these are ManagementJson's, said again.
            json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
            json.SerializerOptions.RespectNullableAnnotations = true;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ManagementJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(1, ModelJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(2, UserJson.Default);
        });
        services.Configure<RouteHandlerOptions>(o => o.ThrowOnBadRequest = true);
        return services;
    }

    /// <summary>Maps REST, with authentication and problem documents in front. Call it last on <paramref name="app"/>.</summary>
    public static void MapGatehouseManagement(this WebApplication app)
    {
        app.UseExceptionHandler(_ => { });
        app.UseStatusCodePages(AnswerBareStatusAsync);
        app.UseParts();
        app.UseAuthentication();
        app.UseSameOrigin();
        app.UseAuthorization();
        app.UseApiTeams();
        app.UseIdempotency();

        var rest = app.MapGroup("/api/v1").LimitBody(RequestLimit.Small);
        rest.WithMetadata(
            new ProducesResponseTypeMetadata(
                StatusCodes.Status400BadRequest,
                typeof(ProblemDocument),
                ["application/problem+json"]
            )
        );
        rest.MapDocument();
        rest.MapAccess();
        rest.MapSignIn();
        rest.MapOidc();
        rest.MapMe();
        rest.MapUsers();
        rest.MapNodes();
        rest.MapAuthority();
        rest.MapEvents();
        rest.MapAudit();
        rest.MapApis();
        rest.MapPolicies();
        rest.MapOperations();
        rest.MapRevisions();
        rest.MapEnvironments();
        rest.MapDeployments();
        rest.MapApiSources();
        rest.MapLifecycle();
        rest.MapListings();
        rest.MapApiDocuments();
        rest.MapCommunity();
        rest.MapUsage();
        rest.MapApprovals();
        rest.MapAlerts();
        rest.MapConsumers();
        rest.MapTakeovers();
        rest.MapCredentials();
        rest.MapGatewayKeys();
        rest.MapIssuers();
        rest.MapLimits();
    }

    /// <summary>Answers what this node's profile does not run as it answers an unknown path.</summary>
    public static void UseParts(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<ManagementOptions>();
        app.Use(
            (context, next) =>
            {
                if (ManagementParts.Serves(options.Runs(), context.Request.Method, context.Request.Path.Value))
                {
                    return next(context);
                }

                context.SetEndpoint(null);
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
            }
        );
    }

    private static Task AnswerBareStatusAsync(StatusCodeContext status)
    {
        var http = status.HttpContext;
        return ManagementProblems
            .Problem(
                http.Response.StatusCode,
                $"{http.Request.Method} {http.Request.Path} is nothing that this manager answers",
                null
            )
            .ExecuteAsync(http);
    }
}
