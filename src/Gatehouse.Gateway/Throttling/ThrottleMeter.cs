using Gatehouse.Gateway.Accounting;

namespace Gatehouse.Gateway.Throttling;

/// <summary>The levels at which a request can be turned away, in the order in which they are asked.</summary>
internal enum ThrottleLevel
{
    Block,
    Api,
    Operation,
    Subscription,
    SubscriptionBurst,
    Application,
    ApplicationBurst,
    Custom,
    Backend,
}

/// <summary>Counts what was turned away, by level.</summary>
internal sealed class ThrottleMeter
{
    private static readonly string[] s_names =
    [
        "block",
        "api",
        "operation",
        "subscription",
        "subscription-burst",
        "application",
        "application-burst",
        "custom",
        "backend",
    ];

    private readonly long[] _refused = new long[s_names.Length];
    private long _overruns;

    /// <summary>How metrics and traces name a level.</summary>
    public static string NameOf(ThrottleLevel level) => s_names[(int)level];

    public void Refused(ThrottleLevel level) => Interlocked.Increment(ref _refused[(int)level]);

    /// <summary>A plan that does not stop at its quota let a request pass beyond it.</summary>
    public void Overran() => Interlocked.Increment(ref _overruns);

    public void Write(PrometheusText text, CounterStore counters)
    {
        text.Family("gatehouse_throttled_total", "counter", "Requests turned away by blocks and limits, by level.");
        for (var level = 0; level < s_names.Length; level++)
        {
            text.Sample(
                "gatehouse_throttled_total",
                PrometheusText.Label("level", s_names[level]),
                Volatile.Read(ref _refused[level])
            );
        }

        text.Family(
            "gatehouse_quota_overruns_total",
            "counter",
            "Requests beyond the quota of a plan that does not stop at it."
        );
        text.Sample("gatehouse_quota_overruns_total", "", Volatile.Read(ref _overruns));
        text.Family("gatehouse_limit_counters", "gauge", "Counters that limits keep on this node.");
        text.Sample("gatehouse_limit_counters", "", counters.Count);
        text.Family(
            "gatehouse_limit_counters_evicted_total",
            "counter",
            "Counters given up for others while they counted up to 1 % of their limit."
        );
        text.Sample("gatehouse_limit_counters_evicted_total", "", counters.Evicted);
        text.Family(
            "gatehouse_limit_counters_shared_total",
            "counter",
            "Times a key got no counter of its own and shared one, which can make it wait."
        );
        text.Sample("gatehouse_limit_counters_shared_total", "", counters.Shared);
    }
}
