using System.Net;
using System.Text;
using Gatehouse.Tests.Gateway.Transport;

namespace Gatehouse.Tests.Gateway;

/// <summary>More requests than a node may serve at once.</summary>
public sealed class SheddingTests
{
    [Fact]
    public async Task One_request_too_many_is_refused_at_once_and_the_others_end_well()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var backend = new Backend(
            async (_, stream) =>
            {
                await release.Task;
                await Backend.ReplyAsync(stream, "hello");
            }
        );
        await using var gateway = await TestGateway.StartAsync(new() { Node = "w1", Requests = 2 });
        gateway.Run(Entities.Petstore(backend.Url).Put());
        var first = gateway.GetAsync("/petstore/1.0.0/1");
        var second = gateway.GetAsync("/petstore/1.0.0/2");
        await LoopServer.Until(() => backend.Requests.Count == 2);

        using var refused = await gateway.GetAsync("/petstore/1.0.0/3");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);

        // It is under way until its answer has gone out.
        await LoopServer.Until(() => gateway.Engine.InFlight == 2);
        gateway.Engine.Bound(3);
        var third = gateway.GetAsync("/petstore/1.0.0/3");
        release.SetResult();
        foreach (var answer in await Task.WhenAll(first, second, third))
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            answer.Dispose();
        }

        var metrics = new System.Buffers.ArrayBufferWriter<byte>();
        gateway.Engine.WriteMetrics(metrics);
        Assert.Contains(
            "gatehouse_shed_total 1\n",
            Encoding.UTF8.GetString(metrics.WrittenSpan),
            StringComparison.Ordinal
        );
    }
}
