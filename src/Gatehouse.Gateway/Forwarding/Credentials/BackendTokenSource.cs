using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Gatehouse.Gateway.Policies;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// Access tokens for backends, got with client credentials (RFC 6749 §4.4). One is used until it is nearly over and renewed
/// before; whoever comes without one at hand waits for the one question that is under way.
/// </summary>
#pragma warning disable CA1001 // The semaphore never gives out a wait handle, so it holds nothing to free.
internal sealed partial class BackendTokenSource
#pragma warning restore CA1001
{
    private const int LargestAnswer = 64 * 1024;
    private const int DefaultLife = 60;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_reserve = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_leastAge = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);

    private readonly Uri _address;
    private readonly AuthenticationHeaderValue _client;
    private readonly string _scope;
    private readonly Outside _outside;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _asking = new(1, 1);
    private volatile Token? _held;
    private Task? _renewing;
    private int _failures;
    private DateTimeOffset _pausedUntil;

    public BackendTokenSource(
        Uri address,
        string client,
        string secret,
        IEnumerable<string> scopes,
        Outside outside,
        TimeProvider time,
        ILogger logger
    )
    {
        _address = address;
        _scope = string.Join(' ', scopes);
        _client = new(
            "Basic",
            Convert.ToBase64String(
                Encoding.UTF8.GetBytes($"{WebUtility.UrlEncode(client)}:{WebUtility.UrlEncode(secret)}")
            )
        );
        (_outside, _time, _logger) = (outside, time, logger);
    }

    /// <summary>The value of <c>Authorization</c>; null when no token can be had now. Does not throw.</summary>
    public async ValueTask<string?> GetAsync()
    {
        var now = _time.GetUtcNow();
        if (_held is { } held && now < held.Ends)
        {
            if (now >= held.RenewAt && _renewing is null or { IsCompleted: true })
            {
                // Nobody waits for it: the present one is good still. The next to find none at hand does.
                _renewing = RenewAsync(held);
            }

            return held.Header;
        }

        await RenewAsync(_held).ConfigureAwait(false);
        return _held is { } got && _time.GetUtcNow() < got.Ends ? got.Header : null;
    }

    /// <summary>
    /// The backend took a token for no good: another one is got, unless this one is new. A caller who is refused for reasons of
    /// its own must not make the gateway ask for a token each time.
    /// </summary>
    public void Forget(string header)
    {
        if (_held is { } held && held.Header == header && _time.GetUtcNow() - held.Got >= s_leastAge)
        {
            _held = null;
        }
    }

    private async Task RenewAsync(Token? before)
    {
        await _asking.WaitAsync().ConfigureAwait(false);
        try
        {
            var now = _time.GetUtcNow();
            if ((_held is { } held && !ReferenceEquals(held, before) && now < held.Ends) || now < _pausedUntil)
            {
                return;
            }

            var (token, trouble) = await AskAsync().ConfigureAwait(false);
            if (token is not null)
            {
                _held = token;
                _failures = 0;
                return;
            }

            _failures = Math.Min(_failures + 1, 10);
            var pause = TimeSpan.FromSeconds(Math.Min(s_longestPause.TotalSeconds, Math.Pow(2, _failures - 1)));
            _pausedUntil = _time.GetUtcNow() + pause;
            LogFailed(_address.Host, trouble, pause.TotalSeconds);
        }
        finally
        {
            _asking.Release();
        }
    }

    private async Task<(Token? Token, string Trouble)> AskAsync()
    {
        try
        {
            using var patience = new CancellationTokenSource(s_patience, _time);
            var form = new List<KeyValuePair<string, string>> { new("grant_type", "client_credentials") };
            if (_scope.Length > 0)
            {
                form.Add(new("scope", _scope));
            }

            using var request = new HttpRequestMessage(HttpMethod.Post, _address)
            {
                Content = new FormUrlEncodedContent(form),
            };
            request.Headers.Authorization = _client;
            request.Headers.Accept.Add(new("application/json"));
            using var answer = await _outside.SendAsync(request, patience.Token).ConfigureAwait(false);
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                return (null, $"it answered {(int)answer.StatusCode}");
            }

            await answer.Content.LoadIntoBufferAsync(LargestAnswer, patience.Token).ConfigureAwait(false);
            using var json = JsonDocument.Parse(
                await answer.Content.ReadAsByteArrayAsync(patience.Token).ConfigureAwait(false),
                new() { MaxDepth = 8 }
            );
            return
                json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("access_token", out var text)
                && text.ValueKind == JsonValueKind.String
                && text.GetString() is { Length: > 0 } token
                && !token.AsSpan().ContainsAnyExceptInRange('!', '~')
                ? (Made(token, json.RootElement), "")
                : (null, "its answer has no access_token");
        }
        catch (Exception failure)
            when (failure
                    is HttpRequestException
                        or OperationCanceledException
                        or IOException
                        or JsonException
                        or InvalidOperationException
            )
        {
            return (
                null,
                failure switch
                {
                    OperationCanceledException => "it did not answer in time",
                    JsonException => "its answer is not JSON",
                    _ => failure.Message,
                }
            );
        }
    }

    private Token Made(string token, JsonElement answer)
    {
        var life =
            answer.TryGetProperty("expires_in", out var seconds)
            && seconds.ValueKind == JsonValueKind.Number
            && seconds.TryGetDouble(out var said)
            && said > 0
                ? Math.Min(said, 24 * 3600)
                : DefaultLife;
        var now = _time.GetUtcNow();
        var ends = now.AddSeconds(life) - (life > 60 ? s_reserve : TimeSpan.Zero);
        return new($"Bearer {token}", now, now.AddSeconds(life * 0.8), ends);
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "No access token for a backend from {Host}: {Trouble}. Not asked again for {Seconds} s; calls without a token at hand get 503"
    )]
    private partial void LogFailed(string host, string trouble, double seconds);

    private sealed record Token(string Header, DateTimeOffset Got, DateTimeOffset RenewAt, DateTimeOffset Ends);
}
