using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Lane;
using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>Serves requests by the table it was given: the data plane of a worker or a balancer.</summary>
public sealed class GatewayEngine
{
    private const int SpareExchanges = 1024;
    private static readonly TimeSpan s_recheckEvery = TimeSpan.FromMilliseconds(500);

    private readonly IRequestTable _table;
    private readonly GatewayPipeline _pipeline;
    private readonly GatewayOptions _options;
    private readonly ForwardingCounters _counters = new();
    private readonly ConcurrentBag<Exchange> _spare = [];
    private readonly ExchangeRegister _exchanges = new();
    private readonly TimeProvider _time;

    /// <summary>The engine of a worker.</summary>
    public GatewayEngine(GatewayTable table, GatewayOptions options, TimeProvider time, ILoggerFactory logs)
        : this((IRequestTable)table, options, time, logs) { }

    /// <summary>The engine of a balancer.</summary>
    public GatewayEngine(BalancerTable table, GatewayOptions options, TimeProvider time, ILoggerFactory logs)
        : this((IRequestTable)table, options, time, logs) { }

    private GatewayEngine(IRequestTable table, GatewayOptions options, TimeProvider time, ILoggerFactory logs)
    {
        _table = table;
        _time = time;
        _options = options;
        _pipeline = new(table, options, _counters, time, logs.CreateLogger<GatewayPipeline>());
        Application = new EngineApplication(_pipeline, _exchanges);
    }

    /// <summary>Believes these peers' <c>X-Forwarded-*</c> headers from the next request on, in place of those before.</summary>
    public void Trust(ImmutableArray<IPNetwork> proxies) => _pipeline.Trust(proxies);

    /// <summary>Hops in private networks whose <c>X-Forwarded-For</c> is ignored: at most four, since the start or the last <see cref="Trust"/>.</summary>
    public IReadOnlyCollection<IPAddress> IgnoredHops => _pipeline.IgnoredHops;

    /// <summary>Serves at most so many requests at once from the next one on; further ones are refused with 503.</summary>
    public void Bound(int requests) => _pipeline.Most = requests;

    /// <summary>Requests being served now.</summary>
    public long InFlight => _pipeline.InFlight;

    /// <summary>What was served and where it went; costs a look at every API.</summary>
    public TrafficCount Count()
    {
        var table = _table.Current;
        long requests = 0;
        long failed = 0;
        foreach (var meter in table.Meters.Append(_pipeline.Unmatched))
        {
            for (var statusClass = 0; statusClass <= 5; statusClass++)
            {
                requests += meter.OfClass(statusClass);
            }

            failed += meter.OfClass(5);
        }

        var (targets, more) = TrafficCount.Of(table.Destinations);
        return new(requests, failed, InFlight, targets, more);
    }

    /// <summary>Whether sockets call back on the thread that polls them.</summary>
    internal bool RunsInline => _options.RunsInline;

    /// <summary>The clock of all that is counted in time here.</summary>
    internal TimeProvider Time => _time;

    /// <summary>Where callers' connections live; null for stock sockets.</summary>
    internal LoopGroup? Loops => _options.Loops;

    /// <summary>What a server of our own hands its requests to, without the hosting pipeline.</summary>
    internal IHttpApplication<Exchange> Application { get; }

    /// <summary>The way of requests that need no server; null on stock sockets, whose threads are anybody's.</summary>
    internal LaneEntry? Lane =>
        Loops is null
            ? null
            : new(
                _exchanges.Create,
                (exchange, features) => _pipeline.RunAsync(exchange, features, fromDataHop: false)
            );

    /// <summary>
    /// Serves a request that came over the data hop: the caller has checked the balancer's certificate, so its
    /// <c>X-Forwarded-*</c> headers are believed.
    /// </summary>
    public async Task ProcessAsync(IFeatureCollection features)
    {
        var exchange = _spare.TryTake(out var spare) ? spare : _exchanges.Create();
        await _pipeline.RunAsync(exchange, features, fromDataHop: true).ConfigureAwait(false);
        exchange.Forget();
        if (_spare.Count < SpareExchanges)
        {
            _spare.Add(exchange);
        }
    }

