using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Gateway.Tracing;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>
/// What happens to every request, in order. The steps before forwarding cost no network and no lock; each ends the request
/// by naming a problem.
/// </summary>
internal sealed partial class GatewayPipeline(
    IRequestTable table,
    GatewayOptions options,
    ForwardingCounters counters,
    TimeProvider time,
    ILogger<GatewayPipeline> logger
)
{
    private volatile TrustedProxies _trusted = new(options.TrustedProxies);
    private readonly TraceAccess? _trace = options.VerifyTraceGrant is { } verify ? new(verify, time) : null;
    private readonly Forwarder _forwarder = new(counters);
    private long _inFlight;
    private long _shed;

    /// <summary>Counts requests that no route took.</summary>
    public RequestMeter Unmatched { get; } = new();

    /// <summary>Whom requests that begin from now on are believed from.</summary>
    public void Trust(ImmutableArray<IPNetwork> proxies) => _trusted = new(proxies);

    /// <summary>Hops that look like proxies of the operator's and are not believed.</summary>
    public ImmutableHashSet<IPAddress> IgnoredHops => _trusted.Ignored;

    public long InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Requests that may be under way at once.</summary>
    public volatile int Most = options.Requests;

    /// <summary>Requests refused because there were as many already.</summary>
    public long Shed => Volatile.Read(ref _shed);

    /// <summary>Serves a request to its end, whatever becomes of it. Never throws.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<ForwardingOutcome> RunAsync(Exchange exchange, IFeatureCollection features, bool fromDataHop)
    {
        var inFlight = Interlocked.Increment(ref _inFlight);

        // The table is read here, once: whatever is published while the request runs, it ends with what it began with.
        exchange.Begin(features, table.Current, time.GetUtcNow(), time.GetTimestamp());
        exchange.Timeouts = options.Timeouts;
        exchange.Span = Telemetry.Begin(exchange);
        try
        {
            // The server begins streams of HTTP/2 on the pool; what they call and who waits for them is on the loop.
            if (exchange.Loop is { IsCurrent: false } loop)
            {
                await loop.Enter();
            }

            var problem = inFlight > Most ? Overloaded(exchange) : Check(exchange, fromDataHop);
            if (problem is null && Admission.HasToWait(exchange))
            {
                problem = await Admission.WaitAsync(exchange).ConfigureAwait(false);
                if (exchange.Loop is { IsCurrent: false } left)
                {
                    await left.Enter();
                }
            }

            if (problem is null && exchange.Answer is { } own)
            {
                await own.WriteAsync(exchange).ConfigureAwait(false);
                problem = exchange.AnswerRefusal;
            }
            else if (problem is null)
            {
                exchange.ForwardedAt = options.Events is null ? 0 : time.GetTimestamp();
                exchange.Outcome = await _forwarder.ForwardAsync(exchange).ConfigureAwait(false);
                problem = exchange.AnswerRefusal ?? exchange.Outcome.Problem();
            }

            if (problem is not null)
            {
                await TellAsync(exchange, problem).ConfigureAwait(false);
            }
        }
        catch (Exception failure)
        {
            await FailAsync(exchange, failure).ConfigureAwait(false);
        }
        finally
        {
            if (exchange.WasWithdrawn)
            {
                exchange.Outcome = ForwardingOutcome.Withdrawn;
            }

            Account(exchange);
            exchange.End();
            Interlocked.Decrement(ref _inFlight);
        }

        return exchange.Outcome;
    }

    private GatewayProblem? Check(Exchange exchange, bool fromDataHop)
    {
        var request = exchange.Request;

        exchange.RestoreConnection();

        // 1. A name, so that whatever happens can be told and found.
        exchange.RequestId = RequestIds.For(request.Headers[HeaderNames.RequestId]);

        // 2. Who calls, and how: policies and logs ask for it.
        var trusted = _trusted;
        exchange.Caller.Read(exchange.Connection, request, trusted, fromDataHop);
        if (
            !exchange.Caller.ThroughTrustedProxy
            && request.Headers.ContainsKey(HeaderNames.ForwardedFor)
            && exchange.Connection?.RemoteIpAddress is { } hop
            && trusted.Ignore(hop)
        )
        {
            LogIgnoredHop(exchange.Caller.Peer);
        }

        exchange.IsReplay = fromDataHop && request.Headers.ContainsKey(HeaderNames.Replay);

        // 3. One reading: what two parsers could read differently is refused before anything is matched.
        if (Judge(exchange) is { } ambiguous)
        {
            return ambiguous;
        }

        // 4. What a caller with trace permission asked of this node, before a table that is too old answers anything.
        if (
            _trace is not null
            && request.Headers[HeaderNames.Grant] is { Count: > 0 } grant
            && _trace.Allows(grant, exchange.Now)
        )
        {
            if (AskEpoch(exchange) is { } refused)
            {
                return refused;
            }

            if (request.Headers.ContainsKey(HeaderNames.Trace))
            {
                exchange.Trace = new(options.Node, time);
            }
        }

        // 5. Which API and operation, then 6. everything they ask for (PolicyChain has that order).
        return Admission.Check(exchange);
    }

    // Nothing more is done for it than saying no: what is under way comes first.
    private GatewayProblem Overloaded(Exchange exchange)
    {
        Interlocked.Increment(ref _shed);
        exchange.RestoreConnection();
        exchange.RequestId = RequestIds.For(exchange.Request.Headers[HeaderNames.RequestId]);
        return GatewayProblem.Overloaded;
    }

    private static GatewayProblem? Judge(Exchange exchange)
    {
        var request = exchange.Request;
        if (!exchange.IsHttp1 && Http2Judge.Judge(request.Headers) is { } malformed)
        {
            return GatewayProblem.BadTarget(malformed);
        }

        exchange.Target = RequestPath.Judge(request.RawTarget);
        if (exchange.Target.Refusal != PathRefusal.None)
        {
            return GatewayProblem.BadTarget(RequestPath.Explain(exchange.Target.Refusal));
        }

        return exchange.Target.Form == TargetForm.Asterisk ? GatewayProblem.NotFound
            : IsKnownInOtherCase(request.Method) ? GatewayProblem.OtherCase
            : null;
    }

    // On the way to nodes and TLS backends the runtime's client writes "get" as GET: it would be one method here and another there.
    private static bool IsKnownInOtherCase(string method) =>
        method.AsSpan().ContainsAnyInRange('a', 'z') && HttpMethod.Parse(method).Method != method;

    // The epoch first, then the table: the other way round, a change between the two would be told and not served.
    private GatewayProblem? AskEpoch(Exchange exchange)
    {
        var epoch = options.AppliedEpoch();
        exchange.TakeAt(epoch, table.Current);
        var asked = exchange.Request.Headers[HeaderNames.MinEpoch];
        if (asked.Count == 0)
        {
            return null;
        }

        return
            asked.Count == 1 && long.TryParse(asked[0], NumberStyles.None, CultureInfo.InvariantCulture, out var least)
            ? epoch < least
                ? GatewayProblem.BehindEpoch(epoch, least)
                : null
            : GatewayProblem.BadTarget($"{HeaderNames.MinEpoch} is one whole number, an epoch.");
    }

    private static async Task TellAsync(Exchange exchange, GatewayProblem problem)
    {
        exchange.Problem = problem;
        if (exchange.Response.HasStarted)
        {
            exchange.Lifetime.Abort();
            return;
        }

        await ProblemWriter.WriteAsync(exchange, problem).ConfigureAwait(false);
    }

    private async Task FailAsync(Exchange exchange, Exception failure)
    {
        if (exchange.CallerGone)
        {
            exchange.Outcome = ForwardingOutcome.CallerGone;
            return;
        }

        LogFailed(failure, exchange.RequestId, exchange.Route?.Name ?? "no API");
        if (exchange.Response.HasStarted || exchange.BytesOut > 0)
        {
            exchange.Lifetime.Abort();
            return;
        }

        try
        {
            await TellAsync(exchange, GatewayProblem.Internal).ConfigureAwait(false);
        }
        catch (Exception again) when (again is IOException or InvalidOperationException or OperationCanceledException)
        {
            exchange.Lifetime.Abort();
        }
    }

    private void Account(Exchange exchange)
    {
        var now = time.GetTimestamp();
        var duration = time.GetElapsedTime(exchange.StartedAt, now);
        var status = exchange.Outcome is ForwardingOutcome.CallerGone ? 0 : exchange.Response.StatusCode;
        var route = exchange.Route;
        (route?.Meter ?? Unmatched).Record(status, duration);
        exchange.Chosen?.Meter?.Record(status, duration);
        Telemetry.End(exchange, status, duration);

        // Bytes are known now, so what counts them is charged now.
        exchange.Charges.Settle(exchange.BytesIn + exchange.BytesOut, now);

        if (options.Events is { } events && route is not null)
        {
            var backend = exchange.ForwardedAt == 0 ? TimeSpan.Zero : time.GetElapsedTime(exchange.ForwardedAt, now);
            events.Add(exchange, status, duration, backend);
        }

        var access = route is null ? options.AccessLog : route.AccessLog;
        if (access is { Enabled: true })
        {
            AccessLine.Write(access, exchange, options.Node, duration);
        }

        var errors = route is null ? options.ErrorLog : route.ErrorLog;
        if (errors is { Enabled: true } && IsFailure(exchange, status))
        {
            AccessLine.Write(errors, exchange, options.Node, duration);
        }
    }

    private static bool IsFailure(Exchange exchange, int status) =>
        status >= StatusCodes.Status500InternalServerError || exchange.Outcome.IsTargetsFault();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Hop} sends X-Forwarded-For and is no trusted proxy: it is ignored, and every caller behind it counts as {Hop}. If it is a proxy of yours, set proxies.trusted to its network and reload"
    )]
    private partial void LogIgnoredHop(string hop);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Request {RequestId} to {Route} failed in the gateway itself; the caller got 500 with code 101500"
    )]
    private partial void LogFailed(Exception failure, string requestId, string route);
}
