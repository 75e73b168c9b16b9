using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Throttling;

/// <summary>
/// Turns away what exceeds a limit. The levels are asked in WSO2's order, the one that names the narrowest
/// fault first. A request pays all levels or none: what is turned away at one is given back at those before it, so a refusal
/// neither costs quota nor prolongs itself.
/// </summary>
internal sealed class ThrottlePolicy : IPolicy
{
    private readonly ApiLimits? _api;
    private readonly ThrottleLevel _apiLevel;
    private readonly LimitUse? _production;
    private readonly LimitUse? _sandbox;
    private readonly bool _isOpen;

    /// <param name="api">The API.</param>
    /// <param name="operation">Its operation.</param>
    /// <param name="isOpen">True when callers are not asked who they are.</param>
    /// <param name="epoch">The change that brought the API.</param>
    /// <param name="time">The clock that counts.</param>
    public ThrottlePolicy(Api api, Operation operation, bool isOpen, long epoch, TimeProvider time)
    {
        _isOpen = isOpen;
        Api = Model.Api.EntityName(api.Name, api.Version);
        Version = api.Version;
        Context = ContextOf(api);
        Resource = $"{Context}{operation.Path}:{operation.Method}";

        var key = default(LimitKey).With("api").With(Api);
        (_api, _apiLevel) = (api.Policy, operation.Policy) switch
        {
            ({ } whole, _) => (new ApiLimits(whole, key), ThrottleLevel.Api),
            (null, { } own) => (new ApiLimits(own, key.With(Resource)), ThrottleLevel.Operation),
            _ => (null, ThrottleLevel.Api),
        };
        _production = LimitUse.Of(Limit.PerSecond("backend", api.MaxTps, epoch, time), key.With("production"));
        _sandbox = LimitUse.Of(Limit.PerSecond("backend", api.SandboxMaxTps, epoch, time), key.With("sandbox"));
    }

    /// <summary>Context and version of an API, as its callers call it.</summary>
    public static string ContextOf(Api api) =>
        api.Context.Contains("{version}", StringComparison.Ordinal)
            ? api.Context.Replace("{version}", api.Version, StringComparison.Ordinal)
            : $"{api.Context.TrimEnd('/')}/{api.Version}";

    /// <summary><c>name:version</c>.</summary>
    public string Api { get; }

    public string Version { get; }

    /// <summary>Context and version: <c>/petstore/1.0.0</c>.</summary>
    public string Context { get; }

    /// <summary>WSO2's resource key: <c>/petstore/1.0.0/pets/{id}:GET</c>.</summary>
    public string Resource { get; }

    /// <summary>An open stream was charged when it began.</summary>
    public bool RunsAgain => false;

    public GatewayProblem? Apply(Exchange exchange)
    {
        // What a balancer sends a second time was charged where it went first.
        if (exchange.IsReplay)
        {
            return null;
        }

        exchange.Throttle = this;
        var table = exchange.Limits;
        return CheckApi(exchange, table)
            ?? CheckSubscription(exchange, table)
            ?? CheckApplication(exchange, table)
            ?? CheckRules(exchange, table)
            ?? Check(
                exchange,
                table,
                exchange.Key is { IsSandbox: true } ? _sandbox : _production,
                ThrottleLevel.Backend
            );
    }

    private GatewayProblem? CheckApi(Exchange exchange, LimitTable table)
    {
        if (_api is null)
        {
            return null;
        }

        var found = _api.In(table);
        if (found.Policy is not { } policy)
        {
            return found.IsKnown ? null : Unknown(exchange, table, _apiLevel, _api.Name);
        }

        var group = policy.Choose(exchange);
        return policy.PerUser && policy.Limits[group] is { } limit && CallerFacts.User(exchange) is { } user
            ? Check(exchange, table, limit, LimitUse.KeyOf(_api.KeyOf(group), limit).With(user), _apiLevel)
            : Check(exchange, table, found.Groups[group], _apiLevel);
    }

