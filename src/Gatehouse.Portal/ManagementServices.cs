using Gatehouse.Management;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Portal;

/// <summary>The manager's services that pages use: the ones behind REST.</summary>
internal static class ManagementServices
{
    private static readonly Type[] s_lent =
    [
        typeof(ManagementOptions),
        typeof(Catalogue),
        typeof(AccessTokens),
        typeof(Sessions),
        typeof(AttemptLimit),
        typeof(AuditTrail),
        typeof(NodeBoard),
        typeof(NodeRegistry),
        typeof(NodeInspections),
        typeof(AuthorityRotation),
        typeof(ClusterStatus),
        typeof(GatewayAddress),
        typeof(ApiDefinitions),
        typeof(ApiOperations),
        typeof(Revisions),
        typeof(RevisionComparison),
        typeof(Environments),
        typeof(Deployments),
        typeof(DeploymentHistory),
        typeof(Lifecycles),
        typeof(Listings),
        typeof(ApiTeams),
        typeof(ApiDocuments),
        typeof(ApiVersions),
        typeof(Community),
        typeof(Applications),
        typeof(Subscriptions),
        typeof(ApiKeys),
        typeof(Approvals),
        typeof(Issuers),
        typeof(IKeyManager),
        typeof(LimitPolicies),
        typeof(Blocks),
        typeof(UsageQueries),
        typeof(AlertRules),
        typeof(Mailer),
    ];

    /// <summary>Lends them; the manager keeps and disposes them.</summary>
    public static void AddManagement(this IServiceCollection services, IServiceProvider management)
    {
        foreach (var type in s_lent)
        {
            services.AddSingleton(type, management.GetRequiredService(type));
        }

        // Those of one request come from the manager's scope of that request.
        services.AddScoped<ManagerScope>();
        services.AddScoped(s => s.GetRequiredService<ManagerScope>().Services.GetRequiredService<Users>());
        services.AddScoped(s => s.GetRequiredService<ManagerScope>().Services.GetRequiredService<ApprovalDecisions>());
        services.AddScoped(s => s.GetRequiredService<ManagerScope>().Services.GetRequiredService<SignIns>());
        services.AddScoped(s => s.GetRequiredService<ManagerScope>().Services.GetRequiredService<Passkeys>());
        services.AddScoped(s => new OutsideSignIn(
            s.GetRequiredService<ManagerScope>().Services.GetService<OidcSignIns>()
        ));
    }
}

/// <summary>Signing in by an outside provider, where there is one.</summary>
/// <param name="SignIns">Null for none.</param>
public sealed record OutsideSignIn(OidcSignIns? SignIns);

/// <summary>The manager's services for the request that is being answered.</summary>
internal sealed class ManagerScope
{
    public IServiceProvider Services { get; set; } = null!;
}
