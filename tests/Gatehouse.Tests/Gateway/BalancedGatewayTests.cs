using System.Net;
using System.Net.WebSockets;
using System.Text;

namespace Gatehouse.Tests.Gateway;

/// <summary>What stays open passes a balancer and a worker as it passes a worker alone.</summary>
public sealed class BalancedGatewayTests : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private TestGateway _worker = null!;
    private BalancedGateway _balancer = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _worker = await TestGateway.StartAsync();
        _worker.Run([Entities.Petstore(_backend.Url).Keyed().Put(), .. Entities.Consumer()]);
        _balancer = await BalancedGateway.InFrontOfAsync(_worker);
    }

    public async ValueTask DisposeAsync()
    {
        await _balancer.DisposeAsync();
        await _worker.DisposeAsync();
        await _backend.DisposeAsync();
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_web_socket_talks_both_ways_through_balancer_and_worker_until_one_side_ends(string version)
    {
        _backend.OnRequest = Backend.EchoWebSocketAsync;
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = Version.Parse(version);
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.SetRequestHeader("apikey", Entities.Secret);
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());

        await socket.ConnectAsync(new($"ws://127.0.0.1:{_balancer.Port}/petstore/1.0.0/chat"), invoker, Cancel);
        var buffer = new byte[64];
        foreach (var word in (string[])["hello", "again"])
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(word), WebSocketMessageType.Text, true, Cancel);
            var received = await socket.ReceiveAsync(buffer, Cancel);
            Assert.Equal(word, Encoding.UTF8.GetString(buffer, 0, received.Count));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Cancel);
        Assert.Equal(WebSocketState.Closed, socket.State);
        Assert.Equal("websocket", _backend.Only.Header("Upgrade"));
        Assert.Null(_backend.Only.Header("apikey"));
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Events_arrive_through_balancer_and_worker_as_they_are_sent(string version)
    {
        var goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _backend.OnRequest = async (_, stream) =>
        {
            await Backend.WriteAsync(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n"
            );
            await goesOn.Task;
            await Backend.WriteAsync(stream, "b\r\ndata: two\n\n\r\n0\r\n\r\n");
        };
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(
            HttpMethod.Get,
            $"http://127.0.0.1:{_balancer.Port}/petstore/1.0.0/events"
        )
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Add("apikey", Entities.Secret);

        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        await using var events = await answer.Content.ReadAsStreamAsync(Cancel);
        var first = new byte[11];
        await events.ReadExactlyAsync(first, Cancel);
        // The second is not sent before the first has arrived.
        goesOn.SetResult();
        using var rest = new StreamReader(events);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("data: one\n\n", Encoding.UTF8.GetString(first));
        Assert.Equal("data: two\n\n", await rest.ReadToEndAsync(Cancel));
    }
}
