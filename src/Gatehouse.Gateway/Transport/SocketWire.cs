using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Gateway.Transport;

/// <summary>Connects with the runtime's sockets.</summary>
internal sealed class SocketDialer : Dialer
{
    public static SocketDialer Instance { get; } = new();

    public override async ValueTask<Wire> ConnectAsync(EndPoint endPoint, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint, cancellation).ConfigureAwait(false);
            return new SocketWire(socket);
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            throw new IOException($"Cannot connect to {endPoint}: {failure.Message}", failure);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>A connection over the runtime's sockets.</summary>
internal sealed class SocketWire(Socket socket) : Wire
{
    private int _closed;

    public override bool HasInput
    {
        get
        {
            try
            {
                return socket.Poll(0, SelectMode.SelectRead);
            }
            catch (Exception lost) when (lost is SocketException or ObjectDisposedException)
            {
                return true;
            }
        }
    }

    public override async ValueTask<int> ReceiveAsync(Memory<byte> buffer)
    {
        try
        {
            return await socket.ReceiveAsync(buffer, SocketFlags.None).ConfigureAwait(false);
        }
        catch (Exception lost) when (lost is SocketException or ObjectDisposedException)
        {
            throw new IOException($"The connection was lost while receiving: {lost.Message}", lost);
        }
    }

    public override async ValueTask SendAsync(ReadOnlyMemory<byte> data)
    {
        try
        {
            while (!data.IsEmpty)
            {
                data = data[await socket.SendAsync(data, SocketFlags.None).ConfigureAwait(false)..];
            }
        }
        catch (Exception lost) when (lost is SocketException or ObjectDisposedException)
        {
            throw new IOException($"The connection was lost while sending: {lost.Message}", lost);
        }
    }

    public override void Abort()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            // Closed at once and not after what is still to be sent: the peer learns of it by a reset.
            socket.Close(timeout: 0);
        }
    }

    public override void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            socket.Dispose();
        }
    }
}
