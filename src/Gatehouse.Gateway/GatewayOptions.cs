using System.Collections.Immutable;
using System.Net;
using System.Net.Security;
using Gatehouse.Gateway.Policies;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;

namespace Gatehouse.Gateway;

/// <summary>What an engine needs to know besides its table.</summary>
public sealed record GatewayOptions
{
    /// <summary>This node's name, for logs and <c>X-Forwarded-Server</c>.</summary>
    public required string Node { get; init; }

    /// <summary>Peers whose <c>X-Forwarded-*</c> headers are believed, besides the data hop.</summary>
    public ImmutableArray<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>Most connections to one backend address; further requests wait for one, within the response timeout.</summary>
    public int ConnectionsPerBackend { get; init; } = 1024;

    /// <summary>Most requests at once; <see cref="GatewayEngine.Bound"/> changes it while the node runs.</summary>
    public int Requests { get; init; } = 20_000;

    /// <summary>How long the other sides of a request may be silent.</summary>
    public TrafficTimeouts Timeouts { get; init; } = new();

    /// <summary>
    /// When a trace grant ends, null for one that no manager of this cluster signed. Null where nobody is asked: on a
    /// balancer, which passes the caller's headers on.
    /// </summary>
    public Func<string, DateTimeOffset?>? VerifyTraceGrant { get; init; }

    /// <summary>Opens the secrets that come in entities; null when this node can open none.</summary>
    public SecretSeal? Secrets { get; init; }

    /// <summary>The RSA key that backend JWTs are signed with, PKCS#8; null when this node has none.</summary>
    public byte[]? AssertionKey { get; init; }

    /// <summary>The epoch that the table holds everything up to, told to callers with a trace grant.</summary>
    public Func<long> AppliedEpoch { get; init; } = static () => 0;

    /// <summary>
    /// True to reach every backend through the runtime's HTTP client. The gateway's own client for plain HTTP backends costs
    /// about a third of it; this is the way back, and what the two are compared by.
    /// </summary>
    public bool RuntimeClientOnly { get; init; }

    /// <summary>TLS settings towards backends; null for the system's trust and no client certificate.</summary>
    public SslClientAuthenticationOptions? BackendTls { get; init; }

    /// <summary>TLS settings towards a manager's console and key manager; null where no request goes on to one.</summary>
    public Func<Model.Node, SslClientAuthenticationOptions>? ManagerTls { get; init; }

    /// <summary>
    /// True when the process runs with <c>DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS=1</c>: connections then run on the
    /// threads that poll their sockets, which spares two thread hops a request.
    /// </summary>
    public bool RunsInline { get; init; }

    /// <summary>The loops that callers' connections live on; null for stock sockets. Whoever started them stops them.</summary>
    public LoopGroup? Loops { get; init; }

    /// <summary>Most counters that limits keep; about 1 KiB each when in use.</summary>
    public int LimitCounters { get; init; } = 65_536;

    /// <summary>Which headers tell a caller what is left of its limit.</summary>
    public RateLimitHeaderForm RateLimitHeaders { get; init; }

    /// <summary>Where a line per request goes; null for nowhere.</summary>
    public AccessLog? AccessLog { get; init; }

    /// <summary>Where a line per failed request goes; null for nowhere.</summary>
    public AccessLog? ErrorLog { get; init; }

    /// <summary>Where every request to an API is told of; null for nowhere.</summary>
    public EventQueue? Events { get; init; }

    /// <summary>The plug-ins that its APIs may use.</summary>
    public PluginSet Plugins { get; init; } = PluginSet.None;

    /// <summary>What policies count.</summary>
    internal PolicyCounters PolicyCounters { get; } = new();
}