    private GatewayProblem? CheckSubscription(Exchange exchange, LimitTable table)
    {
        if (exchange.Subscription is not { } subscription)
        {
            // Nobody in particular: each address for itself.
            return _isOpen && table.Plans.Find(Plan.Unauthenticated) is { Quota: { } quota }
                ? Check(
                    exchange,
                    table,
                    quota,
                    LimitUse.KeyOf(default(LimitKey).With("open").With(Api), quota).With(exchange.Caller.Address),
                    ThrottleLevel.Subscription
                )
                : null;
        }

        var found = subscription.In(table);
        if (!found.IsKnown)
        {
            return Unknown(exchange, table, ThrottleLevel.Subscription, subscription.Plan!);
        }

        return Check(exchange, table, found.Quota, ThrottleLevel.Subscription, found.StopsOnQuota)
            ?? Check(exchange, table, found.Burst, ThrottleLevel.SubscriptionBurst);
    }

    private static GatewayProblem? CheckApplication(Exchange exchange, LimitTable table)
    {
        if (exchange.Application?.Limits is not { Policy: { } name } limits)
        {
            return null;
        }

        var found = limits.In(table);
        if (found.Policy is not { } policy)
        {
            return found.IsKnown ? null : Unknown(exchange, table, ThrottleLevel.Application, name);
        }

        var user = policy.PerUser ? CallerFacts.User(exchange) : null;
        if (user is null)
        {
            return Check(exchange, table, found.Quota, ThrottleLevel.Application)
                ?? Check(exchange, table, found.Burst, ThrottleLevel.ApplicationBurst);
        }

        return (
                policy.Quota is { } quota
                    ? Check(
                        exchange,
                        table,
                        quota,
                        LimitUse.KeyOf(limits.Key, quota).With(user),
                        ThrottleLevel.Application
                    )
                    : null
            )
            ?? (
                policy.Burst is { } burst
                    ? Check(
                        exchange,
                        table,
                        burst,
                        LimitUse.KeyOf(limits.Key, burst).With(user),
                        ThrottleLevel.ApplicationBurst
                    )
                    : null
            );
    }

    private static GatewayProblem? CheckRules(Exchange exchange, LimitTable table)
    {
        foreach (var rule in table.Rules)
        {
            if (
                rule.Key.TryMake(exchange, rule.Start, out var key)
                && Check(exchange, table, rule.Limit, key, ThrottleLevel.Custom) is { } problem
            )
            {
                return problem;
            }
        }

        return null;
    }

    private static GatewayProblem? Check(
        Exchange exchange,
        LimitTable table,
        LimitUse? use,
        ThrottleLevel level,
        bool stops = true
    ) =>
        use is null
            ? null
            : Check(exchange, table, use.Limit, use.Counter(table.Counters, exchange.StartedAt), level, stops);

    private static GatewayProblem? Check(
        Exchange exchange,
        LimitTable table,
        Limit limit,
        LimitKey key,
        ThrottleLevel level
    ) => Check(exchange, table, limit, table.Counters.Open(key, limit, exchange.StartedAt), level, stops: true);

    private static GatewayProblem? Check(
        Exchange exchange,
        LimitTable table,
        Limit limit,
        LimitCounter counter,
        ThrottleLevel level,
        bool stops
    )
    {
        var now = exchange.StartedAt;
        var allowed = table.Limiter.Allowance(counter, limit, now);
        var granted = counter.TryUse(limit, allowed, now, out var left);
        exchange.Trace?.Asked(level, limit, allowed, left, granted || !stops);
        if (granted)
        {
            exchange.Charges.Add(counter, limit, allowed, left);
            return null;
        }

        if (!stops)
        {
            counter.Overrun(limit, now);
            table.Meter.Overran();
            exchange.Charges.Add(counter, limit, allowed, 0);
            return null;
        }

        table.Meter.Refused(level);
        exchange.Charges.Undo(now);
        exchange.Charges.Refuse(counter, limit, allowed, now);
        var seconds = (exchange.Charges.RetryAfter + limit.Frequency - 1) / limit.Frequency;
        return ThrottleProblem.At(level, seconds, exchange.Now);
    }

    private static GatewayProblem Unknown(Exchange exchange, LimitTable table, ThrottleLevel level, string policy)
    {
        table.Meter.Refused(level);
        exchange.Charges.Undo(exchange.StartedAt);
        return ThrottleProblem.Unknown(level, policy);
    }
}
