using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Tests.Gateway.Transport;

namespace Gatehouse.Tests.Gateway;

/// <summary>What a collector of spans is told of requests, and what backends are told of their caller's trace.</summary>
public sealed class TelemetryTests
{
    private const string Caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    [Fact]
    public async Task A_span_of_the_request_and_one_of_each_attempt_join_the_callers_trace_and_the_backends()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Telemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.Parent.TraceId.ToString() == Caller.Split('-')[1]
                    ? ActivitySamplingResult.AllDataAndRecorded
                    : ActivitySamplingResult.None,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run([Entities.Petstore(backend.Url).Keyed().Put(), .. Entities.Consumer()]);

        using var answer = await gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/x?apikey=hidden",
            key: Entities.Secret,
            headers: [("traceparent", Caller), ("X-Request-Id", "r-1")]
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        await LoopServer.Until(() => spans.Count >= 2);
        var request = Assert.Single(spans, s => s.Kind == ActivityKind.Server);
        var attempt = Assert.Single(spans, s => s.Kind == ActivityKind.Client);
        Assert.Equal("b7ad6b7169203331", request.ParentSpanId.ToString());
        Assert.Equal(request.SpanId, attempt.ParentSpanId);
        Assert.Equal(attempt.Id, backend.Only.Header("traceparent"));
        Assert.Equal("GET petstore:1.0.0", request.DisplayName);
        var tags = request.TagObjects.ToDictionary(t => t.Key, t => t.Value);
        Assert.Equal("/petstore/1.0.0/x", tags["url.path"]);
        Assert.Equal(200, tags["http.response.status_code"]);
        Assert.Equal("r-1", tags["gatehouse.request_id"]);
        Assert.Equal("app_1", tags["gatehouse.application"]);
        Assert.DoesNotContain(spans.SelectMany(s => s.TagObjects), t => $"{t.Value}".Contains("hidden"));
        Assert.DoesNotContain(spans.SelectMany(s => s.TagObjects), t => $"{t.Value}".Contains(Entities.Secret));
    }

    [Fact]
    public async Task While_nobody_collects_spans_the_callers_trace_passes_unchanged()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());

        // Of another trace than the one that is sampled beside this test.
        const string other = "00-11111111111111111111111111111111-2222222222222222-01";
        using var answer = await gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/x",
            headers: [("traceparent", other)]
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(other, backend.Only.Header("traceparent"));
    }
}
