using System.Net;
using System.Text;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway.Transport;

/// <summary>
/// The whole way, callers and backends on loops whose kernel has bad days: every answer is the caller's own, or none, and no
/// buffer stays away.
/// </summary>
[Collection(TransportRunsAlone.Name)]
public sealed class GatewaySoakTests
{
    private const int Callers = 10;
    private const int Requests = 20;

    [Theory]
    [InlineData(11, 0)]
    [InlineData(12, 0.0005)]
    public async Task Every_caller_gets_the_body_back_that_it_sent(int seed, double resets)
    {
        if (!LoopGroup.IsSupported)
        {
            return;
        }

        var lent = Buffers.Lent;
        var faulty = new FaultyCalls(seed, resets);
        using var loops = LoopGroup.Start(2, faulty, NullLogger<LoopGroup>.Instance);
        await using var backend = new Backend(EchoAsync);
        await using (var gateway = await TestGateway.StartAsync(new() { Node = "w1", Loops = loops }))
        {
            gateway.Run(Entities.Petstore(backend.Url).Put());

            var whole = await Task.WhenAll(
                Enumerable.Range(0, Callers).Select(n => Task.Run(() => CallAsync(gateway.Port, n)))
            );

            // Nobody loses a request to short reads; a reset may cost those that it meets.
            Assert.True(
                whole.Sum() >= (resets > 0 ? Callers * Requests / 4 : Callers * Requests),
                $"{whole.Sum()} of {Callers * Requests} came back"
            );
            await LoopServer.Until(() => gateway.Engine.InFlight == 0);
        }

        await LoopServer.BuffersAreBackAsync(lent);
        Assert.True(faulty.Faults > 100, $"{faulty.Faults} faults");
    }

    /// <summary>How many came back; throws when one is not the caller's own.</summary>
    private static async Task<int> CallAsync(int port, int number)
    {
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1, UseProxy = false })
        {
            BaseAddress = new($"http://127.0.0.1:{port}"),
            Timeout = TimeSpan.FromSeconds(60),
        };
        var random = new Random(number);
        var whole = 0;
        for (var i = 0; i < Requests; i++)
        {
            var sent = new byte[random.Next(8) == 0 ? random.Next(40_000) : random.Next(2_000)];
            random.NextBytes(sent);
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/petstore/1.0.0/{number}/{i}")
            {
                Content = new ByteArrayContent(sent),
            };
            request.Headers.TransferEncodingChunked = i % 2 == 0;
            request.Headers.Add("X-Chunked", i % 3 == 0 ? "yes" : "no");
            try
            {
                using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
                var got = await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    continue;
                }

                Assert.Equal($"/{number}/{i}", answer.Headers.GetValues("X-Target").Single());
                Assert.True(
                    sent.AsSpan().SequenceEqual(got),
                    $"caller {number} got bytes of somebody else in call {i}"
                );
                whole++;
            }
            catch (HttpRequestException)
            {
                // The connection was reset, at one side or the other.
            }
        }

        return whole;
    }

    private static async Task EchoAsync(BackendRequest request, Stream stream)
    {
        var body = request.Body;
        if (request.Header("X-Chunked") == "no")
        {
            await Backend.WriteAsync(
                stream,
                $"HTTP/1.1 200 OK\r\nX-Target: {request.Target}\r\nContent-Length: {body.Length}\r\n\r\n"
            );
            await stream.WriteAsync(body);
            return;
        }

        await Backend.WriteAsync(
            stream,
            $"HTTP/1.1 200 OK\r\nX-Target: {request.Target}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        for (var at = 0; at < body.Length; )
        {
            var size = Math.Min(body.Length - at, 1 + (at * 7 + 13) % 1500);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{size:x}\r\n"));
            await stream.WriteAsync(body.AsMemory(at, size));
            await stream.WriteAsync("\r\n"u8.ToArray());
            at += size;
        }

        await Backend.WriteAsync(stream, "0\r\n\r\n");
    }
}
