using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Gatehouse.Gateway;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway;

public sealed class ListenerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_taken_port_is_named_and_nothing_else_stays_open()
    {
        await using var gateway = await TestGateway.StartAsync();
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        holder.Listen();
        var taken = ((IPEndPoint)holder.LocalEndPoint!).Port;
        using var free = new HeldPort();

        var failure = await Assert.ThrowsAsync<PortTakenException>(() =>
            gateway.Listeners.ApplyAsync(
                [TestGateway.Plain(), TestGateway.Plain("free", free.Number), TestGateway.Plain("taken", taken)],
                Cancel
            )
        );

        Assert.Equal(("taken", taken), (failure.Listener, failure.EndPoint.Port));
        Assert.Equal(["http"], gateway.Listeners.Bound.Keys);
        using var socket = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => socket.ConnectAsync(IPAddress.Loopback, free.Number));
    }

    [Theory]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("127.0.0.1", "0.0.0.0")]
    [InlineData("::", "127.0.0.1")]
    public async Task A_port_moves_between_all_addresses_and_one_of_them_in_one_change(string from, string to)
    {
        await using var gateway = await TestGateway.StartAsync();
        using var held = new HeldPort();
        var port = held.Number;
        await gateway.Listeners.ApplyAsync([At(from, port)], Cancel);

        await gateway.Listeners.ApplyAsync([At(to, port)], Cancel);

        Assert.Equal(new(IPAddress.Parse(to), port), gateway.Listeners.Bound["http"]);
        Assert.StartsWith("HTTP/1.1 404", await RawAsync(port), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_let_go_for_a_change_that_failed_is_back_at_its_place()
    {
        await using var gateway = await TestGateway.StartAsync();
        using var held = new HeldPort();
        var port = held.Number;
        await gateway.Listeners.ApplyAsync([At("0.0.0.0", port)], Cancel);
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var taken = ((IPEndPoint)holder.LocalEndpoint).Port;

        await Assert.ThrowsAsync<PortTakenException>(() =>
            gateway.Listeners.ApplyAsync([At("127.0.0.1", port), TestGateway.Plain("taken", taken)], Cancel)
        );

        Assert.Equal(new(IPAddress.Any, port), gateway.Listeners.Bound["http"]);
        Assert.StartsWith("HTTP/1.1 404", await RawAsync(port), StringComparison.Ordinal);
    }

    private static ListenerSettings At(string address, int port) =>
        TestGateway.Plain() with
        {
            EndPoint = new(IPAddress.Parse(address), port),
        };

    private static async Task<string> RawAsync(int port)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, port);
        await socket.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"u8.ToArray());
        using var reader = new StreamReader(socket.GetStream(), Encoding.Latin1);
        return await reader.ReadToEndAsync(Cancel);
    }

    [Fact]
    public async Task Changed_limits_refuse_nobody_and_drop_no_request()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());
        using var stop = new CancellationTokenSource();
        var calls = 0;
        var calling = Enumerable
            .Range(0, 4)
            .Select(async _ =>
            {
                // A new connection for each call: the change must not refuse one.
                while (!stop.IsCancellationRequested)
                {
                    var began = Environment.TickCount64;
                    var answer = await gateway.RawAsync(
                        "GET /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                    );
                    if (answer.Length == 0 && Environment.TickCount64 - began > 1500)
                    {
                        // Whoever connects before a change and is silent for two seconds after it is let go.
                        continue;
                    }

                    Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
                    Interlocked.Increment(ref calls);
                }
            })
            .ToList();

        for (var i = 1; i <= 10; i++)
        {
            var until = Volatile.Read(ref calls) + 8;
            await gateway.Listeners.ApplyAsync(
                [TestGateway.Plain() with { Limits = new() { HeaderCount = 50 + i } }],
                Cancel
            );
            while (Volatile.Read(ref calls) < until && !calling.Exists(c => c.IsFaulted))
            {
                await Task.Delay(5, Cancel);
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll(calling);
    }

    [Fact]
    public async Task A_removed_listener_finishes_its_request_and_takes_no_other()
    {
        var asked = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        await using var backend = new Backend(
            async (_, s) =>
            {
                asked.SetResult();
                await goOn.Task;
                await Backend.ReplyAsync(s, "late");
            }
        );
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());
        using var held = new HeldPort();
        var port = held.Number;
        await gateway.Listeners.ApplyAsync([At("127.0.0.1", port)], Cancel);
        gateway.Http.BaseAddress = new(held.Url);
        var answering = gateway.GetAsync("/petstore/1.0.0/x");
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);

        await gateway.Listeners.ApplyAsync([], Cancel);

        using var socket = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => socket.ConnectAsync(IPAddress.Loopback, port));
        goOn.SetResult();
        using var answer = await answering;
        Assert.Equal("late", await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task Draining_waits_for_requests_and_not_for_idle_connections()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());
        using var silent = new TcpClient();
        await silent.ConnectAsync(IPAddress.Loopback, gateway.Port);
        using var idle = await gateway.GetAsync("/petstore/1.0.0/x");
        await idle.Content.ReadAsStringAsync(Cancel);

        await gateway.Listeners.DrainAsync(TimeSpan.FromMinutes(10)).WaitAsync(TimeSpan.FromMinutes(1), Cancel);

        Assert.Equal(0, gateway.Engine.InFlight);
    }

    [Fact]
    public async Task TLS_speaks_HTTP_1_and_HTTP_2_and_asks_for_its_certificate_at_every_handshake()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        var handshakes = 0;
        await gateway.Listeners.ApplyAsync(
            [
                new()
                {
                    Name = "https",
                    EndPoint = new(IPAddress.Loopback, 0),
                    Tls = name =>
                    {
                        Interlocked.Increment(ref handshakes);
                        return name == "unknown" ? null : TlsNode.ServerTls;
                    },
                },
            ],
            Cancel
        );
        gateway.Run((Entities.Petstore(backend.Url) with { Transports = ["https"] }).Put());
        var port = gateway.Listeners.Bound["https"].Port;

        foreach (var version in (Version[])[HttpVersion.Version11, HttpVersion.Version20])
        {
            using var http = new HttpClient(
                new SocketsHttpHandler
                {
                    SslOptions = { RemoteCertificateValidationCallback = (_, c, _, _) => TlsNode.IsOurs(c) },
                }
            );
            using var request = new HttpRequestMessage(HttpMethod.Get, $"https://localhost:{port}/petstore/1.0.0/x")
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using var answer = await http.SendAsync(request, Cancel);
            Assert.Equal((HttpStatusCode.OK, version), (answer.StatusCode, answer.Version));
        }

        Assert.Equal(2, handshakes);
        Assert.Equal(["https", "https"], backend.Requests.Select(r => r.Header("X-Forwarded-Proto")));
    }

    [Fact]
    public async Task A_head_that_does_not_end_is_given_up()
    {
        await using var gateway = await TestGateway.StartAsync();
        await gateway.Listeners.ApplyAsync(
            [TestGateway.Plain() with { Limits = new() { HeadTimeout = TimeSpan.FromMilliseconds(300) } }],
            Cancel
        );

        Assert.Contains(" 408 ", await gateway.RawAsync("GET / HTTP/1.1\r\nHost: a\r\n"), StringComparison.Ordinal);
        Assert.Equal("", await gateway.RawAsync("PRI * HT"));
    }

    [Fact]
    public async Task Every_request_leaves_a_line_and_failures_another()
    {
        var directory = Directory.CreateTempSubdirectory("gatehouse-log");
        try
        {
            var (access, errors) = (
                Path.Combine(directory.FullName, "access.log"),
                Path.Combine(directory.FullName, "error.log")
            );
            await using (var accessLog = new AccessLog(access, NullLogger.Instance))
            await using (var errorLog = new AccessLog(errors, NullLogger.Instance))
            await using (var backend = new Backend())
            await using (
                var gateway = await TestGateway.StartAsync(
                    new()
                    {
                        Node = "w1",
                        AccessLog = accessLog,
                        ErrorLog = errorLog,
                    }
                )
            )
            {
                gateway.Run([Entities.Petstore(backend.Url).Keyed().Put(), .. Entities.Consumer()]);
                using var good = await gateway.SendAsync(
                    HttpMethod.Get,
                    "/petstore/1.0.0/pets?token=secret",
                    key: Entities.Secret,
                    headers: ("X-Request-Id", "id-1")
                );
                await good.Content.ReadAsStringAsync(Cancel);
                using var none = await gateway.GetAsync("/nothing");
                using var nobody = new HeldPort();
                gateway.Run((Entities.Petstore(nobody.Url)).Put());
                using var bad = await gateway.GetAsync("/petstore/1.0.0/pets");
                await bad.Content.ReadAsStringAsync(Cancel);
                await gateway.Listeners.DrainAsync(TimeSpan.FromSeconds(60));
            }

            // A line is written when its answer has gone out: the next one's may be there before it.
            var lines = (await File.ReadAllLinesAsync(access, Cancel))
                .Select(l => JsonDocument.Parse(l).RootElement)
                .OrderBy(l => l.GetProperty("status").GetInt32())
                .ToList();
            Assert.Equal([200, 404, 502], lines.Select(l => l.GetProperty("status").GetInt32()));
            Assert.Equal("id-1", lines[0].GetProperty("id").GetString());
            Assert.Equal("petstore:1.0.0", lines[0].GetProperty("api").GetString());
            Assert.Equal("/petstore/1.0.0/pets", lines[0].GetProperty("path").GetString());
            Assert.Equal("key_1", lines[0].GetProperty("key").GetString());
            Assert.Equal(5, lines[0].GetProperty("bytesOut").GetInt64());
            Assert.Equal("connect-failed", lines[2].GetProperty("outcome").GetString());
            Assert.Equal(
                "101503",
                JsonDocument
                    .Parse(Assert.Single(await File.ReadAllLinesAsync(errors, Cancel)))
                    .RootElement.GetProperty("code")
                    .GetString()
            );
            Assert.DoesNotContain("secret", await File.ReadAllTextAsync(access, Cancel), StringComparison.Ordinal);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Counters_tell_what_was_served()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Put());
        using var one = await gateway.GetAsync("/petstore/1.0.0/x");
        await one.Content.ReadAsStringAsync(Cancel);
        using var two = await gateway.GetAsync("/petstore/2.0.0/x");
        await two.Content.ReadAsStringAsync(Cancel);
        await gateway.Listeners.DrainAsync(TimeSpan.FromSeconds(60));

        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        gateway.Engine.WriteMetrics(buffer);
        var text = Encoding.UTF8.GetString(buffer.WrittenSpan);

        Assert.Contains(
            "gatehouse_api_requests_total{api=\"petstore:1.0.0\",status=\"2xx\"} 1\n",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "gatehouse_unmatched_requests_total{node=\"w1\",status=\"4xx\"} 1\n",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "gatehouse_api_request_duration_seconds_count{api=\"petstore:1.0.0\"} 1\n",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains("gatehouse_apis 1\n", text, StringComparison.Ordinal);
    }
}
