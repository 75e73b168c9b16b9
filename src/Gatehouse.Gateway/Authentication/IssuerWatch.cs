using System.Collections.Concurrent;
using System.Net.Security;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Authentication;

/// <summary>Keeps the keys of the issuers fresh: one loop for each that is fetched, from when it is served to when it is gone.</summary>
internal sealed class IssuerWatch : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly Dictionary<KeySource, (Task Loop, CancellationTokenSource Stop)> _loops = [];
    private readonly ConcurrentBag<Task> _ending = [];
    private readonly Lock _lock = new();
    private readonly HttpClient _http;
    private readonly CryptoGate _gate = new(Math.Max(1, Environment.ProcessorCount / 2), mostWaiting: 512);
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private IssuerDirectory _followed = IssuerDirectory.Empty;

    public IssuerWatch(SslClientAuthenticationOptions? tls, TimeProvider time, ILoggerFactory logs)
    {
        _time = time;
        _logger = logs.CreateLogger<IssuerWatch>();
        var handler = new SocketsHttpHandler
        {
            UseCookies = false,
            UseProxy = false,
            // A redirect would move the keys to where nobody has put them.
            AllowAutoRedirect = false,
            ConnectTimeout = s_patience,
            MaxResponseHeadersLength = 16,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (tls is not null)
        {
            handler.SslOptions = tls;
        }

        _http = new(handler) { Timeout = s_patience, MaxResponseContentBufferSize = KeySource.LargestDocument };
        Verifier = new(time, _gate, _http, _logger);
    }

    public TokenVerifier Verifier { get; }

    /// <summary>Takes up new sources and lets go of those that are gone. Does not throw, does not wait.</summary>
    public void Follow(IssuerDirectory issuers)
    {
        if (ReferenceEquals(issuers, _followed))
        {
            return;
        }

        _followed = issuers;
        var wanted = issuers.All.Select(i => i.Source).Where(s => s.IsFetched).ToHashSet();
        lock (_lock)
        {
            foreach (var gone in _loops.Keys.Where(s => !wanted.Contains(s)).ToList())
            {
                _loops.Remove(gone, out var ended);
                ended.Stop.Cancel();
                _ending.Add(ended.Loop);
            }

            foreach (var source in wanted.Where(s => !_loops.ContainsKey(s)))
            {
                var stop = new CancellationTokenSource();
                _loops.Add(source, (Task.Run(() => source.RunAsync(_http, _time, _logger, stop.Token)), stop));
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Follow(IssuerDirectory.Empty);
        await Task.WhenAll(_ending).ConfigureAwait(false);
        _http.Dispose();
        _gate.Dispose();
    }
}
