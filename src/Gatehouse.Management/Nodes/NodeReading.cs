using Gatehouse.Deployment.Wire;

namespace Gatehouse.Management;

/// <summary>What one node said last, and when it was heard of.</summary>
/// <param name="Node">Its name.</param>
/// <param name="SerialNumber">Of the certificate it came with.</param>
/// <param name="Report">Its newest report; null when it connected and has not reported.</param>
/// <param name="ReportedAt">When that came.</param>
/// <param name="SeenAt">When it was last heard of.</param>
public sealed record NodeReading(
    string Node,
    string SerialNumber,
    NodeReport? Report,
    DateTimeOffset ReportedAt,
    DateTimeOffset SeenAt
)
{
    /// <summary><see cref="SeenAt"/> on the clock that nobody sets; decides whether the node is lost.</summary>
    internal long HeardAt { get; init; }

    /// <summary>What it served lately; null when it does not say.</summary>
    internal TrafficWindow? Traffic { get; init; }

    /// <summary>Another manager heard it; what it says comes here by way of the catalogue, and so later.</summary>
    internal bool Elsewhere { get; init; }

    /// <summary>What it held of another catalogue before it read everything again; null when that never happened.</summary>
    public NodeReset? Reset { get; init; }
}

/// <summary>A node held a state that this catalogue does not know.</summary>
/// <param name="At">When it was noticed.</param>
/// <param name="Held">The cursor it came with.</param>
public sealed record NodeReset(DateTimeOffset At, string Held);
