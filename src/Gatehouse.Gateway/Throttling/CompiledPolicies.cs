using System.Collections.Immutable;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Throttling;

/// <summary>A plan, ready to be enforced.</summary>
internal sealed record CompiledPlan(Limit? Quota, Limit? Burst, bool StopsOnQuota)
{
    public static CompiledPlan Of(Plan plan, long epoch, TimeProvider time) =>
        new(
            plan.Quota is { } quota ? new(plan.Name, quota, isRate: false, epoch, time) : null,
            Limit.PerSecond(plan.Name, plan.Burst, epoch, time),
            plan.StopOnQuotaReach == true
        );
}

/// <summary>An application's policy, ready to be enforced.</summary>
internal sealed record CompiledApplicationPolicy(Limit? Quota, Limit? Burst, bool PerUser)
{
    public static CompiledApplicationPolicy Of(ApplicationPolicy policy, long epoch, TimeProvider time) =>
        new(
            policy.Quota is { } quota ? new(policy.Name, quota, isRate: false, epoch, time) : null,
            Limit.PerSecond(policy.Name, policy.Burst, epoch, time),
            policy.PerUser == true
        );
}

/// <summary>An advanced policy, ready to be enforced.</summary>
internal sealed class CompiledApiPolicy
{
    private readonly ImmutableArray<ImmutableArray<CompiledCondition>> _groups;

    private CompiledApiPolicy(
        ImmutableArray<ImmutableArray<CompiledCondition>> groups,
        ImmutableArray<Limit?> limits,
        bool perUser
    ) => (_groups, Limits, PerUser) = (groups, limits, perUser);

    /// <summary>The limit of each group, then the default one; null where there is no bound.</summary>
    public ImmutableArray<Limit?> Limits { get; }

    public bool PerUser { get; }

    /// <summary>Throws <see cref="FormatException"/> when a condition can never be asked.</summary>
    public static CompiledApiPolicy Of(ApiPolicy policy, long epoch, TimeProvider time)
    {
        var index = policy.Groups.ToList().FindIndex(g => g.Conditions.IsDefaultOrEmpty);
        if (index >= 0)
        {
            throw new FormatException(
                $"Group {index} has no condition; what it grants belongs into the default quota."
            );
        }

        return new(
            [.. policy.Groups.Select(g => g.Conditions.Select(c => new CompiledCondition(c)).ToImmutableArray())],
            [.. policy.Groups.Select(g => g.Quota).Append(policy.Quota).Select(Compiled)],
            policy.PerUser
        );

        Limit? Compiled(Quota? quota) => quota is { } q ? new(policy.Name, q, isRate: false, epoch, time) : null;
    }

    /// <summary>The first group whose conditions all hold; the index of the default when none does.</summary>
    public int Choose(Exchange exchange)
    {
        for (var i = 0; i < _groups.Length; i++)
        {
            if (AllHold(_groups[i], exchange))
            {
                return i;
            }
        }

        return _groups.Length;
    }

    private static bool AllHold(ImmutableArray<CompiledCondition> conditions, Exchange exchange)
    {
        foreach (var condition in conditions)
        {
            if (!condition.Holds(exchange))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>A custom rule, ready to be enforced.</summary>
internal sealed record CompiledRule(string Name, KeyTemplate Key, Limit Limit, LimitKey Start)
{
    /// <summary>Throws <see cref="FormatException"/> when the key cannot be read.</summary>
    public static CompiledRule Of(CustomRule rule, long epoch, TimeProvider time)
    {
        var limit = new Limit(rule.Name, rule.Quota, isRate: false, epoch, time);
        return new(
            rule.Name,
            new(rule.Key),
            limit,
            LimitUse.KeyOf(default(LimitKey).With("rule").With(rule.Name), limit)
        );
    }
}
