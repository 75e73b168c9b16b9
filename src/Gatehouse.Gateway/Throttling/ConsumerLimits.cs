namespace Gatehouse.Gateway.Throttling;

/// <summary>What a subscription's plan asks of it, found once per change of the limits.</summary>
internal sealed class SubscriptionLimits(string application, string api, string? plan)
{
    private readonly LimitKey _key = default(LimitKey).With("subscription").With(application).With(api);
    private volatile Found? _found;

    /// <summary>The plan's name; null for no bound.</summary>
    public string? Plan => plan;

    public Found In(LimitTable table) => _found is { } found && found.Version == table.Version ? found : Find(table);

    private Found Find(LimitTable table)
    {
        // Without a name, or with the name of the plan without bounds that nobody has given any.
        var compiled = plan is null ? null : table.Plans.Find(plan);
        var isKnown = compiled is not null || plan is null or Model.Plan.Unlimited;
        return _found = new(
            table.Version,
            isKnown,
            LimitUse.Of(compiled?.Quota, _key),
            LimitUse.Of(compiled?.Burst, _key),
            compiled?.StopsOnQuota ?? true
        );
    }

    internal sealed record Found(long Version, bool IsKnown, LimitUse? Quota, LimitUse? Burst, bool StopsOnQuota);
}

/// <summary>What an application's policy asks of it, found once per change of the limits.</summary>
internal sealed class ApplicationLimits(string application, string? policy)
{
    private volatile Found? _found;

    public LimitKey Key { get; } = default(LimitKey).With("application").With(application);

    public string? Policy => policy;

    public Found In(LimitTable table) => _found is { } found && found.Version == table.Version ? found : Find(table);

    private Found Find(LimitTable table)
    {
        var compiled = policy is null ? null : table.ApplicationPolicies.Find(policy);
        var isKnown = compiled is not null || policy is null or Model.Plan.Unlimited;
        return _found = new(
            table.Version,
            isKnown,
            compiled,
            LimitUse.Of(compiled?.Quota, Key),
            LimitUse.Of(compiled?.Burst, Key)
        );
    }

    internal sealed record Found(
        long Version,
        bool IsKnown,
        CompiledApplicationPolicy? Policy,
        LimitUse? Quota,
        LimitUse? Burst
    );
}

/// <summary>What an advanced policy asks of an API or operation, found once per change of the limits.</summary>
internal sealed class ApiLimits(string policy, LimitKey key)
{
    private volatile Found? _found;

    public string Name => policy;

    /// <summary>What a group's uses are counted under.</summary>
    public LimitKey KeyOf(int group) => key.With(group);

    public Found In(LimitTable table) => _found is { } found && found.Version == table.Version ? found : Find(table);

    private Found Find(LimitTable table)
    {
        var compiled = table.ApiPolicies.Find(policy);
        LimitUse?[] uses = compiled is null ? [] : [.. compiled.Limits.Select((l, i) => LimitUse.Of(l, KeyOf(i)))];
        return _found = new(table.Version, compiled is not null || policy == Model.Plan.Unlimited, compiled, uses);
    }

    internal sealed record Found(long Version, bool IsKnown, CompiledApiPolicy? Policy, LimitUse?[] Groups);
}
