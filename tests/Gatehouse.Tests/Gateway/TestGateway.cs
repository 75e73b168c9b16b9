using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway;

/// <summary>A worker's data plane on a real port, with a table that tests change as a manager would.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private long _epoch;

    private TestGateway(GatewayOptions options, TimeProvider time, ILoggerFactory logs)
    {
        Table = new(options, time, logs);
        Engine = new(Table, options, time, logs);
        Listeners = new(Engine, logs);
        Http = new(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                UseProxy = false,
            }
        );
    }

    public GatewayTable Table { get; }
    public GatewayEngine Engine { get; }
    public ListenerSet Listeners { get; }
    public HttpClient Http { get; }
    public int Port => Listeners.Bound["http"].Port;

    public static ListenerSettings Plain(string name = "http", int port = 0) =>
        new() { Name = name, EndPoint = new(IPAddress.Loopback, port) };

    public static async Task<TestGateway> StartAsync(
        GatewayOptions? options = null,
        TimeProvider? time = null,
        ILoggerFactory? logs = null
    )
    {
        var gateway = new TestGateway(
            TestTransport.Over(options ?? new() { Node = "w1" }),
            time ?? TimeProvider.System,
            logs ?? NullLoggerFactory.Instance
        );
        await gateway.Listeners.StartAsync([Plain()], TestContext.Current.CancellationToken);
        gateway.Http.BaseAddress = new($"http://127.0.0.1:{gateway.Port}");
        return gateway;
    }

    public IReadOnlyList<Refusal> Apply(params IEnumerable<EntityChange> changes) => Apply(changes, replace: false);

    public IReadOnlyList<Refusal> Apply(IEnumerable<EntityChange> changes, bool replace)
    {
        var prepared = Table.Prepare([.. changes.Select(c => c with { Epoch = ++_epoch })], replace);
        prepared.Publish();
        return prepared.Refusals;
    }

    /// <summary>Applies changes that must all be taken.</summary>
    public void Run(params IEnumerable<EntityChange> changes) => Assert.Empty(Apply(changes));

    public Task<HttpResponseMessage> GetAsync(string path, string? key = null) =>
        SendAsync(HttpMethod.Get, path, key: key);

    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        string path,
        HttpContent? content = null,
        string? key = null,
        params (string Name, string Value)[] headers
    )
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (key is not null)
        {
            request.Headers.Add("apikey", key);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await Http.SendAsync(
            request,
            HttpCompletionOption.ResponseHeadersRead,
            TestContext.Current.CancellationToken
        );
    }

    /// <summary>Sends bytes as they are and reads until the gateway closes.</summary>
    public async Task<string> RawAsync(string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Listeners.DisposeAsync();
        await Table.DisposeAsync();
    }
}
