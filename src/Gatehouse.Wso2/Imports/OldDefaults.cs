using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>
/// WSO2's own tiers of 1.x (<c>default-tiers/*.xml</c> of 1.10), for what names one and comes without the home or registry that
/// says how much it is. Later generations have other names and numbers, and keep them beside what names them.
/// </summary>
internal static class OldDefaults
{
    private static readonly Dictionary<(string Kind, string Name), string> s_quotas = new()
    {
        [("plans", "Gold")] = "20/min",
        [("plans", "Silver")] = "5/min",
        [("plans", "Bronze")] = "1/min",
        [("application-policies", "Large")] = "20/min",
        [("application-policies", "Medium")] = "5/min",
        [("application-policies", "Small")] = "1/min",
        [("api-policies", "Ultimate")] = "20/min",
        [("api-policies", "Plus")] = "5/min",
        [("api-policies", "Basic")] = "1/min",
    };

    /// <summary>The tier of that name; null when 1.x had none.</summary>
    public static ImportedLimit? Find(string kind, string name) =>
        s_quotas.TryGetValue((kind, name), out var quota)
            ? new(
                kind,
                name,
                new JsonObject
                {
                    ["name"] = name,
                    ["description"] = $"WSO2 1.x's own: {quota}",
                    ["quota"] = quota,
                },
                IsAssumed: true
            )
            : null;
}
