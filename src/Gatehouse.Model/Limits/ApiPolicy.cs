using System.Collections.Immutable;

namespace Gatehouse.Model;

/// <summary>
/// An advanced policy, set on an API or on operations: the first group whose conditions a request meets says its quota, else
/// the default one does.
/// </summary>
public sealed record ApiPolicy
{
    /// <summary>Such as <c>10KPerMin</c>; the entity's name.</summary>
    public required string Name { get; init; }

    /// <summary>For people.</summary>
    public string Description
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>Each user has the quotas for themselves; otherwise all callers share them.</summary>
    public bool PerUser { get; init; }

    /// <summary>The quota of requests that no group takes; null for no bound.</summary>
    public Quota? Quota { get; init; }

    /// <summary>Asked in this order.</summary>
    public ImmutableArray<ConditionGroup> Groups
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];
}

/// <summary>Conditions with the quota of the requests that meet all of them.</summary>
public sealed record ConditionGroup
{
    /// <summary>For people.</summary>
    public string Description
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>All must hold; at least one.</summary>
    public required ImmutableArray<Condition> Conditions { get; init; }

    /// <summary>The quota; null lets such requests pass without bound.</summary>
    public Quota? Quota { get; init; }
}

/// <summary>Something a request has or has not.</summary>
public sealed record Condition
{
    /// <summary>What is looked at.</summary>
    public required ConditionKind Kind { get; init; }

    /// <summary>The name of the header, query parameter or claim; empty for an address.</summary>
    public string Name
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>An address, a range <c>from-to</c> or a network <c>a.b.c.d/n</c>; or the value. An empty value asks only that it is there.</summary>
    public string Value
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>Holds where it otherwise would not.</summary>
    public bool Invert { get; init; }
}

/// <summary>What a <see cref="Condition"/> looks at. Append only.</summary>
public enum ConditionKind
{
    /// <summary>The caller's address.</summary>
    Ip,

    /// <summary>A request header.</summary>
    Header,

    /// <summary>A query parameter.</summary>
    Query,

    /// <summary>A claim of the caller's token.</summary>
    Claim,
}

/// <summary>A limit for whatever a key made of the request's parts stands for, over all APIs.</summary>
public sealed record CustomRule
{
    /// <summary>The entity's name.</summary>
    public required string Name { get; init; }

    /// <summary>For people.</summary>
    public string Description
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>
    /// Text with <c>$userId</c>, <c>$appId</c>, <c>$apiContext</c>, <c>$apiVersion</c>, <c>$resourceKey</c>,
    /// <c>$clientIp</c>, joined as wanted, such as <c>$apiContext:$userId</c>. Requests with equal keys share the quota; a
    /// request that lacks a part (no user) is not limited by it.
    /// </summary>
    public required string Key { get; init; }

    /// <summary>What each key may use.</summary>
    public required Quota Quota { get; init; }
}
