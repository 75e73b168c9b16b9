using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Gatehouse.Gateway.Floods;
using Gatehouse.Gateway.Lane;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Listeners;

/// <summary>
/// Kestrel as a parser of HTTP and TLS and nothing more: no hosting pipeline, no configuration, no address. It serves the
/// connections of one listener with the settings it was made with; other settings take another front.
/// </summary>
internal sealed class HttpFront : IAsyncDisposable
{
    private readonly ListenerSettings _settings;
    private readonly ILoggerFactory _logs;
    private readonly LaneService? _lane;
    private readonly Handoff _connections;
    private readonly Handoff _http2;
    private readonly FloodGuard _floods;
    private readonly WebApplication _services;
    private readonly IServer _server;
    private readonly CancellationTokenSource _cut = new();
    private readonly Lock _stopping = new();
    private long _cutAt = long.MaxValue;

    private HttpFront(ListenerSettings settings, RequestEntry entry, ILoggerFactory logs)
    {
        _settings = settings;
        _logs = logs;
        _lane = entry.Lane is { } lane ? new(lane, Strictness, settings.Limits.KeepAlive) : null;
        StrictnessGuard.UseStrictLineEnds();
        _floods = new(logs.CreateLogger<FloodGuard>(), entry.Time);
        _connections = new(settings.Name);
        _http2 = new($"{settings.Name} (HTTP/2)");
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton<IConnectionListenerFactory, HandoffFactory>();
        _services = builder.Build();
        _server = _services.Services.GetRequiredService<IServer>();
    }

    public static async Task<HttpFront> StartAsync(
        ListenerSettings settings,
        RequestEntry entry,
        ILoggerFactory logs,
        CancellationToken cancellation
    )
    {
        var front = new HttpFront(settings, entry, logs);
        if (entry.Loops is not null)
        {
            KestrelScheduling.RunInline(front._server);
        }

        await entry.StartAsync(front._server, cancellation).ConfigureAwait(false);
        return front;
    }

    /// <summary>Gives a connection. False when this front takes no more.</summary>
    public ValueTask<bool> OfferAsync(ConnectionContext connection) => _connections.OfferAsync(connection);

    /// <summary>
    /// Takes no more connections, closes idle ones, waits for requests at most so long, then cuts them. A second call may
    /// shorten the time of the first.
    /// </summary>
    public async Task StopAsync(TimeSpan atMost)
    {
        var cutAt = Environment.TickCount64 + (long)atMost.TotalMilliseconds;
        lock (_stopping)
        {
            // As one: of two that stop it at once, the one with more patience must not set back the other's clock.
            if (cutAt < _cutAt)
            {
                _cutAt = cutAt;
                _cut.CancelAfter(atMost);
            }
        }

        await _server.StopAsync(_cut.Token).ConfigureAwait(false);
        _cut.CancelAfter(Timeout.InfiniteTimeSpan);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero).ConfigureAwait(false);
        await _services.DisposeAsync().ConfigureAwait(false);
        if (_lane is not null)
        {
            await _lane.DisposeAsync().ConfigureAwait(false);
        }
    }

    private StrictnessLimits Strictness =>
        new()
        {
            RequestLine = _settings.Limits.RequestLine,
            Fields = _settings.Limits.HeadersSize,
            FieldCount = _settings.Limits.HeaderCount,
        };

    private void Configure(KestrelServerOptions options)
    {
        options.AddServerHeader = false;

        // Latin-1 gives every byte of a header back as it came.
        options.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
        options.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;

        var limits = options.Limits;
        limits.MaxRequestLineSize = _settings.Limits.RequestLine;
        limits.MaxRequestHeaderCount = _settings.Limits.HeaderCount;
        limits.MaxRequestHeadersTotalSize = _settings.Limits.HeadersSize;
        limits.RequestHeadersTimeout = _settings.Limits.HeadTimeout;
        limits.KeepAliveTimeout = _settings.Limits.KeepAlive;
        limits.MaxConcurrentConnections = _settings.Limits.Connections;

        // Size and pace of bodies are an API's business: quiet gRPC streams and slow uploads must live.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;

        options.Listen(_connections, ConfigureConnections);
        if (_settings.Tls is null)
        {
            options.Listen(
                _http2,
                listen =>
                {
                    listen.Protocols = HttpProtocols.Http2;
                    listen.Use(next => _floods.Middleware(next, always: true));
                }
            );
        }
    }

    private void ConfigureConnections(ListenOptions listen)
    {
        listen.Use(OnItsLoop);
        var guard = new StrictnessGuard(Strictness, _logs.CreateLogger<StrictnessGuard>());
        if (_settings.Tls is { } tls)
        {
            listen.Protocols = HttpProtocols.Http1AndHttp2;
            listen.UseHttps(
                new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = _settings.Limits.HandshakeTimeout,
                    OnConnection = context => new(ServerTls(tls, context.ClientHelloInfo.ServerName)),
                }
            );
        }
        else
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => new Http2Sniffer(next, _http2, _settings.Limits).RunAsync);
        }

        if (_lane is not null)
        {
            listen.Use(_lane.Middleware);
        }

        // After TLS, before Kestrel: it reads the same bytes that Kestrel will.
        listen.Use(guard.Middleware);
        listen.Use(next => _floods.Middleware(next, always: false));
    }

    // The server begins a connection on the pool. Wherever nothing has to be waited for it would stay there: the first request
    // would run there, and its backend connection with it.
    private static ConnectionDelegate OnItsLoop(ConnectionDelegate next) =>
        async connection =>
        {
            if (connection is LoopConnection { Loop: var loop })
            {
                // Streams of HTTP/2 begin on the pool and come back by it.
                connection.Features.Set(loop);
                await loop.Enter();
            }

            await next(connection).ConfigureAwait(false);
        };

    private static SslServerAuthenticationOptions ServerTls(
        Func<string?, SslServerAuthenticationOptions?> tls,
        string serverName
    )
    {
        var options =
            tls(serverName.Length == 0 ? null : serverName)
            ?? throw new AuthenticationException($"No certificate for server name '{serverName}'.");
        options.ApplicationProtocols ??= [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        return options;
    }
}
