namespace Gatehouse.Gateway.Pipeline;

/// <summary>
/// One thing that an operation asks of a request before it is forwarded. Compiled when the API is applied, shared by all
/// requests, so it keeps no state of a request and takes no lock. It does not wait: no policy asks the network.
/// </summary>
internal interface IPolicy
{
    /// <summary>Lets the request pass (null), or says why not.</summary>
    GatewayProblem? Apply(Exchange exchange);
}
