using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Deployment.Trust;
using Grpc.Net.Client;

namespace Gatehouse.Deployment.Internal;

/// <summary>
/// Connections to other nodes' port 7443, with this node's certificate of the moment, verified by the same judge as on the
/// server's side.
/// </summary>
/// <param name="identity">This node; null for a joiner, which has no certificate yet.</param>
/// <param name="verification">The judge of peers.</param>
public sealed class InternalChannel(NodeIdentity? identity, PeerVerification verification)
{
    // So that new requests move to a connection made with the present certificate; streams that run are not cut.
    private static readonly TimeSpan s_connectionLife = TimeSpan.FromHours(12);

    /// <summary>How long a connection of control, handshake included, may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A gRPC channel for <see cref="InternalPurpose.Control"/> to one node. The caller disposes it.</summary>
    public GrpcChannel CreateGrpc(string host, int port, PeerExpectation expectation) =>
        GrpcChannel.ForAddress(
            new Uri($"https://{InternalPurpose.Control.ServerName()}:{port}"),
            new()
            {
                HttpHandler = CreateHandler(host, port, expectation),
                DisposeHttpClient = true,
                MaxReceiveMessageSize = 8 << 20,
            }
        );

    /// <summary>
    /// An HTTP handler for <see cref="InternalPurpose.Control"/> that reaches this one node whatever the request's URI; for
    /// readiness probes. Requests go to <c>https://control.gatehouse.internal/…</c>.
    /// </summary>
    public SocketsHttpHandler CreateHandler(string host, int port, PeerExpectation expectation)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = ConnectTimeout,
            ConnectCallback = async (_, cancellation) => await DialAsync(host, port, cancellation),
            SslOptions = ClientOptions(InternalPurpose.Control, expectation),
            PooledConnectionLifetime = s_connectionLife,
            KeepAlivePingDelay = TimeSpan.FromSeconds(5),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(3),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            InitialHttp2StreamWindowSize = 1 << 20,

            // Between nodes: the machine's proxy settings, cookies and redirects are none of its business.
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
        };
        return handler;
    }

    /// <summary>
    /// A verified TLS connection for <paramref name="purpose"/>; the stream's <see cref="SslStream.NegotiatedApplicationProtocol"/>
    /// says what was agreed. For the balancer's hop: its requests carry their caller's host name, so the TLS name cannot come
    /// from them. Throws <see cref="PeerRefusedException"/>, <see cref="SocketException"/>, <see cref="IOException"/> or
    /// <see cref="AuthenticationException"/>. Bounded by <paramref name="cancellation"/> alone.
    /// </summary>
    public async ValueTask<SslStream> ConnectAsync(
        InternalPurpose purpose,
        string host,
        int port,
        PeerExpectation expectation,
        SslApplicationProtocol protocol,
        CancellationToken cancellation
    )
    {
        var stream = new SslStream(await DialAsync(host, port, cancellation));
        try
        {
            var options = ClientOptions(purpose, expectation);
            options.ApplicationProtocols = [protocol];
            if (identity is not null)
            {
                // Prepared once per certificate; the callback would have its chain built anew for each handshake.
                options.LocalCertificateSelectionCallback = null;
                options.ClientCertificateContext = identity.Certificate.Context;
            }

            await stream.AuthenticateAsClientAsync(options, cancellation);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>TLS options for one handshake with <paramref name="purpose"/> of the expected node.</summary>
    public SslClientAuthenticationOptions ClientOptions(InternalPurpose purpose, PeerExpectation expectation) =>
        new()
        {
            TargetHost = purpose.ServerName(),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            LocalCertificateSelectionCallback = identity is null
                ? null
                : (_, _, _, _, _) => identity.Certificate.Certificate,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            CertificateChainPolicy = verification.ChainPolicy(),

            // A resumed session would show an older certificate of ours.
            AllowTlsResume = false,
            AllowRenegotiation = false,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => Judge(certificate, purpose, expectation),
        };

    // Throws, because the framework's own message would not say why.
    private bool Judge(X509Certificate? certificate, InternalPurpose purpose, PeerExpectation expectation)
    {
        if (certificate is not X509Certificate2 presented)
        {
            throw new PeerRefusedException("the other end showed no certificate");
        }

        var verdict = verification.Verify(presented, purpose);
        var reason = verdict.Refusal ?? expectation.Mismatch(verdict.Peer!);
        return reason is null ? true : throw new PeerRefusedException(reason);
    }

    private static async ValueTask<NetworkStream> DialAsync(string host, int port, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (IPAddress.TryParse(host, out var address))
            {
                await socket.ConnectAsync(new IPEndPoint(address, port), cancellation);
            }
            else
            {
                await socket.ConnectAsync(new DnsEndPoint(host, port), cancellation);
            }

            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
