using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// The way to a target. One call is one attempt: send the exchange's request, stream the answer to the caller. Whoever
/// implements it owns connections, wire format and copying; choosing a target, trying another and telling the caller about
/// failure stay with <see cref="Forwarder"/>.
/// </summary>
internal interface IUpstream
{
    /// <summary>Does not throw for what callers and backends do. Unless the answer has begun, the caller has been sent nothing.</summary>
    ValueTask<ForwardingOutcome> SendAsync(Exchange exchange, Target target);
}
