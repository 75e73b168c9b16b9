using System.Diagnostics;
using System.Diagnostics.Metrics;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Accounting;

/// <summary>
/// Spans and durations of requests for whoever listens, in OpenTelemetry's words (semantic conventions for HTTP). While nobody
/// does, a request costs two reads of a field, and a caller's <c>traceparent</c> passes unchanged. No query, no credential and
/// no header but the names below is in a span.
/// </summary>
public static class Telemetry
{
    /// <summary>The name of the spans' source.</summary>
    public const string SourceName = "Gatehouse.Gateway";

    /// <summary>The name of the meter: <c>http.server.request.duration</c> in seconds.</summary>
    public const string MeterName = "Gatehouse.Gateway";

    private static readonly ActivitySource s_source = new(SourceName);
    private static readonly Meter s_meter = new(MeterName);
    private static readonly Histogram<double> s_duration = s_meter.CreateHistogram(
        "http.server.request.duration",
        "s",
        "Time from the request's head to the end of its answer.",
        tags: null,
        new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        }
    );

    /// <summary>The span of a request, a child of the caller's; null when nobody listens or the sampler leaves it out.</summary>
    internal static Activity? Begin(Exchange exchange)
    {
        if (!s_source.HasListeners())
        {
            return null;
        }

        var headers = exchange.Request.Headers;
        var parent = default(ActivityContext);
        if (headers.TraceParent is [{ } text])
        {
            _ = ActivityContext.TryParse(text, headers.TraceState, isRemote: true, out parent);
        }

        return s_source.StartActivity(exchange.Request.Method, ActivityKind.Server, parent);
    }

    /// <summary>The span of one attempt at a target, whose identity the target is given.</summary>
    internal static Activity? Begin(Exchange exchange, Target target)
    {
        if (exchange.Span is not { } span)
        {
            return null;
        }

        var attempt = s_source.StartActivity(exchange.OutgoingMethod, ActivityKind.Client, span.Context);
        attempt?.SetTag("http.request.method", KnownMethod(exchange.OutgoingMethod));
        attempt?.SetTag("server.address", target.Authority);
        if (exchange.Attempts > 1)
        {
            attempt?.SetTag("http.request.resend_count", exchange.Attempts - 1);
        }

        exchange.Request.Headers.TraceParent = (attempt ?? span).Id;
        return attempt;
    }

    /// <summary>What became of an attempt.</summary>
    internal static void End(Activity attempt, Exchange exchange, ForwardingOutcome outcome)
    {
        if (outcome == ForwardingOutcome.Completed)
        {
            attempt.SetTag("http.response.status_code", exchange.Response.StatusCode);
        }
        else
        {
            attempt.SetTag("error.type", outcome.ToText());
            attempt.SetStatus(ActivityStatusCode.Error, outcome.ToText());
        }

        attempt.Dispose();
    }

    /// <summary>What became of a request.</summary>
    internal static void End(Exchange exchange, int status, TimeSpan duration)
    {
        var api = exchange.Route?.Name;
        if (s_duration.Enabled)
        {
            s_duration.Record(
                duration.TotalSeconds,
                new("http.request.method", KnownMethod(exchange.Request.Method)),
                new("http.response.status_code", status),
                new("gatehouse.api", api)
            );
        }

        if (exchange.Span is not { } span)
        {
            return;
        }

        if (api is not null)
        {
            span.DisplayName = $"{exchange.Request.Method} {api}";
            span.SetTag("gatehouse.api", api);
        }

        var target = exchange.Request.RawTarget;
        span.SetTag("http.request.method", KnownMethod(exchange.Request.Method));
        span.SetTag("url.scheme", exchange.Request.Scheme);
        span.SetTag("url.path", target.Split('?', 2)[0]);
        span.SetTag("client.address", exchange.Caller.Address);
        span.SetTag("http.response.status_code", status);
        span.SetTag("gatehouse.request_id", exchange.RequestId);
        span.SetTag("gatehouse.outcome", exchange.Outcome.ToText());
        if (exchange.Application is { } application)
        {
            span.SetTag("gatehouse.application", application.Id);
        }

        if (exchange.Problem is { } problem)
        {
            span.SetTag("error.type", problem.Code);
        }

        if (status >= 500)
        {
            span.SetStatus(ActivityStatusCode.Error);
        }

        span.Dispose();
    }

    // Anything else could be made up without end.
    private static string KnownMethod(string method) =>
        method is "GET" or "HEAD" or "POST" or "PUT" or "DELETE" or "PATCH" or "OPTIONS" or "CONNECT" or "TRACE"
            ? method
            : "_OTHER";
}
