using Gatehouse.Gateway.Accounting;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>Everything an engine serves at one moment. Immutable: a request that began with it ends with it.</summary>
internal abstract class TableSnapshot
{
    /// <summary>Finds the request's route and notes it, with what the policies need, in the exchange; or says why there is none.</summary>
    public abstract GatewayProblem? Route(Exchange exchange);

    /// <summary>Writes the counters of everything in the table.</summary>
    public abstract void WriteMetrics(PrometheusText text);
}

/// <summary>Holds the snapshot that new requests begin with.</summary>
internal interface IRequestTable
{
    TableSnapshot Current { get; }
}
