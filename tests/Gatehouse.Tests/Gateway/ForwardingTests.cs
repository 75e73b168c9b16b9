using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway;

/// <summary>What forwarding promises, whichever client reaches the backend.</summary>
public abstract class ForwardingTests(bool runtimeClientOnly) : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private TestGateway _gateway = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync(new() { Node = "w1", RuntimeClientOnly = runtimeClientOnly });
        Serve(_backend.Url);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_request_reaches_the_backend_and_its_answer_the_caller()
    {
        _backend.OnRequest = (_, s) =>
            Backend.ReplyAsync(s, "pets", headers: "X-Made-By: cat\r\nX-Two: 1\r\nX-Two: 2\r\n");
        Serve(_backend.Url + "/v2/");

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets?limit=2");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("pets", await TextAsync(answer));
        Assert.Equal("cat", answer.Headers.GetValues("X-Made-By").Single());
        Assert.Equal(["1", "2"], answer.Headers.GetValues("X-Two"));
        Assert.False(answer.Headers.Contains("Server"));
        Assert.Equal("GET /v2/pets?limit=2 HTTP/1.1", _backend.Only.Line);
        Assert.Equal($"127.0.0.1:{_backend.Port}", _backend.Only.Header("Host"));
    }

    [Fact]
    public async Task Headers_of_one_connection_end_here_both_ways()
    {
        _backend.OnRequest = (_, s) =>
            Backend.ReplyAsync(
                s,
                "",
                headers: "Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Stays: 1\r\n"
            );

        var answer = await _gateway.RawAsync(
            "GET /petstore/1.0.0/pets HTTP/1.1\r\nHost: a\r\nConnection: X-Private, X-Other\r\nX-Private: 1\r\nKeep-Alive: 5\r\n"
                + "Proxy-Authorization: Basic x\r\nTE: gzip\r\nX-Stays: 1\r\n\r\n"
                // Kestrel keeps only "close" or "keep-alive" of a Connection header that has one of them: a second request ends this.
                + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );

        var seen = _backend.Only;
        foreach (var name in (string[])["X-Private", "Keep-Alive", "Proxy-Authorization", "TE", "Connection"])
        {
            Assert.Null(seen.Header(name));
        }

        Assert.Equal("1", seen.Header("X-Stays"));
        Assert.DoesNotContain("X-Hop", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("timeout=5", answer, StringComparison.Ordinal);
        Assert.Contains("X-Stays: 1", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Header_bytes_outside_ASCII_pass_unchanged_both_ways()
    {
        _backend.OnRequest = (_, s) => Backend.ReplyAsync(s, "", headers: "X-Name: caf\u00c3\u00a9 \u00e9\r\n");

        var answer = await _gateway.RawAsync(
            "GET /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\nX-Name: na\u00c3\u00afve \u00ef\r\nConnection: close\r\n\r\n"
        );

        Assert.Equal("na\u00c3\u00afve \u00ef", _backend.Only.Header("X-Name"));
        Assert.Contains("X-Name: caf\u00c3\u00a9 \u00e9\r\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("abc-123", "abc-123")]
    [InlineData("a b", null)]
    [InlineData("<script>", null)]
    public async Task A_harmless_request_id_is_kept_and_any_other_replaced(string sent, string? kept)
    {
        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: ("X-Request-Id", sent)
        );

        var id = answer.Headers.GetValues("X-Request-Id").Single();
        Assert.Equal(kept ?? id, id);
        Assert.Equal(id, _backend.Only.Header("X-Request-Id"));
        Assert.True(kept is not null || id != sent);
    }

    [Fact]
    public async Task An_untrusted_caller_cannot_say_where_it_comes_from()
    {
        using var _ = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil")]
        );

        Assert.Equal("127.0.0.1", _backend.Only.Header("X-Forwarded-For"));
        Assert.Equal("http", _backend.Only.Header("X-Forwarded-Proto"));
        Assert.Equal($"127.0.0.1:{_gateway.Port}", _backend.Only.Header("X-Forwarded-Host"));
    }

    [Fact]
    public async Task A_hop_that_is_ignored_is_told_of_until_it_is_trusted()
    {
        Assert.Empty(_gateway.Engine.IgnoredHops);
        for (var i = 0; i < 2; i++)
        {
            using var _ = await _gateway.SendAsync(
                HttpMethod.Get,
                "/petstore/1.0.0/pets",
                headers: ("X-Forwarded-For", "203.0.113.7")
            );
        }

        Assert.Equal([IPAddress.Loopback], _gateway.Engine.IgnoredHops);
        _gateway.Engine.Trust([IPNetwork.Parse("127.0.0.0/8")]);
        using var trusted = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: ("X-Forwarded-For", "203.0.113.7")
        );
        Assert.Empty(_gateway.Engine.IgnoredHops);
    }

    [Fact]
    public async Task A_trusted_proxy_is_believed_and_added()
    {
        await using var gateway = await TestGateway.StartAsync(
            new()
            {
                Node = "w1",
                RuntimeClientOnly = runtimeClientOnly,
                TrustedProxies = [IPNetwork.Parse("127.0.0.0/8")],
            }
        );
        gateway.Run((Entities.Petstore(_backend.Url) with { Transports = ["https"] }).Put());

        using var answer = await gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: [("X-Forwarded-For", "6.6.6.6, 203.0.113.7"), ("X-Forwarded-Proto", "https")]
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("6.6.6.6, 203.0.113.7, 127.0.0.1", _backend.Only.Header("X-Forwarded-For"));
    }

    [Fact]
    public async Task Redirects_cookies_and_encodings_pass_untouched()
    {
        _backend.OnRequest = (_, s) =>
            Backend.ReplyAsync(
                s,
                "\u001f\u008b",
                "302 Found",
                "Location: /elsewhere\r\nSet-Cookie: a=1\r\nContent-Encoding: gzip\r\n"
            );

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");

        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        Assert.Equal("/elsewhere", answer.Headers.Location?.OriginalString);
        Assert.Equal("a=1", answer.Headers.GetValues("Set-Cookie").Single());
        Assert.Equal("gzip", answer.Content.Headers.ContentEncoding.Single());
        Assert.Single(_backend.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_arrives_whole_with_and_without_a_length(bool chunked)
    {
        var body = RandomNumberGenerator.GetBytes(300_000);
        using var content = new ByteArrayContent(body);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/petstore/1.0.0/pets") { Content = content };
        request.Headers.TransferEncodingChunked = chunked;
        content.Headers.TryAddWithoutValidation("Content-Type", "application/octet-stream");

        using var answer = await _gateway.Http.SendAsync(request, Cancel);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(body, _backend.Only.Body);
        Assert.Equal("application/octet-stream", _backend.Only.Header("Content-Type"));
        Assert.Equal(chunked ? "chunked" : null, _backend.Only.Header("Transfer-Encoding"));
    }

    [Fact]
    public async Task Pieces_of_an_answer_arrive_as_they_are_sent()
    {
        var goOn = new TaskCompletionSource();
        _backend.OnRequest = async (_, s) =>
        {
            await Backend.WriteAsync(
                s,
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
            );
            await goOn.Task;
            await Backend.WriteAsync(s, "6\r\nsecond\r\n0\r\n\r\n");
        };

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/events");
        await using var stream = await answer.Content.ReadAsStreamAsync(Cancel);
        var buffer = new byte[16];

        Assert.Equal(5, await stream.ReadAtLeastAsync(buffer, 5, cancellationToken: Cancel));
        goOn.SetResult();
        Assert.Equal(6, await stream.ReadAtLeastAsync(buffer, 6, cancellationToken: Cancel));
        Assert.Equal(0, await stream.ReadAsync(buffer, Cancel));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFF\r\n")]
    public async Task An_answer_cut_short_never_looks_whole(string head)
    {
        _backend.OnRequest = async (request, s) =>
        {
            await Backend.WriteAsync(s, head + new string('x', 20_000));
            request.ClosesAfter = true;
        };

        await Assert.ThrowsAnyAsync<HttpRequestException>(async () =>
        {
            using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");
            await TextAsync(answer);
        });
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadGateway, "101505")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Len", HttpStatusCode.BadGateway, "101505")]
    [InlineData("SSH-2.0-OpenSSH_9.6\r\n\r\n", HttpStatusCode.BadGateway, "101506")]
    [InlineData(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        HttpStatusCode.BadGateway,
        "101506"
    )]
    public async Task A_backend_that_breaks_off_is_told_as_502(string says, HttpStatusCode status, string code)
    {
        _backend.OnRequest = async (request, s) =>
        {
            await Backend.WriteAsync(s, says);
            request.ClosesAfter = true;
        };

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");

        Assert.Equal(status, answer.StatusCode);
        var body = await TextAsync(answer);
        Assert.Contains($"\"code\":\"{code}\"", body, StringComparison.Ordinal);
        Assert.DoesNotContain("SSH", body, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backend_that_hangs_is_told_as_504()
    {
        // A connection that is there cannot be what took too long.
        using var first = await _gateway.GetAsync("/petstore/1.0.0/pets");
        await TextAsync(first);
        _backend.OnRequest = (_, _) => Task.Delay(Timeout.Infinite, Cancel);
        Serve(_backend.Url, response: TimeSpan.FromMilliseconds(200));

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");

        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
        Assert.Contains("101504", await TextAsync(answer), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backend_that_goes_quiet_within_an_answer_is_cut()
    {
        _backend.OnRequest = async (_, s) =>
        {
            await Backend.WriteAsync(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            await Task.Delay(Timeout.Infinite, Cancel);
        };
        Serve(_backend.Url, response: TimeSpan.FromMilliseconds(200));
        var patience = Environment.TickCount64 + 60_000;

        // On a busy machine the head itself may be late, which is told as 504 and shows nothing.
        var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");
        while (answer.StatusCode == HttpStatusCode.GatewayTimeout && Environment.TickCount64 < patience)
        {
            answer.Dispose();
            answer = await _gateway.GetAsync("/petstore/1.0.0/pets");
        }

        using (answer)
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => TextAsync(answer));
        }
    }

    [Fact]
    public async Task A_slow_but_moving_answer_outlives_the_timeout()
    {
        _backend.OnRequest = async (_, s) =>
        {
            await Backend.WriteAsync(s, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
            for (var i = 0; i < 8; i++)
            {
                await Task.Delay(100, Cancel);
                await Backend.WriteAsync(s, "x");
            }
        };
        Serve(_backend.Url, response: TimeSpan.FromMilliseconds(500));
        var patience = Environment.TickCount64 + 60_000;

        // A wait for the whole would cut each of them; a busy machine holds back a piece for as long now and then.
        string? whole = null;
        while (whole is null && Environment.TickCount64 < patience)
        {
            using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");
            try
            {
                whole = answer.StatusCode == HttpStatusCode.OK ? await TextAsync(answer) : null;
            }
            catch (HttpRequestException)
            {
                // Cut.
            }
        }

        Assert.Equal("xxxxxxxx", whole);
    }

    [Fact]
    public async Task A_backend_that_is_not_there_is_told_as_502()
    {
        using var port = new HeldPort();
        Serve(port.Url);

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Contains("101503", await TextAsync(answer), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_not_sent_goes_to_the_next_endpoint_whatever_its_method()
    {
        using var port = new HeldPort();
        _gateway.Run((Entities.Petstore("") with { Production = Entities.To(port.Url, _backend.Url) }).Put());

        for (var i = 0; i < 4; i++)
        {
            using var got = await _gateway.GetAsync("/petstore/1.0.0/pets");
            using var posted = await _gateway.SendAsync(
                HttpMethod.Post,
                "/petstore/1.0.0/pets",
                new StringContent("cat")
            );
            Assert.Equal(HttpStatusCode.OK, got.StatusCode);
            Assert.Equal(HttpStatusCode.OK, posted.StatusCode);
        }

        Assert.All(
            _backend.Requests.Where(r => r.Line.StartsWith("POST", StringComparison.Ordinal)),
            r => Assert.Equal("cat", Encoding.UTF8.GetString(r.Body))
        );
    }

    [Fact]
    public async Task A_worker_sends_nothing_twice_that_could_do_harm()
    {
        await using var other = new Backend((r, _) => Hangup(r));
        _backend.OnRequest = (r, _) => Hangup(r);
        _gateway.Run((Entities.Petstore("") with { Production = Entities.To(other.Url, _backend.Url) }).Put());

        using var bare = await _gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0/pets");
        using var full = await _gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0/pets", new StringContent("cat"));

        Assert.Equal(HttpStatusCode.BadGateway, bare.StatusCode);
        Assert.Equal(HttpStatusCode.BadGateway, full.StatusCode);
        Assert.Equal(2, other.Requests.Count + _backend.Requests.Count);
    }

    [Fact]
    public async Task One_failed_call_does_not_suspend_an_endpoint_but_two_do()
    {
        await using var shaky = new Backend((r, _) => Hangup(r));

        // It is suspended for a second, of which none passes here.
        await using var gateway = await TestGateway.StartAsync(
            new() { Node = "w1", RuntimeClientOnly = runtimeClientOnly },
            new FakeTimeProvider()
        );
        gateway.Run((Entities.Petstore("") with { Production = Entities.To(shaky.Url, _backend.Url) }).Put());

        for (var i = 0; i < 12; i++)
        {
            using var _ = await gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0/pets");
        }

        Assert.Equal(2, shaky.Requests.Count);
        Assert.Equal(10, _backend.Requests.Count);
    }

    [Theory]
    [InlineData("round-robin")]
    [InlineData("least-requests")]
    [InlineData("power-of-two")]
    public async Task Every_algorithm_uses_every_endpoint(string algorithm)
    {
        await using var other = new Backend();
        _gateway.Run(
            (
                Entities.Petstore("") with
                {
                    Production = Entities.To(_backend.Url, other.Url) with { Algorithm = algorithm },
                }
            ).Put()
        );

        for (var i = 0; i < 60; i++)
        {
            using var _ = await _gateway.GetAsync("/petstore/1.0.0/pets");
        }

        Assert.InRange(other.Requests.Count, 10, 50);
        Assert.Equal(60, other.Requests.Count + _backend.Requests.Count);
    }

    [Fact]
    public async Task A_body_over_the_limit_is_413_declared_or_not()
    {
        _gateway.Run((Entities.Petstore(_backend.Url) with { MaxRequestBody = 1000 }).Put());

        using var declared = await _gateway.SendAsync(
            HttpMethod.Post,
            "/petstore/1.0.0/pets",
            new ByteArrayContent(new byte[1001])
        );
        var streamed = await _gateway.RawAsync(
            "POST /petstore/1.0.0/pets HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7D0\r\n"
                + new string('x', 2000)
                + "\r\n0\r\n\r\n"
        );

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, declared.StatusCode);
        Assert.StartsWith("HTTP/1.1 413", streamed, StringComparison.Ordinal);
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task A_caller_that_leaves_ends_the_call_to_the_backend()
    {
        var hungUp = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        _backend.OnRequest = async (_, s) =>
        {
            asked.SetResult();
            try
            {
                await s.ReadAsync(new byte[1]);
            }
            finally
            {
                // Whether by an end or by a reset is the client's affair.
                hungUp.SetResult();
            }
        };
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, _gateway.Port, Cancel);
        await socket.GetStream().WriteAsync("GET /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(), Cancel);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);

        socket.Dispose();

        await hungUp.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
    }

    [Fact]
    public async Task A_request_in_flight_finishes_on_the_table_it_began_with()
    {
        var asked = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        _backend.OnRequest = async (_, s) =>
        {
            asked.SetResult();
            await goOn.Task;
            await Backend.ReplyAsync(s, "late");
        };
        var answering = _gateway.GetAsync("/petstore/1.0.0/pets");
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);

        _gateway.Run(Entities.Gone(EntityKinds.Api, "petstore:1.0.0"));
        goOn.SetResult();

        using var answer = await answering;
        Assert.Equal("late", await TextAsync(answer));
        using var next = await _gateway.GetAsync("/petstore/1.0.0/pets");
        Assert.Equal(HttpStatusCode.NotFound, next.StatusCode);
    }

    [Fact]
    public async Task An_open_stream_ends_when_what_let_it_in_is_revoked()
    {
        var goOn = new TaskCompletionSource();
        _backend.OnRequest = async (_, s) =>
        {
            await Backend.WriteAsync(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            await goOn.Task;
            await Backend.WriteAsync(s, "6\r\nsecond\r\n0\r\n\r\n");
        };
        _gateway.Run(Entities.Petstore(_backend.Url).Keyed().Put());
        _gateway.Run(Entities.Consumer());
        using var answer = await _gateway.GetAsync("/petstore/1.0.0/events", Entities.Secret);
        await using var stream = await answer.Content.ReadAsStreamAsync(Cancel);
        var buffer = new byte[64];
        Assert.Equal(5, await stream.ReadAtLeastAsync(buffer, 5, cancellationToken: Cancel));

        _gateway.Run(Entities.Put(EntityKinds.Revocation, "key/key_1", []));
        goOn.SetResult();

        await Assert.ThrowsAnyAsync<Exception>(async () =>
            await stream.ReadAtLeastAsync(buffer, 6, cancellationToken: Cancel)
        );
    }

    [Fact]
    public async Task A_web_socket_talks_both_ways_until_one_side_ends()
    {
        _backend.OnRequest = Backend.EchoWebSocketAsync;
        using var socket = new ClientWebSocket();

        await socket.ConnectAsync(new($"ws://127.0.0.1:{_gateway.Port}/petstore/1.0.0/chat"), Cancel);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, Cancel);
        var buffer = new byte[64];
        var received = await socket.ReceiveAsync(buffer, Cancel);

        Assert.Equal("hello", Encoding.UTF8.GetString(buffer, 0, received.Count));
        Assert.Equal("websocket", _backend.Only.Header("Upgrade"));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Cancel);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    [Fact]
    public async Task A_web_socket_over_HTTP_2_reaches_a_backend_that_speaks_HTTP_1()
    {
        _backend.OnRequest = Backend.EchoWebSocketAsync;
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());

        await socket.ConnectAsync(new($"ws://127.0.0.1:{_gateway.Port}/petstore/1.0.0/chat"), invoker, Cancel);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, Cancel);
        var buffer = new byte[64];
        var received = await socket.ReceiveAsync(buffer, Cancel);

        Assert.Equal("hello", Encoding.UTF8.GetString(buffer, 0, received.Count));
        Assert.StartsWith("GET /chat HTTP/1.1", _backend.Only.Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HTTP_2_with_prior_knowledge_is_served_on_the_plain_port()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/petstore/1.0.0/pets")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent("cat"),
        };

        using var answer = await _gateway.Http.SendAsync(request, Cancel);

        Assert.Equal(HttpVersion.Version20, answer.Version);
        Assert.Equal("hello", await TextAsync(answer));
        Assert.Equal("cat", Encoding.UTF8.GetString(_backend.Only.Body));
        Assert.Equal($"127.0.0.1:{_gateway.Port}", _backend.Only.Header("X-Forwarded-Host"));
    }

    [Fact]
    public async Task Connections_to_a_backend_are_used_again()
    {
        for (var i = 0; i < 20; i++)
        {
            using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");
            await TextAsync(answer);
        }

        Assert.Equal(1, _backend.Connections);
    }

    private void Serve(string url, TimeSpan? response = null) =>
        _gateway.Run(
            (
                Entities.Petstore("") with
                {
                    Production = Entities.To(url) with { ResponseTimeout = response ?? TimeSpan.FromSeconds(30) },
                }
            ).Put()
        );

    private static Task Hangup(BackendRequest request)
    {
        request.ClosesAfter = true;
        return Task.CompletedTask;
    }

    private static Task<string> TextAsync(HttpResponseMessage answer) => answer.Content.ReadAsStringAsync(Cancel);
}

/// <summary>Over the gateway's own client.</summary>
public sealed class OwnClientForwardingTests() : ForwardingTests(runtimeClientOnly: false);

/// <summary>Over the runtime's.</summary>
public sealed class RuntimeClientForwardingTests() : ForwardingTests(runtimeClientOnly: true);
