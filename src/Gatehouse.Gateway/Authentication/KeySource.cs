using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// The keys of one issuer: given in place, or fetched in the background and again when a token names a key that is not
/// there. What was fetched last goes on while the issuer cannot be reached.
/// </summary>
#pragma warning disable CA1001 // The semaphore never gives out a wait handle, so it holds nothing to free.
internal sealed partial class KeySource
#pragma warning restore CA1001
{
    /// <summary>Largest document taken from an issuer, in bytes.</summary>
    public const int LargestDocument = 256 * 1024;

    /// <summary>Longest that a request waits for the keys of an issuer.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    private const int MostWaiting = 256;
    private static readonly TimeSpan s_refresh = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_betweenAsks = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    private readonly Latest<Fetched> _state;
    private readonly SemaphoreSlim _asked = new(0, 1);
    private readonly Uri? _address;
    private readonly ImmutableArray<string> _algorithms;
    private readonly string _issuer;
    private readonly bool _discovers;
    private int _waiting;

    // How many fetches had ended when the last request asked for one more.
    private int _askedAfter;

    private KeySource(Issuer issuer, KeySet? keys, Uri? address)
    {
        _issuer = issuer.Url;
        _discovers = issuer.Discovery;
        _algorithms = issuer.Algorithms;
        _address = address;
        _state = new(new(keys, 0, DateTimeOffset.MinValue, null));
    }

    /// <summary>The newest keys; null when none came yet.</summary>
    public KeySet? Keys => _state.Value.Keys;

    /// <summary>Why the last fetch brought nothing; null when it did.</summary>
    public string? Trouble => _state.Value.Trouble;

    /// <summary>True when there is something to fetch.</summary>
    public bool IsFetched => _address is not null;

    public static KeySource InPlace(Issuer issuer, KeySet keys) => new(issuer, keys, null);

    /// <summary>No keys: an issuer whose tokens are all opaque.</summary>
    public static KeySource None(Issuer issuer) => new(issuer, null, null);

    public static KeySource At(Issuer issuer, Uri address) => new(issuer, null, address);

    /// <summary>True for addresses that keys may come from: whoever can change them on the way can sign tokens.</summary>
    public static bool MayFetch(Uri address) =>
        address.IsAbsoluteUri
        && address.UserInfo.Length == 0
        && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback));

    /// <summary>Fetches until stopped: at once, then every five minutes, sooner when asked, and more and more slowly while it fails.</summary>
    public async Task RunAsync(HttpClient http, TimeProvider time, ILogger logger, CancellationToken stopping)
    {
        var failures = 0;
        try
        {
            while (true)
            {
                failures = await FetchAsync(http, time, logger, stopping).ConfigureAwait(false) ? 0 : failures + 1;
                var pause =
                    failures == 0
                        ? s_refresh
                        : TimeSpan.FromSeconds(Math.Min(Math.Pow(2, failures - 1), s_longestPause.TotalSeconds));
                await PauseAsync(pause, time, stopping).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The issuer was removed, or the node stops.
        }
    }

    /// <summary>
    /// Asks for newer keys than <paramref name="known"/> and waits for them, never longer than <see cref="LongestWait"/>.
    /// Returns at once when the issuer was asked a moment ago: names of keys cost a stranger nothing.
    /// </summary>
    public async ValueTask<KeySet?> NewerAsync(KeySet? known, TimeProvider time)
    {
        var state = _state.Value;
        if (_address is null || !ReferenceEquals(state.Keys, known))
        {
            return state.Keys;
        }

        if (state.Attempts > 0 && time.GetUtcNow() - state.At < s_betweenAsks)
        {
            return state.Keys;
        }

        try
        {
            if (Interlocked.Increment(ref _waiting) > MostWaiting)
            {
                return state.Keys;
            }

            Ask(state.Attempts);
            using var patience = new CancellationTokenSource(LongestWait, time);
            return (
                await _state.WhenAsync(s => s.Attempts > state.Attempts, patience.Token).ConfigureAwait(false)
            ).Keys;
        }
        catch (OperationCanceledException)
        {
            return _state.Value.Keys;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private void Ask(int after)
    {
        Volatile.Write(ref _askedAfter, after);
        try
        {
            _asked.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody asked already.
        }
    }

    private async Task PauseAsync(TimeSpan pause, TimeProvider time, CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var elapses = Task.Delay(pause, time, over.Token);
        do
        {
            await Task.WhenAny(elapses, _asked.WaitAsync(over.Token)).ConfigureAwait(false);
            stopping.ThrowIfCancellationRequested();
            // Whoever asked while the last fetch was coming back has been answered by it.
        } while (!elapses.IsCompleted && Volatile.Read(ref _askedAfter) < _state.Value.Attempts);

        await over.CancelAsync().ConfigureAwait(false);
    }

    private async Task<bool> FetchAsync(HttpClient http, TimeProvider time, ILogger logger, CancellationToken stopping)
    {
        KeySet? keys = null;
        string? trouble;
        try
        {
            var address = _discovers ? await DiscoverAsync(http, stopping).ConfigureAwait(false) : _address!;
            var text = await GetAsync(http, address, stopping).ConfigureAwait(false);
            keys = KeySet.Parse(text, _algorithms, out var problem);
            trouble = keys is null ? problem : null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or IssuerAnswerException)
        {
            trouble = e.Message;
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            trouble = "It did not answer in time.";
        }

        // Who asked meanwhile is answered by this.
        await _asked.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
        var attempts = _state.Value.Attempts + 1;
        _state.Set(new(keys ?? _state.Value.Keys, attempts, time.GetUtcNow(), trouble));
        if (trouble is not null)
        {
            LogNotFetched(
                logger,
                _issuer,
                trouble,
                _state.Value.Keys is null ? "its tokens are refused" : "its last keys go on"
            );
        }

        return keys is not null;
    }

    // OpenID Connect Discovery 1.0 §4.3: the document must speak for the issuer it was asked of.
    private async Task<Uri> DiscoverAsync(HttpClient http, CancellationToken stopping)
    {
        var text = await GetAsync(http, _address!, stopping).ConfigureAwait(false);
        try
        {
            using var document = JsonDocument.Parse(text, new() { AllowDuplicateProperties = false, MaxDepth = 16 });
            var root = document.RootElement;
            if (
                root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("issuer", out var issuer)
                && JsonText.Of(issuer) == _issuer
                && root.TryGetProperty("jwks_uri", out var keys)
                && Uri.TryCreate(JsonText.Of(keys), UriKind.Absolute, out var address)
                && MayFetch(address)
            )
            {
                return address;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Told below.
        }

        throw new IssuerAnswerException($"{_address} names no keys of the issuer {_issuer} at an https address.");
    }

    private static async Task<byte[]> GetAsync(HttpClient http, Uri address, CancellationToken stopping)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Accept.ParseAdd("application/json");
        using var answer = await http.SendAsync(request, stopping).ConfigureAwait(false);
        return answer.StatusCode == HttpStatusCode.OK
            ? await answer.Content.ReadAsByteArrayAsync(stopping).ConfigureAwait(false)
            : throw new IssuerAnswerException($"{address} answered {(int)answer.StatusCode}.");
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The keys of issuer {Issuer} were not fetched: {Trouble} Until then {Effect}"
    )]
    private static partial void LogNotFetched(ILogger logger, string issuer, string trouble, string effect);

    private sealed record Fetched(KeySet? Keys, int Attempts, DateTimeOffset At, string? Trouble);

    private sealed class IssuerAnswerException(string message) : Exception(message);
}
