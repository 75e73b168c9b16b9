namespace Gatehouse.Gateway.Throttling;

/// <summary>A limit of one thing with its counter at hand, so that a request looks nothing up.</summary>
internal sealed class LimitUse(Limit limit, LimitKey key)
{
    private volatile LimitCounter? _counter;

    public Limit Limit => limit;

    /// <summary>A key that has room for a period and a kind of unit: counters of another length cannot go on counting.</summary>
    public static LimitKey KeyOf(LimitKey thing, Limit limit) =>
        thing.With(limit.Seconds).With((limit.IsBandwidth ? 2 : 0) + (limit.IsRate ? 1 : 0));

    /// <summary>The use of a limit by a thing; null when there is no limit.</summary>
    public static LimitUse? Of(Limit? limit, LimitKey thing) => limit is null ? null : new(limit, KeyOf(thing, limit));

    public LimitCounter Counter(CounterStore store, long now) =>
        _counter is { IsRetired: false } counter ? counter : _counter = store.Open(key, limit, now);
}
