using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway.Transport;

/// <summary>Tests that count the process's buffers and descriptors, which nobody else may move meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class TransportRunsAlone
{
    public const string Name = "transport";
}

/// <summary>Loops with a port, and a handler in Kestrel's place.</summary>
internal sealed class LoopServer : IAsyncDisposable
{
    private readonly LoopListener _listener;
    private readonly ConcurrentBag<Task> _served = [];
    private readonly Task _accepting;

    public LoopServer(
        Func<ConnectionContext, Task> handler,
        SocketCalls? calls = null,
        int loops = 2,
        ILogger<LoopGroup>? logger = null,
        IPEndPoint? endPoint = null
    )
    {
        Loops = LoopGroup.Start(loops, calls ?? SocketCalls.Kernel, logger ?? NullLogger<LoopGroup>.Instance);
        _listener = LoopListener.Open(Loops, "test", endPoint ?? new(IPAddress.Loopback, 0), NullLogger.Instance);
        _accepting = AcceptAsync(handler);
    }

    public LoopGroup Loops { get; }
    public IPEndPoint Bound => _listener.Bound;
    public LoopListener Listener => _listener;
    public int Served => _served.Count;

    public static async Task EchoAsync(ConnectionContext connection)
    {
        var (input, output) = (connection.Transport.Input, connection.Transport.Output);
        try
        {
            while (true)
            {
                var read = await input.ReadAsync();
                foreach (var piece in read.Buffer)
                {
                    await output.WriteAsync(piece);
                }

                input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException) { }
    }

    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Bound);
        return socket;
    }

    /// <summary>Waits until every connection that was taken is done with.</summary>
    public async Task DoneAsync(int connections)
    {
        await Until(() => _served.Count == connections);
        await Task.WhenAll(_served).WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>
    /// Waits until no more buffers are lent than <paramref name="before"/>: fewer may be, when a connection of a test before has
    /// given its own back meanwhile.
    /// </summary>
    public static Task BuffersAreBackAsync(long before) => Until(() => Buffers.Lent <= before);

    public static async Task Until(Func<bool> condition)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(5, enough.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _accepting;
        Loops.Dispose();
        await Task.WhenAll(_served).WaitAsync(TimeSpan.FromSeconds(60));
    }

    private async Task AcceptAsync(Func<ConnectionContext, Task> handler)
    {
        while (await _listener.AcceptAsync() is { } connection)
        {
            _served.Add(Task.Run(() => ServeAsync(connection)));
        }

        async Task ServeAsync(ConnectionContext connection)
        {
            await handler(connection);
            await connection.DisposeAsync();
        }
    }
}
