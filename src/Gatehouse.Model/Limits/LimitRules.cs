using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Gatehouse.Model;

/// <summary>What plans, policies and rules must keep to. Pure; finds everything that is wrong.</summary>
public static partial class LimitRules
{
    /// <summary>The parts of a request that the key of a <see cref="CustomRule"/> may name.</summary>
    public static ImmutableArray<string> KeyParts { get; } =
    ["$apiContext", "$apiVersion", "$appId", "$clientIp", "$resourceKey", "$userId"];

    private const int MostPerSecond = 1_000_000;

    /// <summary>Everything that is wrong with a plan.</summary>
    public static ImmutableArray<Problem> Check(Plan plan) =>
        [
            .. CheckName(plan.Name),
            .. CheckBurst(plan.Burst),
            .. CheckText(plan.Description),
            .. CheckText(plan.Billing),
        ];

    /// <summary>Everything that is wrong with an application's policy.</summary>
    public static ImmutableArray<Problem> Check(ApplicationPolicy policy) =>
        [.. CheckName(policy.Name), .. CheckBurst(policy.Burst), .. CheckText(policy.Description)];

    /// <summary>Everything that is wrong with an advanced policy.</summary>
    public static ImmutableArray<Problem> Check(ApiPolicy policy)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        problems.AddRange(CheckName(policy.Name));
        problems.AddRange(CheckText(policy.Description));
        if (policy.Groups.Length > 32)
        {
            problems.Add(new("/groups", "There are more than 32 groups", "make several policies"));
        }

        for (var i = 0; i < policy.Groups.Length; i++)
        {
            var conditions = policy.Groups[i].Conditions;
            if (conditions.IsDefaultOrEmpty || conditions.Length > 16)
            {
                problems.Add(
                    new(
                        $"/groups/{i}/conditions",
                        "A group has between 1 and 16 conditions",
                        "what all requests may use is the policy's own quota"
                    )
                );
                continue;
            }

            for (var j = 0; j < conditions.Length; j++)
            {
                if (ConditionProblem(conditions[j]) is var (message, fix))
                {
                    problems.Add(new($"/groups/{i}/conditions/{j}", message, fix));
                }
            }
        }

        return problems.ToImmutable();
    }

    /// <summary>Everything that is wrong with a custom rule.</summary>
    public static ImmutableArray<Problem> Check(CustomRule rule)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        problems.AddRange(CheckName(rule.Name));
        problems.AddRange(CheckText(rule.Description));
        if (KeyProblem(rule.Key) is { } why)
        {
            problems.Add(new("/key", why, "such as $apiContext:$userId"));
        }

        return problems.ToImmutable();
    }

    /// <summary>What is wrong with the key of a custom rule; null when nothing is.</summary>
    public static string? KeyProblem(string key)
    {
        var names = string.Join(", ", KeyParts);
        if (key.Length is 0 or > 256)
        {
            return $"A key has 1 to 256 characters and names at least one of {names}";
        }

        var pieces = key.Split('$');
        if (pieces.Length == 1)
        {
            return $"A key names at least one of {names}";
        }

        var unknown = pieces
            .Skip(1)
            .FirstOrDefault(p => !KeyParts.Any(k => p.StartsWith(k[1..], StringComparison.Ordinal)));
        return unknown is null ? null : $"'${unknown}' begins with no part of a request; there are {names}";
    }

    /// <summary>What is wrong with a condition, and what to do about it; null when nothing is.</summary>
    public static (string Message, string Fix)? ConditionProblem(Condition condition)
    {
        const string Form = "write ip=10.0.0.0/8, header:NAME=VALUE, query:NAME=VALUE or claim:NAME=VALUE";
        return condition switch
        {
            { Kind: ConditionKind.Ip } when !AddressRange.TryParse(condition.Value, out _) => (
                $"'{condition.Value}' is no address, range or network",
                "write 10.0.0.7, 10.0.0.1-10.0.0.9 or 10.0.0.0/8"
            ),
            { Kind: ConditionKind.Ip } => null,
            { Name.Length: 0 or > 128 } => ("A condition names the header, query parameter or claim it asks for", Form),
            { Value.Length: > 512 } => ("The value of a condition has at most 512 characters", Form),
            _ => null,
        };
    }

    private static IEnumerable<Problem> CheckName(string name) =>
        NameForm().IsMatch(name)
            ? []
            :
            [
                new(
                    "/name",
                    "A name of a plan or policy has 1 to 64 letters, digits and -._, the first a letter or digit",
                    "choose another"
                ),
            ];

    private static IEnumerable<Problem> CheckBurst(int? burst) =>
        burst is null or (>= 1 and <= MostPerSecond)
            ? []
            :
            [
                new(
                    "/burst",
                    $"A burst is between 1 and {MostPerSecond} requests a second",
                    "leave it out for no bound"
                ),
            ];

    private static IEnumerable<Problem> CheckText(string text) =>
        text.Length <= 1000 && !text.Any(char.IsControl)
            ? []
            : [new("/description", "A text has at most 1000 characters and no control characters", "shorten it")];

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex NameForm();
}
