using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Gatehouse.Gateway.Listeners;

/// <summary>
/// A listener that is given its connections instead of accepting them. Through it a port outlives the server behind it, and
/// a connection that turns out to speak HTTP/2 moves to the server's HTTP/2 side.
/// </summary>
internal sealed class Handoff(string name) : EndPoint, IConnectionListener
{
    // Kestrel takes connections as fast as they come; a queue that fills means it cannot, and then accepting waits too.
    private readonly Channel<ConnectionContext> _waiting = Channel.CreateBounded<ConnectionContext>(
        new BoundedChannelOptions(512) { SingleReader = true }
    );

    EndPoint IConnectionListener.EndPoint => this;

    /// <summary>Gives a connection. False when the server behind takes no more.</summary>
    public async ValueTask<bool> OfferAsync(ConnectionContext connection)
    {
        try
        {
            await _waiting.Writer.WriteAsync(connection).ConfigureAwait(false);
            return true;
        }
        catch (ChannelClosedException)
        {
            return false;
        }
    }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _waiting.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_waiting.Reader.TryRead(out var connection))
            {
                return connection;
            }
        }

        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _waiting.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => UnbindAsync();

    public override string ToString() => name;
}

/// <summary>Makes Kestrel take its connections from <see cref="Handoff"/>s.</summary>
internal sealed class HandoffFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is Handoff;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new((Handoff)endpoint);
}
