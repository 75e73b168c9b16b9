using Gatehouse.Model;

namespace Gatehouse.Tests.Gateway.Throttling;

/// <summary>Limits as a manager would send them.</summary>
internal static class LimitEntities
{
    public static Quota Rate(string text) =>
        Quota.TryParse(text, out var quota, out var problem) ? quota : throw new FormatException(problem);

    public static EntityChange Put(this Plan plan) =>
        Entities.Put(EntityKinds.Plan, plan.Name, CanonicalJson.Write(plan, ModelJson.Default.Plan));

    public static EntityChange Put(this ApplicationPolicy policy) =>
        Entities.Put(
            EntityKinds.ApplicationPolicy,
            policy.Name,
            CanonicalJson.Write(policy, ModelJson.Default.ApplicationPolicy)
        );

    public static EntityChange Put(this ApiPolicy policy) =>
        Entities.Put(EntityKinds.ApiPolicy, policy.Name, CanonicalJson.Write(policy, ModelJson.Default.ApiPolicy));

    public static EntityChange Put(this CustomRule rule) =>
        Entities.Put(EntityKinds.CustomRule, rule.Name, CanonicalJson.Write(rule, ModelJson.Default.CustomRule));

    public static EntityChange Block(string name, bool enabled = true) =>
        Entities.Put(
            EntityKinds.Block,
            name,
            CanonicalJson.Write(new() { Enabled = enabled, At = DateTimeOffset.UnixEpoch }, ModelJson.Default.Block)
        );

    public static EntityChange Subscription(string plan, string app = "app_1", string api = "petstore:1.0.0") =>
        Entities.Put(
            EntityKinds.Subscription,
            Model.Subscription.EntityName(app, api),
            CanonicalJson.Write(
                new()
                {
                    Application = app,
                    Api = api,
                    Plan = plan,
                },
                ModelJson.Default.Subscription
            )
        );

    public static EntityChange Application(string policy, string app = "app_1") =>
        Entities.Put(
            EntityKinds.Application,
            app,
            CanonicalJson.Write(
                new()
                {
                    Id = app,
                    Name = app,
                    Owner = "ann",
                    Policy = policy,
                },
                ModelJson.Default.Application
            )
        );

    public static EntityChange Worker(string name) =>
        Entities.Node(
            new()
            {
                Name = name,
                Profile = Profile.GatewayWorker,
                SubDomain = "worker",
                Host = "127.0.0.1",
                InternalPort = 1,
            }
        );
}
