using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Gateway.Throttling;

namespace Gatehouse.Gateway.Routing;

/// <summary>All that a worker serves at one moment.</summary>
/// <param name="apis">What is served.</param>
/// <param name="consumers">To whom.</param>
/// <param name="limits">How much of it.</param>
/// <param name="keyManager">The way to the key managers; null for none.</param>
internal sealed class GatewaySnapshot(
    ApiCatalog apis,
    ConsumerDirectory consumers,
    LimitTable limits,
    KeyManagerRoute? keyManager = null
) : TableSnapshot
{
    private const int OnStack = 512;

    public ApiCatalog Apis { get; } = apis;

    public ConsumerDirectory Consumers { get; } = consumers;

    public LimitTable Limits { get; } = limits;

    public KeyManagerRoute? KeyManager { get; } = keyManager;

    public override GatewayProblem? Route(Exchange exchange)
    {
        var target = exchange.Target;
        var path = target.Path(exchange.Request.RawTarget);
        var decoded = (target.Traits & PathTraits.EncodedUnreserved) != 0;
        Span<char> buffer =
            !decoded ? []
            : path.Length <= OnStack ? stackalloc char[OnStack]
            : new char[path.Length];
        var match = RequestPath.ToMatch(path, target.Traits, buffer);

        Span<char> host = stackalloc char[HostName.Longest];
        host = Apis.HasHosts ? host[..HostName.Read(exchange.Request.Headers.Host, host)] : [];
        var api = Apis.Match(host, match, out var context);
        if (api is null || api.Expires <= exchange.Now)
        {
            // An API that has the path comes first: its publisher chose it.
            return KeyManager?.TryTake(exchange, match) == true ? null : GatewayProblem.NotFound;
        }

        if (api.Canary is { } canary && canary.IsFor(exchange))
        {
            api = canary.Api;
        }

        exchange.Route = api.Fallback;
        if (target.Under(api.Paths) is var refusal and not PathRefusal.None)
        {
            return GatewayProblem.BadTarget(RequestPath.Explain(refusal));
        }

        var route = api.Operations.Match(match[context..], exchange.Method, out var allowed);
        if (route is null && allowed is not null && api.Preflight is { } preflight && exchange.Method == "OPTIONS")
        {
            exchange.AllowedMethods = allowed;
            exchange.Route = preflight;
            return null;
        }

        if (route is null)
        {
            return allowed is null ? GatewayProblem.NotFound : GatewayProblem.MethodNotAllowed(allowed);
        }

        exchange.Route = route;
        exchange.Consumers = Consumers;
        exchange.Limits = Limits;
        exchange.ResourceStart = target.PathStart + (decoded ? SameDepth(path, match[..context]) : context);
        return null;
    }

    public override IEnumerable<RequestMeter> Meters => Apis.All.SelectMany(Metered).Select(m => m.Item2);

    public override IEnumerable<(string Name, Target Target)> Destinations =>
        from api in Apis.All
        from revision in api.Canary is { } canary ? (CompiledApi[])[api, canary.Api] : [api]
        from pool in (TargetPool?[])[revision.Fallback.Production, revision.Fallback.Sandbox]
        where pool is not null
        from target in pool.Targets
        select (target.Origin, target);

    public override void WriteMetrics(PrometheusText text)
    {
        text.Requests("gatehouse_api", "api", [.. Apis.All.SelectMany(Metered)]);
        text.Family("gatehouse_apis", "gauge", "APIs served.");
        text.Sample("gatehouse_apis", "", Apis.Count);
        text.Family("gatehouse_operations", "gauge", "Operations of all APIs served.");
        text.Sample("gatehouse_operations", "", Apis.Operations);
        Limits.Meter.Write(text, Limits.Counters);
    }

    private static IEnumerable<(string, RequestMeter)> Metered(CompiledApi api) =>
        api.Canary is { } canary
            ? [(api.Name, api.Meter), (canary.Api.Name, canary.Api.Meter)]
            : [(api.Name, api.Meter)];

    /// <summary>Where the context ends in the path as it was sent: decoding changes lengths, but never the number of slashes.</summary>
    private static int SameDepth(ReadOnlySpan<char> path, ReadOnlySpan<char> context)
    {
        var at = 0;
        for (var slashes = context.Count('/'); ; slashes--)
        {
            var next = path[at..].IndexOf('/');
            if (next < 0)
            {
                return path.Length;
            }

            if (slashes == 0)
            {
                return at + next;
            }

            at += next + 1;
        }
    }
}
