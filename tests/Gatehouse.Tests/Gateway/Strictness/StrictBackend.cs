using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>A backend that keeps every byte it is sent, by connection, and answers each whole request.</summary>
internal sealed class StrictBackend : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<StringBuilder> _connections = [];
    private readonly ConcurrentBag<Task> _serving = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    public StrictBackend()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Url => $"http://{_listener.LocalEndpoint}";

    /// <summary>All whole requests so far, of all connections.</summary>
    public IReadOnlyList<ReadRequest> Requests => [.. Streams().SelectMany(s => StrictReader.Read(s, out _))];

    /// <summary>Asserts that no byte sent here has a second reading.</summary>
    public void AssertUnambiguous()
    {
        foreach (var stream in Streams())
        {
            // Longer than a caller's, since the gateway adds its own headers.
            using var scanner = new RequestScanner(new() { FieldCount = 200, Fields = 64 * 1024 });
            scanner.Read(RawClient.Bytes(stream));
            Assert.True(scanner.Violation == Violation.None, $"{scanner.Violation} in {stream}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_serving);
        _stop.Dispose();
    }

    private List<string> Streams() =>
        [
            .. _connections.Select(c =>
            {
                lock (c)
                {
                    return c.ToString();
                }
            }),
        ];

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The test is over; the last of them when it ended between two connections.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        var sent = new StringBuilder();
        _connections.Add(sent);
        var answered = 0;
        var buffer = new byte[16 * 1024];
        try
        {
            var stream = client.GetStream();
            while (await stream.ReadAsync(buffer, _stop.Token) is var count and > 0)
            {
                string all;
                lock (sent)
                {
                    sent.Append(Encoding.Latin1.GetString(buffer, 0, count));
                    all = sent.ToString();
                }

                for (var whole = StrictReader.Read(all, out var _).Count; answered < whole; answered++)
                {
                    await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray(), _stop.Token);
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException) { }
    }
}
