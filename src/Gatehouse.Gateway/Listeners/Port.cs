using System.Net;
using System.Net.Sockets;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Listeners;

/// <summary>
/// A bound port that accepts connections for the front it has at the moment. It stays bound while fronts come and go, so a
/// change of settings refuses nobody.
/// </summary>
internal sealed class Port : IAsyncDisposable
{
    private readonly IConnectionListener _listener;
    private volatile HttpFront _front;
    private Task _accepting = Task.CompletedTask;

    private Port(ListenerSettings settings, IConnectionListener listener, HttpFront front)
    {
        Settings = settings;
        _listener = listener;
        _front = front;
        Bound = (IPEndPoint)listener.EndPoint;
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
        var listener = Bind(settings, entry, logs.CreateLogger<Port>());
        try
        {
            var front = await HttpFront.StartAsync(settings, entry, logs, cancellation).ConfigureAwait(false);
            var port = new Port(settings, listener, front);
            port._accepting = port.AcceptAsync();
            return port;
        }
        catch
        {
            await listener.DisposeAsync().ConfigureAwait(false);
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
        await _listener.UnbindAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        return _front;
    }

    public async ValueTask DisposeAsync()
    {
        var front = await CloseAsync().ConfigureAwait(false);
        await front.DisposeAsync().ConfigureAwait(false);
        await _listener.DisposeAsync().ConfigureAwait(false);
    }

    private static IConnectionListener Bind(ListenerSettings settings, RequestEntry entry, ILogger logger)
    {
        try
        {
            return entry.Loops is { } loops
                ? LoopListener.Open(loops, settings.Name, settings.EndPoint, logger)
                : SocketListener.Open(settings.Name, settings.EndPoint, entry.RunsInline, logger);
        }
        catch (SocketException failure)
        {
            throw new PortTakenException(settings.Name, settings.EndPoint, failure);
        }
    }

    private async Task AcceptAsync()
    {
        while (await _listener.AcceptAsync().ConfigureAwait(false) is { } connection)
        {
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
}
