using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Internal;

/// <summary>
/// Port 7443. Kestrel from its own service provider; the handshake decides who and what for, then every request passes
/// <see cref="InternalPaths"/> and goes to the pipeline of its purpose.
/// </summary>
public sealed partial class InternalServer : IAsyncDisposable
{
    private static readonly TimeSpan s_streamGrace = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_retirementGrace = TimeSpan.FromSeconds(1);

    private readonly InternalServerOptions _options;
    private readonly NodeIdentity _identity;
    private readonly PeerVerification _verification;
    private readonly DenyList _denied;
    private readonly ILogger _logger;
    private readonly WebApplication _host;
    private readonly IServer _server;
    private readonly InternalDispatch _dispatch;
    private readonly ConcurrentDictionary<ConnectionContext, InternalConnection> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;
    private int _anonymous;

    /// <summary>Builds the server; nothing listens before <see cref="StartAsync"/>.</summary>
    /// <param name="options">Where and within which bounds.</param>
    /// <param name="identity">This node.</param>
    /// <param name="verification">The judge of peers.</param>
    /// <param name="denied">The list whose growth cuts connections that are open.</param>
    /// <param name="loggers">The node's log.</param>
    /// <param name="services">What the control endpoints need; gRPC and routing are there.</param>
    /// <param name="endpoints">The control endpoints this node serves. Each needs its row in <see cref="InternalPaths"/>.</param>
    /// <param name="apis">Answers API traffic from balancers; null when this node serves none.</param>
    /// <param name="management">Answers management traffic from balancers; null when this node serves none.</param>
    public InternalServer(
        InternalServerOptions options,
        NodeIdentity identity,
        PeerVerification verification,
        DenyList denied,
        ILoggerFactory loggers,
        Action<IServiceCollection> services,
        Action<IEndpointRouteBuilder> endpoints,
        Func<IFeatureCollection, Task>? apis = null,
        Func<IFeatureCollection, Task>? management = null
    )
    {
        _options = options;
        _identity = identity;
        _verification = verification;
        _denied = denied;
        _logger = loggers.CreateLogger<InternalServer>();

        // An empty builder reads no configuration and no environment: this port listens where it is told and nowhere else.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        builder.Services.AddSingleton(loggers);
        builder.Services.AddRouting();
        builder.Services.AddGrpc();
        services(builder.Services);
        _host = builder.Build();
        IApplicationBuilder control = _host;
        control.UseRouting().UseEndpoints(endpoints);
        _server = _host.Services.GetRequiredService<IServer>();
        _dispatch = new(
            options,
            identity.Profile,
            verification,
            control.Build(),
            _host.Services.GetRequiredService<IHttpContextFactory>(),
            apis,
            management,
            _logger,
            _stopping.Token
        );
    }

    /// <summary>The port it listens on, once started.</summary>
    public int Port { get; private set; }

    /// <summary>How many connections are open.</summary>
    public int Connections => _connections.Count;

    /// <summary>Begins to listen. Throws <see cref="IOException"/> that names address and port when it cannot.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        try
        {
            await _server.StartAsync(_dispatch, cancellation);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            throw new IOException(
                $"Cannot listen on {_options.Address?.ToString() ?? "*"}:{_options.Port}, the port for traffic between nodes: "
                    + $"{(e.InnerException ?? e).Message}. Stop what uses it, or move this node with --port-offset.",
                e
            );
        }

