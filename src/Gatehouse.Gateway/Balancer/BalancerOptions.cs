using System.Net.Security;
using Gatehouse.Model;

namespace Gatehouse.Gateway;

/// <summary>What a balancer needs to know besides its table.</summary>
public sealed record BalancerOptions
{
    /// <summary>TLS settings, server name and client certificate included, for a data hop to a node. Asked once per connection.</summary>
    public required Func<Node, DataHop, SslClientAuthenticationOptions> Tls { get; init; }

    /// <summary>Keys the sticky cookies. Balancers that share it honour each other's cookies; at least 32 bytes.</summary>
    public required ReadOnlyMemory<byte> StickyKey { get; init; }

    /// <summary>Name of the cookie that pins a caller of APIs to a worker; null for none.</summary>
    public string? ApiStickyCookie { get; init; }

    /// <summary>Whose workers get the calls on hosts that no environment names.</summary>
    public IReadOnlyList<string> Environments { get; init; } = [GatewayEnvironment.Default];

    /// <summary>What the operator asks; <see cref="BalancerTable.Apply"/> changes it while the node runs.</summary>
    public BalancingRules Rules { get; init; } = BalancingRules.None;

    /// <summary>Longest wait for a connection to a node.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Access log of the management host; the gateway host's is <see cref="GatewayOptions.AccessLog"/>.</summary>
    public AccessLog? ManagementAccessLog { get; init; }

    /// <summary>Error log of the management host; the gateway host's is <see cref="GatewayOptions.ErrorLog"/>.</summary>
    public AccessLog? ManagementErrorLog { get; init; }
}

/// <summary>What a data hop carries.</summary>
public enum DataHop
{
    /// <summary>API traffic, to a worker (<c>apis.gatehouse.internal</c>).</summary>
    Apis,

    /// <summary>Management traffic, to a manager (<c>management.gatehouse.internal</c>).</summary>
    Management,
}
