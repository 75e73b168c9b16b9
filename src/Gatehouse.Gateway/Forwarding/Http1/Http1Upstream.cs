using System.Runtime.CompilerServices;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Transport;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// A backend reached over plain HTTP/1.1 by a client of our own: it copies bytes where the runtime's client makes objects.
/// What leaves HTTP/1.1 (WebSocket, gRPC) goes the way of <paramref name="others"/>.
/// </summary>
internal sealed class Http1Upstream(ConnectionPool pool, IUpstream others, TrafficTimeouts timeouts) : IUpstream
{
    public ValueTask<ForwardingOutcome> SendAsync(Exchange exchange, Target target) =>
        HttpUpstream.IsGrpc(exchange) || UpgradeRequest.Of(exchange) is not null
            ? others.SendAsync(exchange, target)
            : SendOverAsync(exchange, target);

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<ForwardingOutcome> SendOverAsync(Exchange exchange, Target target)
    {
        var deadline = exchange.Deadline;
        deadline.Begin(exchange.Lifetime.RequestAborted);
        deadline.WaitForTarget(target.Silence);
        try
        {
            if (pool.TryTake() is { } used)
            {
                var outcome = await used.ConverseAsync(exchange, target, timeouts).ConfigureAwait(false);
                if (!EndedIdle(outcome, exchange, used))
                {
                    return outcome;
                }
            }

            var (connection, failure) = await pool.ConnectAsync(deadline.Token).ConfigureAwait(false);
            return connection is not null
                    ? await connection.ConverseAsync(exchange, target, timeouts).ConfigureAwait(false)
                : exchange.CallerGone ? ForwardingOutcome.CallerGone
                : failure;
        }
        finally
        {
            deadline.End();
        }
    }

    /// <summary>
    /// True when the backend closed the connection for idleness at the very moment it was used, as far as can be told, and
    /// the request may be sent again (RFC 9110 §9.2.2), once, on a connection that was never idle.
    /// </summary>
    private static bool EndedIdle(ForwardingOutcome outcome, Exchange exchange, BackendConnection used) =>
        outcome == ForwardingOutcome.ConnectionClosed
        && used is { HeardNothing: true, TookBody: false }
        && Forwarder.IsIdempotent(exchange.OutgoingMethod);
}
