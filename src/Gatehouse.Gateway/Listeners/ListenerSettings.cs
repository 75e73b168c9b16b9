using System.Net;
using System.Net.Security;

namespace Gatehouse.Gateway;

/// <summary>One public port.</summary>
public sealed record ListenerSettings
{
    /// <summary>Its name in logs and <see cref="Model.Node.Ports"/>, such as <c>https</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Address and port; port 0 takes a free one.</summary>
    public required IPEndPoint EndPoint { get; init; }

    /// <summary>
    /// TLS settings by the server name the caller asked for; null for a plain port. Asked at every handshake, so a new
    /// certificate needs no new listener. Null from the callback refuses the handshake.
    /// </summary>
    public Func<string?, SslServerAuthenticationOptions?>? Tls { get; init; }

    /// <summary>What a caller may cost before it is known.</summary>
    public ListenerLimits Limits { get; init; } = new();
}

/// <summary>What a caller may cost before it is known.</summary>
public sealed record ListenerLimits
{
    /// <summary>Longest request line in bytes.</summary>
    public int RequestLine { get; init; } = 8 * 1024;

    /// <summary>Most headers.</summary>
    public int HeaderCount { get; init; } = 100;

    /// <summary>Most bytes of all headers together.</summary>
    public int HeadersSize { get; init; } = 32 * 1024;

    /// <summary>Longest time a request head may take to arrive.</summary>
    public TimeSpan HeadTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an idle connection is kept.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(130);

    /// <summary>Longest time a TLS handshake may take.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most open connections; null for no bound but the process's.</summary>
    public long? Connections { get; init; }
}
