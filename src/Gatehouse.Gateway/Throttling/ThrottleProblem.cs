using System.Globalization;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Throttling;

/// <summary>What a caller is told at each level: WSO2's codes and words.</summary>
internal static class ThrottleProblem
{
    private const string Throttled = "Message throttled out";
    private const string Exceeded = "You have exceeded your quota.";

    private static readonly GatewayProblem[] s_problems =
    [
        new(403, "900805", "Message blocked", "You have been blocked from accessing the resource")
        {
            IsThrottling = true,
        },
        Of("900800"),
        Of("900802"),
        Of("900804"),
        Of("900807"),
        Of("900803"),
        Of("900809"),
        Of("900806"),
        new(503, "900801", "API Limit Reached", "API not accepting requests") { IsThrottling = true },
    ];

    public static GatewayProblem Blocked => s_problems[(int)ThrottleLevel.Block];

    /// <summary>A refusal of a level.</summary>
    /// <param name="level">Who refused.</param>
    /// <param name="seconds">When to come again.</param>
    /// <param name="now">The time.</param>
    public static GatewayProblem At(ThrottleLevel level, long seconds, DateTimeOffset now)
    {
        var problem = s_problems[(int)level];
        var next = now.AddSeconds(seconds)
            .UtcDateTime.ToString("yyyy-MMM-dd HH:mm:ss+0000 'UTC'", CultureInfo.InvariantCulture);
        return level == ThrottleLevel.Backend
            ? problem with
            {
                RetryAfter = seconds,
            }
            : problem with
            {
                RetryAfter = seconds,
                Description = $"{problem.Description} You can access API after {next}",
            };
    }

    /// <summary>A policy that the node does not have: it cannot know what it would allow, so it allows nothing.</summary>
    public static GatewayProblem Unknown(ThrottleLevel level, string policy) =>
        s_problems[(int)level] with
        {
            Description = $"The policy '{policy}' is not known to this gateway; its operator can create it.",
        };

    private static GatewayProblem Of(string code) => new(429, code, Throttled, Exceeded) { IsThrottling = true };
}