        var address = _server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();
        Port = BindingAddress.Parse(address).Port;
        _watching = Task.WhenAll(CutDeniedAsync(_stopping.Token), EndRetiredAsync(_stopping.Token));
        LogListening(_options.Address?.ToString() ?? "*", Port, _identity.Node, _identity.Profile.Name());
    }

    /// <summary>
    /// Takes no new connections, lets requests finish until <paramref name="cancellation"/>, then cuts what is left. Streams of
    /// the feed are ended at once: their readers go to another manager.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        _stopping.CancelAfter(s_streamGrace);
        await _server.StopAsync(cancellation);
        await _stopping.CancelAsync();
        await _watching;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        await _host.DisposeAsync();
        _stopping.Dispose();
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;

        // The balancer passes its caller's scheme on; nothing is decided by it here.
        kestrel.AllowAlternateSchemes = true;
        var limits = kestrel.Limits;
        limits.MaxConcurrentConnections = _options.MaxConnections;
        limits.MaxConcurrentUpgradedConnections = _options.MaxConnections;

        // Twice what a balancer takes in by default: it adds headers of its own.
        limits.MaxRequestLineSize = 16 << 10;
        limits.MaxRequestHeadersTotalSize = 64 << 10;
        limits.MaxRequestHeaderCount = 200;
        limits.Http2.MaxRequestHeaderFieldSize = 32 << 10;

        // Per purpose and operation: InternalDispatch for control, the gateway for API traffic. Quiet streams must live.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.Http2.MaxStreamsPerConnection = 1000;
        limits.Http2.InitialConnectionWindowSize = 4 << 20;
        limits.Http2.InitialStreamWindowSize = 1 << 20;

        // A peer that froze or was cut off is noticed though its stream is quiet.
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);

        if (_options.Address is { } address)
        {
            kestrel.Listen(address, _options.Port, Secure);
        }
        else
        {
            kestrel.ListenAnyIP(_options.Port, Secure);
        }
    }

    private void Secure(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        listen.UseHttps(
            new TlsHandshakeCallbackOptions
            {
                HandshakeTimeout = _options.HandshakeTimeout,
                OnConnection = context => ValueTask.FromResult(Handshake(context)),
            }
        );
        listen.Use(next => connection => AdmitAsync(connection, next));
    }

    // 1. The server name decides the purpose; a purpose that this node does not serve gets no handshake.
    // 2. The certificate is judged for that purpose. It may be absent for control only, so that Join works.
    private SslServerAuthenticationOptions Handshake(TlsHandshakeCallbackContext context)
    {
        var remote = (context.Connection.RemoteEndPoint as IPEndPoint)?.Address.ToString() ?? "unknown address";
        var name = context.ClientHelloInfo.ServerName;
        if (!InternalPurposes.TryParse(name, out var purpose) || !InternalPaths.Serves(_identity.Profile, purpose))
        {
            LogWrongPurpose(remote, Printable(name), _identity.Profile.Name());
            throw new AuthenticationException("Unknown server name.");
        }

        var connection = new InternalConnection(purpose);
        context.Connection.Features.Set(connection);
        return new()
        {
            ServerCertificateContext = _identity.Certificate.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateRequired = true,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            CertificateChainPolicy = _verification.ChainPolicy(),
            AllowRenegotiation = false,

            // A resumed session would skip the judgement below: every connection is judged.
            AllowTlsResume = false,
            RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                Judge(connection, certificate as X509Certificate2, remote),
        };
    }

    private bool Judge(InternalConnection connection, X509Certificate2? certificate, string remote)
    {
        if (certificate is null)
        {
            if (connection.Purpose == InternalPurpose.Control && InternalPaths.AdmitsAnonymous(_identity.Profile))
            {
                return true;
            }

            LogNoCertificate(remote, connection.Purpose.ServerName());
            return false;
        }

        var verdict = _verification.Verify(certificate, connection.Purpose);
        if (verdict.Refusal is { } reason)
        {
            LogRefusedPeer(remote, connection.Purpose.ServerName(), reason);
            return false;
        }

        connection.Peer = verdict.Peer;
        connection.Authority =
            certificate.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier
            ?? ReadOnlyMemory<byte>.Empty;
        return true;
    }

    private async Task AdmitAsync(ConnectionContext context, ConnectionDelegate next)
    {
        var connection = context.Features.GetRequiredFeature<InternalConnection>();
        _connections[context] = connection;
        try
        {
            if (connection.Peer is not null)
            {
                // Denied or retired between the handshake and the line above, before the watchers could see it.
                connection.Ends = IsRetired(connection, _identity.Authorities);
                if (_verification.Recheck(connection.Peer) is null)
                {
                    await next(context);
                }

                return;
            }

            if (Interlocked.Increment(ref _anonymous) <= _options.MaxAnonymousConnections)
            {
                using var life = new CancellationTokenSource(_options.AnonymousLifetime);
                await using var cut = life.Token.Register(() =>
                    context.Abort(new("A connection without a certificate lives only shortly."))
                );
                await next(context);
            }
            else
            {
                LogTooManyAnonymous(_options.MaxAnonymousConnections);
            }
        }
        finally
        {
            if (connection.Peer is null)
            {
                Interlocked.Decrement(ref _anonymous);
            }

            _connections.TryRemove(context, out _);
        }
    }

    // An evicted node loses what it has open, its feed above all, not only its next handshake.
    private async Task CutDeniedAsync(CancellationToken cancellation)
    {
        try
        {
            await foreach (var _ in _denied.FollowAsync(cancellation))
            {
                foreach (var (context, connection) in _connections)
                {
                    if (connection.Peer is { } peer && _verification.Recheck(peer) is { } reason)
                    {
                        LogCut(peer.Node, peer.Profile.Name(), reason);
                        context.Abort(new("The peer's certificate was taken out of service."));
                    }
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested) { }
    }

    // A rotation took an authority out: its certificates open nothing, and what they opened before ends too. API traffic ends
    // with its next answer. A stream of the feed has none: after a moment for calls that are under way it is cut, and taken up
    // again by its reader with the certificate that it has by now.
    private async Task EndRetiredAsync(CancellationToken cancellation)
    {
        try
        {
            await foreach (var authorities in _identity.FollowAuthoritiesAsync(cancellation))
            {
                var retired = _connections.Where(c => IsRetired(c.Value, authorities)).ToList();
                foreach (var (context, connection) in retired)
                {
                    connection.Ends = true;
                    if (connection.Purpose == InternalPurpose.Control)
                    {
                        context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
                    }
                }

                if (retired.Count == 0)
                {
                    continue;
                }

                LogRetired(retired.Count);
                await Task.Delay(s_retirementGrace, TimeProvider.System, cancellation);
                foreach (var (context, connection) in retired)
                {
                    if (connection.Purpose == InternalPurpose.Control && _connections.ContainsKey(context))
                    {
                        context.Abort(new("The authority that issued the peer's certificate was retired."));
                    }
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested) { }
    }

    private static bool IsRetired(InternalConnection connection, X509Certificate2Collection authorities) =>
        !connection.Authority.IsEmpty
        && !authorities
            .SelectMany(a => a.Extensions.OfType<X509SubjectKeyIdentifierExtension>())
            .Any(key => key.SubjectKeyIdentifierBytes.Span.SequenceEqual(connection.Authority.Span));

    private static string Printable(string? text) =>
        string.IsNullOrEmpty(text) ? "(none)" : new([.. text.Take(64).Select(c => c is > ' ' and <= '~' ? c : '?')]);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Listening for other nodes on {Address}:{Port} as {Node} ({Profile})"
    )]
    private partial void LogListening(string address, int port, string node, string profile);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Refused a connection from {Remote}: it asks for '{ServerName}', which the profile {Profile} does not answer on this port. "
            + "It is for Gatehouse nodes only"
    )]
    private partial void LogWrongPurpose(string remote, string serverName, string profile);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Refused a connection from {Remote} to {ServerName}: it showed no certificate; only nodes of this cluster may connect"
    )]
    private partial void LogNoCertificate(string remote, string serverName);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused a connection from {Remote} to {ServerName}: {Reason}")]
    private partial void LogRefusedPeer(string remote, string serverName, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Refused a connection without a certificate: {Max} are open already. If no nodes are joining, somebody is "
            + "trying this port"
    )]
    private partial void LogTooManyAnonymous(int max);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Count} open connection(s) were made with certificates of an authority that is believed no more: they end and are made anew"
    )]
    private partial void LogRetired(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cut the open connection of {Node} ({Profile}): {Reason}")]
    private partial void LogCut(string node, string profile, string reason);
}
