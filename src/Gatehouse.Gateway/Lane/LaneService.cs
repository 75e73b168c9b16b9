using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Strictness;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Gatehouse.Gateway.Lane;

/// <summary>
/// The short way through a listener on loops: HTTP/1.1 requests without a body are read, served and answered here, which is
/// most of all traffic. Whatever else comes (a body, an upgrade, HTTP/1.0, <c>Connection: close</c>, a head in pieces, anything
/// the strictness guard refuses) goes on, untouched, to the guard and the server behind it, with all that follows on
/// its connection.
/// </summary>
internal sealed class LaneService : IAsyncDisposable
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private readonly LaneEntry _entry;
    private readonly StrictnessLimits _limits;
    private readonly HashSet<LaneConnection> _open = [];
    private readonly Timer _idle;
    private readonly long _keepAlive;

    public LaneService(LaneEntry entry, StrictnessLimits limits, TimeSpan keepAlive)
    {
        _entry = entry;
        _limits = limits;
        _keepAlive = (long)keepAlive.TotalMilliseconds;
        _idle = new(static self => ((LaneService)self!).EndIdle(), this, s_look, s_look);
    }

    /// <summary>More bytes than any head has that the guard lets pass.</summary>
    public int LongestHead => _limits.RequestLine + _limits.Fields + 8;

    /// <summary>Stands after TLS and before the guard.</summary>
    public ConnectionDelegate Middleware(ConnectionDelegate next) =>
        connection =>
            connection.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol.Span.SequenceEqual("h2"u8)
            == true
                ? next(connection)
                : ServeAsync(connection, next);

    public Exchange Create() => _entry.Create();

    public ValueTask<ForwardingOutcome> Run(Exchange exchange, IFeatureCollection features) =>
        _entry.Run(exchange, features);

    public ValueTask DisposeAsync() => _idle.DisposeAsync();

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (await ServeAsync(connection).ConfigureAwait(false))
        {
            await next(connection).ConfigureAwait(false);
        }
    }

    private async Task<bool> ServeAsync(ConnectionContext connection)
    {
        var served = new LaneConnection(connection, this, new(_limits));
        lock (_open)
        {
            _open.Add(served);
        }

        var stopping = connection
            .Features.Get<IConnectionLifetimeNotificationFeature>()
            ?.ConnectionClosedRequested.UnsafeRegister(static c => ((LaneConnection)c!).Stop(), served);
        try
        {
            return await served.ServeAsync().ConfigureAwait(false);
        }
        finally
        {
            // Waits for a stop that is under way: it must not cancel a read of the server behind.
            stopping?.Dispose();
            lock (_open)
            {
                _open.Remove(served);
            }
        }
    }

    private void EndIdle()
    {
        var now = Environment.TickCount64;
        List<LaneConnection>? idle = null;
        lock (_open)
        {
            foreach (var one in _open)
            {
                var wait = one.Waits;
                if (wait <= 0)
                {
                    continue;
                }

                if (one.SeenWaiting.Wait != wait)
                {
                    one.SeenWaiting = (wait, now);
                }
                else if (now - one.SeenWaiting.Since >= _keepAlive)
                {
                    (idle ??= []).Add(one);
                }
            }
        }

        idle?.ForEach(one => one.Stop());
    }
}

/// <summary>Where the requests of a lane go.</summary>
/// <param name="Create">Makes what a connection's requests are held in.</param>
/// <param name="Run">Serves one; never throws.</param>
internal sealed record LaneEntry(
    Func<Exchange> Create,
    Func<Exchange, IFeatureCollection, ValueTask<ForwardingOutcome>> Run
);
