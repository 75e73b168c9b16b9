using Gatehouse.Deployment.Wire;

namespace Gatehouse.Management;

/// <summary>How the durations of a row of usage are spread: of whole requests, and what of them backends and gateways took.</summary>
internal sealed class UsageLatencies
{
    public LatencySketch Whole { get; } = new();

    /// <summary>Only of requests that reached a backend: one that was turned away says nothing of it.</summary>
    public LatencySketch Backend { get; } = new();

    public LatencySketch Gateway { get; } = new();

    public void Count(Event told)
    {
        var (all, backend) = (Math.Max(0, told.Micros), Math.Max(0, told.BackendMicros));
        Whole.Add(all);
        Gateway.Add(Math.Max(0, all - backend));
        if (backend > 0)
        {
            Backend.Add(backend);
        }
    }

    /// <summary>Counts what a row holds.</summary>
    public void Merge(UsageFigures row)
    {
        Whole.Merge(LatencySketch.FromBytes(row.Latencies));
        Backend.Merge(LatencySketch.FromBytes(row.BackendLatencies));
        Gateway.Merge(LatencySketch.FromBytes(row.GatewayLatencies));
    }

    public void WriteTo(UsageFigures row)
    {
        row.Latencies = Whole.ToBytes();
        row.BackendLatencies = Backend.ToBytes();
        row.GatewayLatencies = Gateway.ToBytes();
    }
}
