using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Gateway;

namespace Gatehouse.Tests.Gateway;

/// <summary>Callers that hold a connection and send or take next to nothing.</summary>
public sealed class SlowCallerTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

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

    [Theory]
    [InlineData("Content-Length: 1000000", "POST", 0, true)]
    [InlineData("Content-Length: 60000", "PUT", 0, true)]
    [InlineData("Transfer-Encoding: chunked", "POST", 10_000, true)]
    [InlineData("Transfer-Encoding: chunked", "POST", 0, false)]
    public async Task A_body_that_trickles_is_given_up_although_it_never_stops(
        string field,
        string method,
        int streamRate,
        bool cut
    )
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(
            new()
            {
                Node = "w1",
                Timeouts = new()
                {
                    BodyRate = 10_000,
                    StreamRate = streamRate,
                    BodyGrace = TimeSpan.FromMilliseconds(300),
                },
            }
        );
        gateway.Run(
            (Entities.Petstore(backend.Url) with { Production = Entities.To(backend.Url) with { Replay = true } }).Put()
        );
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, gateway.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"{method} /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")
        );
        var answer = ReadAsync();

        // A byte every 20 ms is never silent and far below the floor.
        var piece = field.Contains("chunked", StringComparison.Ordinal) ? "1\r\nx\r\n"u8.ToArray() : "x"u8.ToArray();
        var until = Environment.TickCount64 + (cut ? (long)s_patience.TotalMilliseconds : 1500);
        while (!answer.IsCompleted && Environment.TickCount64 < until)
        {
            try
            {
                await stream.WriteAsync(piece);
            }
            catch (IOException)
            {
                break;
            }

            await Task.WhenAny(answer, Task.Delay(20, TestContext.Current.CancellationToken));
        }

        if (cut)
        {
            Assert.StartsWith("HTTP/1.1 408 ", await answer.WaitAsync(s_patience), StringComparison.Ordinal);
            await EmptyAsync(gateway);
        }
        else
        {
            Assert.False(answer.IsCompleted);
        }

        async Task<string> ReadAsync()
        {
            var buffer = new byte[4096];
            var read = await stream.ReadAsync(buffer);
            return Encoding.Latin1.GetString(buffer, 0, read);
        }
    }

    [Fact]
    public async Task A_slow_backend_is_not_held_against_its_caller()
    {
        await using var gateway = await TestGateway.StartAsync(
            new()
            {
                Node = "w1",
                // Faster than what a slow backend leaves, by far, and slower than a caller that is ready.
                Timeouts = new() { BodyRate = 20_000_000, BodyGrace = TimeSpan.FromMilliseconds(400) },
            }
        );
        // Takes nothing for a while, then all of it: the gateway waits for this side, with the caller's next piece ready.
        using var slow = new TcpListener(IPAddress.Loopback, 0);
        slow.Start();
        gateway.Run(Entities.Petstore($"http://127.0.0.1:{((IPEndPoint)slow.LocalEndpoint).Port}").Put());

        // Were the backend's time counted, each of them would be cut; a busy machine may make the caller itself slow now and then.
        var until = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        while (await TakenAsync() <= 20_000_000)
        {
            Assert.True(Environment.TickCount64 < until, "every caller was cut");
        }

        async Task<long> TakenAsync()
        {
            var serving = ServeAsync();
            try
            {
                using var answer = await gateway.SendAsync(
                    HttpMethod.Post,
                    "/petstore/1.0.0/x",
                    new ByteArrayContent(new byte[20_000_000])
                );
                var taken = await serving.WaitAsync(s_patience);
                Assert.Equal(taken > 20_000_000, answer.StatusCode == HttpStatusCode.OK);
                return taken;
            }
            catch (HttpRequestException)
            {
                // Cut while it was sent.
                await serving.WaitAsync(s_patience);
                return 0;
            }
        }

        async Task<long> ServeAsync()
        {
            var taken = 0L;
            using var client = await slow.AcceptTcpClientAsync();
            var stream = client.GetStream();
            await Task.Delay(1200, TestContext.Current.CancellationToken);
            var buffer = new byte[65536];
            try
            {
                while (taken <= 20_000_000)
                {
                    var read = await stream.ReadAsync(buffer);
                    if (read == 0)
                    {
                        return taken;
                    }

                    taken += read;
                }

                await Backend.ReplyAsync(stream, "late");
            }
            catch (IOException)
            {
                // The gateway hung up.
            }

            return taken;
        }
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
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }
}
