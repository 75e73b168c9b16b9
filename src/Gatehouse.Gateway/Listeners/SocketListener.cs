using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Listeners;

/// <summary>A port on the runtime's sockets.</summary>
internal sealed partial class SocketListener : IConnectionListener
{
    private static readonly TimeSpan s_pauseWhenOutOfSockets = TimeSpan.FromMilliseconds(100);

    private readonly string _name;
    private readonly Socket _socket;
    private readonly SocketConnectionContextFactory _connections;
    private readonly ILogger _logger;

    private SocketListener(string name, Socket socket, bool inline, ILogger logger)
    {
        _name = name;
        _socket = socket;
        _logger = logger;
        _connections = new(new() { UnsafePreferInlineScheduling = inline }, logger);
        Bound = (IPEndPoint)socket.LocalEndPoint!;
    }

    public EndPoint EndPoint => Bound;

    private IPEndPoint Bound { get; }

    /// <summary>Binds. Throws <see cref="SocketException"/> when the address is taken.</summary>
    public static SocketListener Open(string name, IPEndPoint endPoint, bool inline, ILogger logger)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endPoint);
            socket.Listen(1024);
            return new(name, socket, inline, logger);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                var accepted = await _socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                accepted.NoDelay = true;
                return _connections.Create(accepted);
            }
            catch (Exception closed) when (closed is ObjectDisposedException || IsClosed(closed))
            {
                return null;
            }
            catch (SocketException failure) when (failure.SocketErrorCode == SocketError.ConnectionReset)
            {
                // The caller hung up before it was accepted.
            }
            catch (SocketException failure)
            {
                LogCannotAccept(_name, Bound, failure.Message);
                await Task.Delay(s_pauseWhenOutOfSockets, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _connections.Dispose();
        return ValueTask.CompletedTask;
    }

    private static bool IsClosed(Exception failure) =>
        failure is SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.Interrupted };

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Listener '{Listener}' on {EndPoint} cannot accept connections: {Reason}. It goes on trying; raise the limit of open files if this lasts"
    )]
    private partial void LogCannotAccept(string listener, IPEndPoint endPoint, string reason);
}
