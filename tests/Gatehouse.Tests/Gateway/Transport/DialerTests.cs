using System.Net;
using System.Net.Sockets;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway.Transport;

/// <summary>The same promises for the stock sockets and for a loop.</summary>
[Collection(TransportRunsAlone.Name)]
public sealed class DialerTests : IDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly LoopGroup? _loops = LoopGroup.IsSupported
        ? LoopGroup.Start(1, SocketCalls.Kernel, NullLogger<LoopGroup>.Instance)
        : null;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public DialerTests() => _listener.Start();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

    public void Dispose()
    {
        _listener.Dispose();
        _loops?.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_wire_carries_bytes_both_ways_and_tells_the_end(bool loop)
    {
        using var wire = await DialerOf(loop).ConnectAsync(new DnsEndPoint("localhost", EndPoint.Port), Cancel);
        using var peer = await _listener.AcceptSocketAsync(Cancel);
        var buffer = new byte[10];

        await wire.SendAsync(new byte[] { 1, 2, 3 });
        Assert.Equal(3, await peer.ReceiveAsync(buffer, Cancel));
        await peer.SendAsync(new byte[] { 4 }, Cancel);
        Assert.Equal(1, await wire.ReceiveAsync(buffer));
        Assert.Equal(4, buffer[0]);
        Assert.False(wire.HasInput);
        peer.Shutdown(SocketShutdown.Send);
        await LoopServer.Until(() => wire.HasInput);
        Assert.Equal(0, await wire.ReceiveAsync(buffer));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_abort_fails_what_is_pending_and_what_comes_later(bool loop)
    {
        using var wire = await DialerOf(loop).ConnectAsync(EndPoint, Cancel);
        using var peer = await _listener.AcceptSocketAsync(Cancel);
        var receiving = wire.ReceiveAsync(new byte[1]).AsTask();
        wire.Abort();

        await Assert.ThrowsAnyAsync<IOException>(() => receiving.WaitAsync(s_soon));
        await Assert.ThrowsAnyAsync<IOException>(async () => await wire.SendAsync(new byte[1]));
        Assert.True(wire.HasInput);
        wire.Abort();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_refused_connection_says_whose(bool loop)
    {
        using var port = new HeldPort();
        var free = new IPEndPoint(IPAddress.Loopback, port.Number);

        var failure = await Assert.ThrowsAnyAsync<IOException>(async () =>
            await DialerOf(loop).ConnectAsync(free, Cancel)
        );
        Assert.Contains(free.ToString(), failure.Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_attempt_to_connect_ends_with_its_token(bool loop)
    {
        // A port whose backlog is full answers nobody.
        using var full = new Socket(SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        var wires = new List<Wire>();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (true)
            {
                wires.Add(await DialerOf(loop).ConnectAsync(full.LocalEndPoint!, enough.Token));
            }
        });
        wires.ForEach(w => w.Dispose());
        await LoopServer.Until(() => _loops is null || _loops.Loops[0].Open == 0);
    }

    private Dialer DialerOf(bool loop)
    {
        Assert.SkipWhen(loop && _loops is null, "The loops run on Linux only.");
        return loop ? _loops!.Loops[0].Dialer : SocketDialer.Instance;
    }
}
