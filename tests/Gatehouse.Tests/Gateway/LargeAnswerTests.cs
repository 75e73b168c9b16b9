using Gatehouse.Tests.Gateway.Transport;

namespace Gatehouse.Tests.Gateway;

/// <summary>What an answer takes of the process's memory while it passes, which is counted while nothing else runs.</summary>
[Collection(TransportRunsAlone.Name)]
public sealed class LargeAnswerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_hundred_megabytes_stream_through_in_little_memory(bool runtimeClientOnly)
    {
        const int pieces = 1600;
        var piece = new byte[64 * 1024];
        await using var backend = new Backend(
            async (_, s) =>
            {
                await Backend.WriteAsync(
                    s,
                    $"HTTP/1.1 200 OK\r\nContent-Length: {(long)pieces * piece.Length}\r\n\r\n"
                );
                for (var i = 0; i < pieces; i++)
                {
                    await s.WriteAsync(piece);
                }
            }
        );
        await using var gateway = await TestGateway.StartAsync(
            new() { Node = "w1", RuntimeClientOnly = runtimeClientOnly }
        );
        gateway.Run(Entities.Petstore(backend.Url).Put());

        using var answer = await gateway.GetAsync("/petstore/1.0.0/big");
        await using var stream = await answer.Content.ReadAsStreamAsync(Cancel);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var (total, held) = (0L, new List<long>());
        int read;
        while ((read = await stream.ReadAsync(piece, Cancel)) > 0)
        {
            total += read;
            if (total % (8 << 20) < read)
            {
                held.Add(GC.GetTotalMemory(forceFullCollection: true) - before);
            }
        }

        Assert.Equal((long)pieces * piece.Length, total);
        // What waits for a reader is there in all of the first half, what is never let go in all of the second.
        Assert.InRange(held.Take(6).Min(), long.MinValue, 8 << 20);
        Assert.InRange(held.Skip(6).Min(), long.MinValue, 8 << 20);
    }
}
