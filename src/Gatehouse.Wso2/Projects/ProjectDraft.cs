using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>An API while its project is read.</summary>
internal sealed class ProjectDraft
{
    public string? Name { get; set; }

    public string? Version { get; set; }

    public string? Context { get; set; }

    /// <summary>Why it cannot be an API here; null when it can.</summary>
    public string? UnfitType { get; set; }

    public string? Auth { get; set; }

    public string? ClientCertificate { get; set; }

    public string? AuthorizationHeader { get; set; }

    public string? ApiKeyHeader { get; set; }

    public string? Policy { get; set; }

    public int? MaxTps { get; set; }

    public int? SandboxMaxTps { get; set; }

    public bool IsDefaultVersion { get; set; }

    public bool IsMock { get; set; }

    /// <summary>Requests are checked against the document.</summary>
    public bool Validates { get; set; }

    public int? CacheSeconds { get; set; }

    public JsonObject? Cors { get; set; }

    public EndpointDraft Production { get; } = new();

    public EndpointDraft Sandbox { get; } = new();

    /// <summary>What its sequences and API policies came to.</summary>
    public ResourceDraft Mediation { get; } = new();

    /// <summary>Policies of the whole API.</summary>
    public JsonArray Policies()
    {
        var policies = new JsonArray();
        if (Cors is not null)
        {
            policies.Add(new JsonObject { ["name"] = "cors", ["settings"] = Cors });
        }

        foreach (var policy in Mediation.ToPolicies() ?? [])
        {
            policies.Add(policy!.DeepClone());
        }

        if (CacheSeconds is { } seconds && Mediation.CacheSeconds is null)
        {
            policies.Add(
                new JsonObject
                {
                    ["name"] = "cache",
                    ["settings"] = new JsonObject { ["defaultSeconds"] = seconds },
                }
            );
        }

        if (Validates)
        {
            policies.Add(new JsonObject { ["name"] = "validate" });
        }

        if (IsMock)
        {
            policies.Add(new JsonObject { ["name"] = "mock" });
        }

        return policies;
    }
}

/// <summary>What <c>api.yaml</c> says of one operation.</summary>
internal sealed class OperationDraft
{
    public string? AuthType { get; set; }

    public string? Policy { get; set; }

    public List<string> Scopes { get; } = [];

    public ResourceDraft Mediation { get; } = new();

    public JsonArray Others { get; } = [];

    /// <summary>Puts it into the document's operation.</summary>
    public void Extend(JsonObject operation)
    {
        if (AuthType is not null)
        {
            operation["x-auth-type"] = AuthType;
        }

        if (Policy is not null)
        {
            operation["x-throttling-tier"] = Policy;
        }

        var policies = Mediation.ToPolicies() ?? [];
        foreach (var other in Others)
        {
            policies.Add(other!.DeepClone());
        }

        if (policies.Count > 0)
        {
            operation["x-gatehouse-policies"] = policies;
        }
    }
}
