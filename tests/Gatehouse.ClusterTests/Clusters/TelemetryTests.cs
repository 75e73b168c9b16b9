using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Gatehouse.ClusterTests.Harness;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>Nodes whose environment names a collector, as every program with OpenTelemetry takes it.</summary>
public sealed class TelemetryTests : ClusterTest
{
    [Fact]
    public async Task Spans_and_durations_of_requests_reach_a_collector()
    {
        var received = new ConcurrentDictionary<string, StringBuilder>();
        await using var collector = await CollectorAsync(received);
        await using var backend = await TestBackend.StartAsync();
        var cluster = new RealCluster();
        Owned(cluster);
        cluster.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.First();
        cluster.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        cluster.Environment["OTEL_BSP_SCHEDULE_DELAY"] = "200";
        cluster.Environment["OTEL_METRIC_EXPORT_INTERVAL"] = "500";
        var worker = cluster.Add("worker-1", "gateway-worker");
        await cluster.FoundAsync();
        await cluster.JoinAsync(worker);
        await cluster.Rest.DeployAsync("traced", backend.Url, "none");

        await cluster.AnswersAsync(worker.Url("/traced/1.0.0/x?secret=hidden"), null, HttpStatusCode.OK);

        await SaysAsync("/v1/traces", "GET traced:1.0.0", "worker-1", "gatehouse.request_id", "/traced/1.0.0/x");
        await SaysAsync("/v1/metrics", "http.server.request.duration", "traced:1.0.0", "worker-1");
        Assert.DoesNotContain("hidden", Text("/v1/traces"), StringComparison.Ordinal);

        string Text(string path)
        {
            var text = received.GetOrAdd(path, _ => new());
            lock (text)
            {
                return text.ToString();
            }
        }

        Task SaysAsync(string path, params string[] words) =>
            Eventually.TrueAsync(
                () => Task.FromResult(words.All(word => Text(path).Contains(word, StringComparison.Ordinal))),
                TimeSpan.FromSeconds(60),
                () => $"{string.Join(", ", words)} at {path}, which got {Text(path).Length} bytes"
            );
    }

    /// <summary>Keeps what it is sent as text; names in protobuf are plain bytes.</summary>
    private static async Task<WebApplication> CollectorAsync(ConcurrentDictionary<string, StringBuilder> received)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 0));
        var collector = builder.Build();
        collector.Run(async context =>
        {
            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            var text = received.GetOrAdd(context.Request.Path.Value ?? "", _ => new());
            lock (text)
            {
                text.Append(Encoding.Latin1.GetString(body.ToArray()));
            }
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);
        return collector;
    }
}
