using System.Collections.Immutable;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// The plans and policies a new catalogue begins with: names and amounts of WSO2 2.x and later. "Unlimited" needs none, and
/// "Unauthenticated" (500 a minute there) is an operator's to create: behind a proxy that is not trusted yet it would bound all
/// callers together.
/// </summary>
public static class DefaultPolicies
{
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    /// <summary>The plans.</summary>
    public static ImmutableArray<Plan> Plans { get; } =
    [PlanOf("Gold", 5000), PlanOf("Silver", 2000), PlanOf("Bronze", 1000)];

    /// <summary>Writes them when there never was a plan; one that an operator deleted stays away.</summary>
    public static async Task EnsureAsync(Catalogue catalogue, Actor actor, CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            if (await context.Entities.AnyAsync(e => e.Kind == EntityKinds.Plan, cancellation).ConfigureAwait(false))
            {
                return;
            }
        }

        var transaction = new CatalogueTransaction(actor, "made the default plans and policies");
        foreach (var plan in Plans)
        {
            transaction.Put(EntityKinds.Plan, plan.Name, plan, ModelJson.Default.Plan);
        }

        foreach (var amount in (ReadOnlySpan<int>)[50, 20, 10])
        {
            transaction.Put(
                EntityKinds.ApplicationPolicy,
                $"{amount}PerMin",
                new ApplicationPolicy
                {
                    Name = $"{amount}PerMin",
                    Description = $"{amount} requests a minute",
                    Quota = Quota.Requests(amount, s_minute),
                },
                ModelJson.Default.ApplicationPolicy
            );
            transaction.Put(
                EntityKinds.ApiPolicy,
                $"{amount}KPerMin",
                new ApiPolicy
                {
                    Name = $"{amount}KPerMin",
                    Description = $"{amount} 000 requests a minute",
                    Quota = Quota.Requests(amount * 1000, s_minute),
                },
                ModelJson.Default.ApiPolicy
            );
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
    }

    private static Plan PlanOf(string name, long amount) =>
        new()
        {
            Name = name,
            Description = $"{amount} requests a minute",
            Quota = Quota.Requests(amount, s_minute),
        };
}
