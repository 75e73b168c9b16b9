using System.Net.Security;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>What an upstream is told once.</summary>
internal sealed record UpstreamSettings
{
    public required TimeSpan ConnectTimeout { get; init; }
    public required int ConnectionsPerTarget { get; init; }

    /// <summary>How long the other sides may be silent.</summary>
    public required TrafficTimeouts Timeouts { get; init; }

    /// <summary>TLS towards backends; null for the system's trust.</summary>
    public SslClientAuthenticationOptions? BackendTls { get; init; }

    /// <summary>TLS towards nodes; null when targets are backends.</summary>
    public Func<Node, SslClientAuthenticationOptions>? NodeTls { get; init; }

    /// <summary>True to reach plain backends through the runtime's client as well: what our own client is compared with.</summary>
    public bool RuntimeClientOnly { get; init; }

    /// <summary>Asked while a stream is open: is its caller still let in by the newest table?</summary>
    public required Func<Exchange, bool> StillAdmitted { get; init; }
}
