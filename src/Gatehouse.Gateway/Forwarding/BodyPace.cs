using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// How slowly a caller may send a body. Only the time counts in which the gateway waits for it: a slow backend is not the
/// caller's fault. What it may still take is what its bytes have earned at the least rate, and a grace to begin with.
/// </summary>
internal sealed class BodyPace
{
    private long _rate;
    private long _grace;
    private long _waited;
    private long _since;

    /// <summary>Begins with a request.</summary>
    public void Begin() => _rate = -1;

    /// <summary>
    /// How long to wait for the next piece, when so many bytes of the body have come; at most <paramref name="silence"/>.
    /// Zero when there is no time left: the caller has been too slow.
    /// </summary>
    public TimeSpan Next(Exchange exchange, TimeSpan silence, long received)
    {
        if (_rate < 0)
        {
            _rate = RateOf(exchange);
            _grace = (long)exchange.Timeouts.BodyGrace.TotalMilliseconds;
            _waited = 0;
        }

        if (_rate == 0)
        {
            return silence;
        }

        _since = Environment.TickCount64;
        var left = _grace + (received * 1000 / _rate) - _waited;
        return left < silence.TotalMilliseconds ? TimeSpan.FromMilliseconds(Math.Max(0, left)) : silence;
    }

    /// <summary>
    /// The piece has come. False when it came at the very moment at which the time was over: what follows would be taken for
    /// the backend's fault.
    /// </summary>
    public bool Came(Deadline deadline)
    {
        if (_rate > 0)
        {
            _waited += Environment.TickCount64 - _since;
        }

        return !deadline.RanOut;
    }

    // A body without a length may be a stream that is quiet by nature; gRPC's always are.
    private static long RateOf(Exchange exchange) =>
        exchange.Request.Headers.ContentLength is not null ? exchange.Timeouts.BodyRate
        : exchange
            .Request.Headers.ContentType.ToString()
            .StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)
            ? 0
        : exchange.Timeouts.StreamRate;
}
