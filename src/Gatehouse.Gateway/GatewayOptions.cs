using System.Collections.Immutable;
using System.Net;
using System.Net.Security;

namespace Gatehouse.Gateway;

/// <summary>What an engine needs to know besides its table.</summary>
public sealed record GatewayOptions
{
    /// <summary>This node's name, for logs and <c>X-Forwarded-Server</c>.</summary>
    public required string Node { get; init; }

    /// <summary>Peers whose <c>X-Forwarded-*</c> headers are believed, besides the data hop.</summary>
    public ImmutableArray<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>Most connections to one backend address; further requests wait for one, within their connect timeout.</summary>
    public int ConnectionsPerBackend { get; init; } = 1024;

    /// <summary>How long a WebSocket may be silent in both directions.</summary>
    public TimeSpan TunnelIdleTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>TLS settings towards a backend host; null for the system's trust and no client certificate.</summary>
    public Func<string, SslClientAuthenticationOptions>? BackendTls { get; init; }

    /// <summary>Where a line per request goes; null for nowhere.</summary>
    public AccessLog? AccessLog { get; init; }

    /// <summary>Where a line per failed request goes; null for nowhere.</summary>
    public AccessLog? ErrorLog { get; init; }
}
