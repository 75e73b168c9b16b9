using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Tests.Gateway;

/// <summary>A backend on a raw socket: it remembers every byte of every request and answers what the test says.</summary>
internal sealed class Backend : IAsyncDisposable
{
    public delegate Task Answer(BackendRequest request, Stream stream);

    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<TcpClient> _clients = [];
    private readonly Task _accepting;

    public Backend(Answer? answer = null, int port = 0)
    {
        OnRequest = answer ?? ((_, stream) => ReplyAsync(stream, "hello"));
        _listener = new(IPAddress.Loopback, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Answer OnRequest { get; set; }

    public ConcurrentQueue<BackendRequest> Requests { get; } = [];

    public int Connections => _clients.Count;

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Url => $"http://127.0.0.1:{Port}";

    public BackendRequest Only => Assert.Single(Requests);

    public static Task ReplyAsync(Stream stream, string body, string status = "200 OK", string headers = "") =>
        WriteAsync(stream, $"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\n{headers}\r\n{body}");

    public static async Task WriteAsync(Stream stream, string text)
    {
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text));
        await stream.FlushAsync();
    }

    /// <summary>Takes a WebSocket and says everything back until the other side closes it.</summary>
    public static async Task EchoWebSocketAsync(BackendRequest request, Stream stream)
    {
        var accept = Convert.ToBase64String(
            SHA1.HashData(
                Encoding.ASCII.GetBytes(request.Header("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
            )
        );
        await WriteAsync(
            stream,
            $"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        using var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
        var buffer = new byte[1024];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer, CancellationToken.None);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
                request.ClosesAfter = true;
                return;
            }

            await socket.SendAsync(
                buffer.AsMemory(0, received.Count),
                received.MessageType,
                true,
                CancellationToken.None
            );
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        foreach (var client in _clients)
        {
            client.Dispose();
        }

        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _clients.Add(client);
                _ = ServeAsync(client);
            }
            catch (Exception e)
                when (e
                        is OperationCanceledException
                            or SocketException
                            or ObjectDisposedException
                            or InvalidOperationException
                )
            {
                // The test is over; the last of them when it ended between two connections.
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        try
        {
            var stream = client.GetStream();
            while (await BackendRequest.ReadAsync(stream) is { } request)
            {
                Requests.Enqueue(request);
                await OnRequest(request, stream);
                if (request.ClosesAfter)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The gateway hung up, or the test is over.
        }
    }
}

/// <summary>A request as it came over the wire.</summary>
internal sealed record BackendRequest(string Head, byte[] Body)
{
    public string Line => Head[..Head.IndexOf('\r')];

    public string Target => Line.Split(' ')[1];

    public bool ClosesAfter { get; set; }

    /// <summary>The lines behind a chunked body.</summary>
    public IReadOnlyList<string> Trailers { get; init; } = [];

    public string? Header(string name) => Headers(name).SingleOrDefault();

    public IEnumerable<string> Headers(string name) =>
        Head.Split("\r\n")
            .Skip(1)
            .Where(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
            .Select(l => l[(name.Length + 1)..].Trim());

    public static async Task<BackendRequest?> ReadAsync(Stream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!EndsHead(head))
        {
            if (await stream.ReadAsync(one) == 0)
            {
                return null;
            }

            head.Append((char)one[0]);
        }

        var request = new BackendRequest(head.ToString(), []);
        if (request.Header("Content-Length") is { } length)
        {
            var body = new byte[int.Parse(length, System.Globalization.CultureInfo.InvariantCulture)];
            await stream.ReadExactlyAsync(body);
            return request with { Body = body };
        }

        if (request.Header("Transfer-Encoding") is null)
        {
            return request;
        }

        var trailers = new List<string>();
        return request with { Body = await ChunksAsync(stream, trailers), Trailers = trailers };
    }

    private static bool EndsHead(StringBuilder head) =>
        head.Length >= 4 && head[^1] == '\n' && head[^2] == '\r' && head[^3] == '\n' && head[^4] == '\r';

    private static async Task<byte[]> ChunksAsync(Stream stream, List<string> trailers)
    {
        using var body = new MemoryStream();
        while (true)
        {
            var size = Convert.ToInt32(await LineAsync(stream), 16);
            if (size == 0)
            {
                while (await LineAsync(stream) is { Length: > 0 } trailer)
                {
                    trailers.Add(trailer);
                }

                return body.ToArray();
            }

            var chunk = new byte[size];
            await stream.ReadExactlyAsync(chunk);
            body.Write(chunk);
            await LineAsync(stream);
        }
    }

    private static async Task<string> LineAsync(Stream stream)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (true)
        {
            await stream.ReadExactlyAsync(one);
            if (one[0] == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append((char)one[0]);
        }
    }
}
