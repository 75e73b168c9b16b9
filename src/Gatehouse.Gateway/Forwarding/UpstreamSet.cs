using System.Collections.Concurrent;
using System.Net.Security;
using Gatehouse.Gateway.Forwarding.Http1;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// The ways to backends, shared by all APIs: a backend behind many APIs has one bounded pool, and a changed API keeps its
/// warm connections. Backends on plain HTTP are reached by a client of our own, those with TLS through the runtime's.
/// </summary>
internal sealed class UpstreamSet(UpstreamSettings settings, TimeProvider time)
{
    private readonly ConcurrentDictionary<(int Quarters, string Handshake), HttpUpstream> _byTimeout = new();
    private readonly Dictionary<(string Authority, int Quarters), WeakReference<Http1Upstream>> _plain = [];
    private readonly ConcurrentDictionary<string, HttpMessageInvoker> _asking = new(StringComparer.Ordinal);
    private int _forgetAt = 64;

    // In steps of a quarter of a second up to a minute, so that no publisher can make more than 240 of them.
    public IUpstream For(Uri url, TimeSpan connectTimeout, BackendHandshake? handshake = null)
    {
        var quarters = (int)Math.Clamp(Math.Ceiling(connectTimeout.TotalSeconds * 4), 1, 240);
        var waits = settings with { ConnectTimeout = TimeSpan.FromSeconds(quarters / 4.0) };
        var runtimes = _byTimeout.GetOrAdd(
            (quarters, handshake?.Key ?? ""),
            _ => new(waits with { BackendTls = BackendHandshake.Over(settings.BackendTls, handshake) })
        );
        if (settings.RuntimeClientOnly || url.Scheme != Uri.UriSchemeHttp)
        {
            return runtimes;
        }

        // Held weakly: the targets that use it keep it, and its idle connections do until they are closed.
        lock (_plain)
        {
            var key = (url.Authority, quarters);
            if (_plain.TryGetValue(key, out var held) && held.TryGetTarget(out var kept))
            {
                return kept;
            }

            ForgetUnused();
            var made = new Http1Upstream(
                new(new(url.IdnHost, url.Port, time), waits, time),
                runtimes,
                settings.Timeouts
            );
            _plain[key] = new(made);
            return made;
        }
    }

    /// <summary>Fetches <paramref name="url"/> on a connection of its own and says with which status it was answered.</summary>
    public async Task<int> AskAsync(Uri url, BackendHandshake? handshake, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.TryAddWithoutValidation("User-Agent", "gatehouse-health");
        var client = _asking.GetOrAdd(
            handshake?.Key ?? "",
            _ => AskingClient(BackendHandshake.Over(settings.BackendTls, handshake))
        );
        using var answer = await client.SendAsync(request, cancellation).ConfigureAwait(false);
        return (int)answer.StatusCode;
    }

    private static HttpMessageInvoker AskingClient(SslClientAuthenticationOptions? backendTls)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            // A pooled connection says little about whether a new one could be had.
            PooledConnectionLifetime = TimeSpan.Zero,
            MaxResponseDrainSize = 0,
        };
        if (backendTls is { } tls)
        {
            handler.SslOptions = tls;
        }

        return new(handler);
    }

    // When there are twice as many as were left the last time, so that adding one stays cheap.
    private void ForgetUnused()
    {
        if (_plain.Count < _forgetAt)
        {
            return;
        }

        foreach (var (key, held) in _plain)
        {
            if (!held.TryGetTarget(out _))
            {
                _plain.Remove(key);
            }
        }

        _forgetAt = Math.Max(64, _plain.Count * 2);
    }
}
