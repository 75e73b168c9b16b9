namespace Gatehouse.Model;

/// <summary>A business plan that a subscription is on: what one application may ask of one API version.</summary>
public sealed record Plan
{
    // Generated readers run no initializers, so what a row or a body lacks gets its default where it is read.

    /// <summary>The plan that limits nothing; it needs no entity.</summary>
    public const string Unlimited = "Unlimited";

    /// <summary>The plan of callers that are not asked who they are, each address for itself; in force once an operator creates it.</summary>
    public const string Unauthenticated = "Unauthenticated";

    /// <summary>Such as <c>Gold</c>; the entity's name.</summary>
    public required string Name { get; init; }

    /// <summary>For people.</summary>
    public string Description
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>What the subscription may use; null for no bound.</summary>
    public Quota? Quota { get; init; }

    /// <summary>Most requests a second, so that a quota is not used up at once; null for no bound.</summary>
    public int? Burst { get; init; }

    /// <summary>False lets a subscription run over its quota; what ran over is counted.</summary>
    public bool? StopOnQuotaReach
    {
        get => field ?? true;
        init;
    }

    /// <summary>What it costs, in the operator's words, such as <c>free</c> or <c>10 EUR a month</c>; for display only.</summary>
    public string Billing
    {
        get => field ?? "free";
        init;
    } = "free";
}

/// <summary>What one application may ask of all APIs together.</summary>
public sealed record ApplicationPolicy
{
    /// <summary>Such as <c>50PerMin</c>; the entity's name.</summary>
    public required string Name { get; init; }

    /// <summary>For people.</summary>
    public string Description
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>What may be used; null for no bound.</summary>
    public Quota? Quota { get; init; }

    /// <summary>Most requests a second; null for no bound.</summary>
    public int? Burst { get; init; }

    /// <summary>Each user of the application has the quota for themselves (WSO2's key <c>appId:user</c>); a call without a user counts for the application.</summary>
    public bool? PerUser
    {
        get => field ?? true;
        init;
    }
}