    /// <summary>
    /// Ends open streams, silent ones too, within a second of the change that withdrew what let them in. For a worker; a
    /// balancer's streams end with the worker's.
    /// </summary>
    public async Task RecheckStreamsAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(s_recheckEvery, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false))
            {
                // Also while the table stays: what let a stream in may have an end.
                _exchanges.Recheck(exchange => Admission.StillHolds(exchange, _table, _time));
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested) { }
    }

    /// <summary>Writes every counter as Prometheus text.</summary>
    public void WriteMetrics(IBufferWriter<byte> destination)
    {
        var text = new PrometheusText(destination);
        _table.Current.WriteMetrics(text);
        text.Requests("gatehouse_unmatched", "node", [(_options.Node, _pipeline.Unmatched)]);
        text.Family("gatehouse_requests_in_flight", "gauge", "Requests being served now.");
        text.Sample("gatehouse_requests_in_flight", "", InFlight);
        text.Family("gatehouse_shed_total", "counter", "Requests refused because as many as may be were under way.");
        text.Sample("gatehouse_shed_total", "", _pipeline.Shed);
        text.Family(
            "gatehouse_http2_floods_total",
            "counter",
            "HTTP/2 connections cut for frames that ask for nothing."
        );
        text.Sample("gatehouse_http2_floods_total", "", Floods.FloodGuard.Cut);
        text.Family("gatehouse_retries_total", "counter", "Requests sent to another target after the first failed.");
        text.Sample("gatehouse_retries_total", "", _counters.RetriedTotal);
        text.Family("gatehouse_not_replayable_total", "counter", "Failed requests that repeating could have harmed.");
        text.Sample("gatehouse_not_replayable_total", "", _counters.NotReplayableTotal);
        text.Family("gatehouse_mirror_dropped_total", "counter", "Copies of requests not sent: too many under way.");
        text.Sample("gatehouse_mirror_dropped_total", "", _options.PolicyCounters.MirrorsDropped);
        text.Family("gatehouse_mirror_failed_total", "counter", "Copies of requests that got no answer.");
        text.Sample("gatehouse_mirror_failed_total", "", _options.PolicyCounters.MirrorsFailed);
        text.Family(
            "gatehouse_validation_failed_total",
            "counter",
            "Messages that did not fit their OpenAPI document."
        );
        text.Sample(
            "gatehouse_validation_failed_total",
            PrometheusText.Label("side", "request"),
            _options.PolicyCounters.BadRequests
        );
        text.Sample(
            "gatehouse_validation_failed_total",
            PrometheusText.Label("side", "answer"),
            _options.PolicyCounters.BadAnswers
        );
        text.Family("gatehouse_access_log_dropped_total", "counter", "Access log lines lost.");
        text.Sample("gatehouse_access_log_dropped_total", "", _options.AccessLog?.Dropped ?? 0);
        text.Family("gatehouse_events_dropped_total", "counter", "Events of analytics lost: too many waited.");
        text.Sample("gatehouse_events_dropped_total", "", _options.Events?.Dropped ?? 0);
        _options.Loops?.WriteMetrics(text);
    }

    private sealed class EngineApplication(GatewayPipeline pipeline, ExchangeRegister exchanges)
        : IHttpApplication<Exchange>
    {
        public Exchange CreateContext(IFeatureCollection contextFeatures)
        {
            // Kestrel keeps this container as long as the connection or stream object, and reuses those.
            if (contextFeatures is not IHostContextContainer<Exchange> container)
            {
                var single = exchanges.Create();
                single.Features = contextFeatures;
                return single;
            }

            var exchange = container.HostContext ??= exchanges.Create();
            exchange.Features = contextFeatures;
            return exchange;
        }

        public Task ProcessRequestAsync(Exchange context) =>
            pipeline.RunAsync(context, context.Features, fromDataHop: false).AsTask();

        public void DisposeContext(Exchange context, Exception? exception) { }
    }
}
