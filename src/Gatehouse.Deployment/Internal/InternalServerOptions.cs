using System.Net;

namespace Gatehouse.Deployment.Internal;

/// <summary>Where and within which bounds the internal server listens.</summary>
public sealed record InternalServerOptions
{
    /// <summary>The address to bind; null for every one.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The port; 0 for a free one, for tests.</summary>
    public int Port { get; init; } = 7443;

    /// <summary>How long a TLS handshake may take.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How many connections without a certificate may be open at once: joiners, and whoever scans ports.</summary>
    public int MaxAnonymousConnections { get; init; } = 32;

    /// <summary>How long a connection without a certificate may live.</summary>
    public TimeSpan AnonymousLifetime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The largest request body under <see cref="InternalPurpose.Control"/>.</summary>
    public long MaxControlBody { get; init; } = 8 << 20;

    /// <summary>The largest body without a certificate: a join request is about 1 KiB.</summary>
    public long MaxAnonymousBody { get; init; } = 64 << 10;

    /// <summary>Most connections with a certificate.</summary>
    public long MaxConnections { get; init; } = 20_000;
}
