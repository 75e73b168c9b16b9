using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Balancing;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>Everything an engine serves at one moment. Immutable: a request that began with it ends with it.</summary>
internal abstract class TableSnapshot
{
    /// <summary>Finds the request's route and notes it, with what the policies need, in the exchange; or says why there is none.</summary>
    public abstract GatewayProblem? Route(Exchange exchange);

    /// <summary>What counts the requests that a route took.</summary>
    public abstract IEnumerable<RequestMeter> Meters { get; }

    /// <summary>Everywhere that requests go to, by the name it is shown under: several APIs may name the same backend.</summary>
    public abstract IEnumerable<(string Name, Target Target)> Destinations { get; }

    /// <summary>Writes the counters of everything in the table.</summary>
    public abstract void WriteMetrics(PrometheusText text);
}

/// <summary>Holds the snapshot that new requests begin with.</summary>
internal interface IRequestTable
{
    TableSnapshot Current { get; }
}
