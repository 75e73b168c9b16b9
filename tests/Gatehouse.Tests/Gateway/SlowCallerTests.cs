using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Gateway;

namespace Gatehouse.Tests.Gateway;

/// <summary>Callers that hold a connection and send or take next to nothing.</summary>
public sealed class SlowCallerTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_body_that_stops_is_given_up_on_both_sides()
    {
        await using var backend = new Backend();
        await using var gateway = await GatewayAsync(backend);
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, gateway.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                "POST /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nten bytes."
            )
        );

        using var reader = new StreamReader(stream, Encoding.Latin1);
        var answer = await reader.ReadToEndAsync().WaitAsync(s_patience);

        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        await EmptyAsync(gateway);
        Assert.Empty(backend.Requests);
    }

    [Fact]
    public async Task A_caller_that_takes_nothing_is_cut_and_its_backend_let_go_while_others_are_served()
    {
        var ended = new TaskCompletionSource();
        await using var backend = new Backend(
            async (request, stream) =>
            {
                if (request.Target != "/big")
                {
                    await Backend.ReplyAsync(stream, "hello");
                    return;
                }

                try
                {
                    await Backend.WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
                    var piece = new byte[64 * 1024];
                    while (true)
                    {
                        await stream.WriteAsync(piece);
                    }
                }
                catch (IOException)
                {
                    ended.SetResult();
                    throw;
                }
            }
        );
        await using var gateway = await GatewayAsync(backend);
        using var socket = new TcpClient { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(IPAddress.Loopback, gateway.Port);
        await socket
            .GetStream()
            .WriteAsync(Encoding.ASCII.GetBytes("GET /petstore/1.0.0/big HTTP/1.1\r\nHost: a\r\n\r\n"));

        var until = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        while (!ended.Task.IsCompleted)
        {
            Assert.True(Environment.TickCount64 < until, "the caller is cut");
            using var other = await gateway.GetAsync("/petstore/1.0.0/small");
            Assert.Equal(HttpStatusCode.OK, other.StatusCode);
            await Task.WhenAny(ended.Task, Task.Delay(100, TestContext.Current.CancellationToken));
        }

        await EmptyAsync(gateway);
    }

    [Fact]
    public async Task A_caller_of_HTTP_1_0_gets_an_answer_of_unknown_length_plain_and_the_end_of_the_connection()
    {
        await using var backend = new Backend(
            (_, stream) =>
                Backend.WriteAsync(
                    stream,
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
                )
        );
        await using var gateway = await GatewayAsync(backend);

        // As NGINX asks its upstreams by default.
        var answer = await gateway.RawAsync("GET /petstore/1.0.0/x HTTP/1.0\r\nHost: a\r\nConnection: close\r\n\r\n");

        var (head, body) = (
            answer[..answer.IndexOf("\r\n\r\n", StringComparison.Ordinal)],
            answer.Split("\r\n\r\n", 2)[1]
        );
        Assert.Equal("hello world", body);
        Assert.DoesNotContain("chunked", head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Connection: close", head, StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<TestGateway> GatewayAsync(Backend backend)
    {
        var gateway = await TestGateway.StartAsync(
            new()
            {
                Node = "w1",
                Timeouts = new() { Caller = TimeSpan.FromMilliseconds(500) },
            }
        );
        gateway.Run(Entities.Petstore(backend.Url).Put());
        return gateway;
    }

    /// <summary>Waits until the gateway holds no request any more.</summary>
    private static async Task EmptyAsync(TestGateway gateway)
    {
        var until = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        while (gateway.Engine.InFlight > 0)
        {
            Assert.True(Environment.TickCount64 < until, $"{gateway.Engine.InFlight} requests are still held");
            await Task.Yield();
        }
    }
}
