using System.Collections.Concurrent;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>How traces name policies: <c>JsonLimitsPolicy</c> is <c>json-limits</c>.</summary>
internal static class PolicyNames
{
    private static readonly ConcurrentDictionary<Type, string> s_names = new();

    public static string Of(Type policy) => s_names.GetOrAdd(policy, Dashed);

    private static string Dashed(Type policy)
    {
        var name = policy.Name.EndsWith("Policy", StringComparison.Ordinal) ? policy.Name[..^6] : policy.Name;
        return string.Concat(name.Select((c, i) => char.IsAsciiLetterUpper(c) && i > 0 ? $"-{c}" : $"{c}"))
            .ToLowerInvariant();
    }
}
