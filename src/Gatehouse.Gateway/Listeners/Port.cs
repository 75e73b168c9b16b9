using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Listeners;

/// <summary>
/// A bound port that accepts connections for the front it has at the moment. It stays bound while fronts come and go, so a
/// change of settings refuses nobody.
/// </summary>
internal sealed partial class Port : IAsyncDisposable
{
    private static readonly TimeSpan s_pauseWhenOutOfSockets = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly SocketConnectionContextFactory _connections;
    private readonly ILogger<Port> _logger;
    private volatile HttpFront _front;
    private Task _accepting = Task.CompletedTask;

    private Port(ListenerSettings settings, Socket socket, HttpFront front, bool inline, ILoggerFactory logs)
    {
        Settings = settings;
        _socket = socket;
        _front = front;
        _logger = logs.CreateLogger<Port>();
        _connections = new(new() { UnsafePreferInlineScheduling = inline }, _logger);
        Bound = (IPEndPoint)socket.LocalEndPoint!;
    }

    public ListenerSettings Settings { get; private set; }

    public IPEndPoint Bound { get; }

    /// <summary>Binds, makes a front, and accepts from now on.</summary>
    public static async Task<Port> OpenAsync(
        ListenerSettings settings,
        RequestEntry entry,
        ILoggerFactory logs,
        CancellationToken cancellation
    )
    {
        var socket = Bind(settings);
        try
        {
            var front = await HttpFront.StartAsync(settings, entry, logs, cancellation).ConfigureAwait(false);
            var port = new Port(settings, socket, front, entry.RunsInline, logs);
            port._accepting = port.AcceptAsync();
            return port;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Serves new connections with another front and returns the one before, for its requests to finish.</summary>
    public HttpFront Swap(ListenerSettings settings, HttpFront front)
    {
        var before = _front;
        _front = front;
        Settings = settings;
        return before;
    }

    /// <summary>Stops accepting and returns the front, for its requests to finish.</summary>
    public async Task<HttpFront> CloseAsync()
    {
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        return _front;
    }

    public async ValueTask DisposeAsync()
    {
        var front = await CloseAsync().ConfigureAwait(false);
        await front.DisposeAsync().ConfigureAwait(false);
        _connections.Dispose();
    }

    private static Socket Bind(ListenerSettings settings)
    {
        var socket = new Socket(settings.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (settings.EndPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(settings.EndPoint);
            socket.Listen(1024);
            return socket;
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            throw new PortTakenException(settings.Name, settings.EndPoint, failure);
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await _socket.AcceptAsync().ConfigureAwait(false);
            }
            catch (Exception closed) when (closed is ObjectDisposedException || IsClosed(closed))
            {
                return;
            }
            catch (SocketException failure) when (failure.SocketErrorCode == SocketError.ConnectionReset)
            {
                // The caller hung up before it was accepted.
                continue;
            }
            catch (SocketException failure)
            {
                LogCannotAccept(Settings.Name, Bound, failure.Message);
                await Task.Delay(s_pauseWhenOutOfSockets).ConfigureAwait(false);
                continue;
            }

            accepted.NoDelay = true;
            var connection = _connections.Create(accepted);

            // A front that was swapped out meanwhile takes no more; the new one does.
            if (
                !await _front.OfferAsync(connection).ConfigureAwait(false)
                && !await _front.OfferAsync(connection).ConfigureAwait(false)
            )
            {
                connection.Abort();
                await connection.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static bool IsClosed(Exception failure) =>
        failure is SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.Interrupted };

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Listener '{Listener}' on {EndPoint} cannot accept connections: {Reason}. It goes on trying; raise the limit of open files if this lasts"
    )]
    private partial void LogCannotAccept(string listener, IPEndPoint endPoint, string reason);
}
