using System.Collections.Immutable;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Policies;

/// <summary>Lets in only the transport that the API names.</summary>
internal sealed class TransportPolicy : IPolicy
{
    private readonly bool _https;

    private TransportPolicy(bool https) => _https = https;

    /// <summary>Null when the API takes both.</summary>
    public static TransportPolicy? For(ImmutableArray<string> transports) =>
        (transports.Contains("http"), transports.Contains("https")) switch
        {
            (true, true) => null,
            (_, var https) => new(https),
        };

    public GatewayProblem? Apply(Exchange exchange) =>
        exchange.Caller.IsHttps == _https ? null : GatewayProblem.UnsupportedTransport;
}
