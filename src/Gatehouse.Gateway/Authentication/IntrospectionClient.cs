using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// Asks an issuer about its opaque tokens (RFC 7662) and remembers what it said, for a while, in a bounded place: what is
/// active, what is not, and, for a longer while, what was active when the issuer was last heard. One question a token at a
/// time, however many requests show it.
/// </summary>
internal sealed partial class IntrospectionClient
{
    private const int MostRemembered = 20_000;
    private const int MostAsking = 64;
    private const int LargestAnswer = 64 * 1024;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_badMemory = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    private readonly TokenCache<Remembered> _good = new(MostRemembered);
    private readonly TokenCache<Remembered> _bad = new(MostRemembered / 10);
    private readonly ConcurrentDictionary<Digest, Lazy<Task<(TokenVerdict, AccessToken?)>>> _asking = new();
    private readonly Uri _address;
    private readonly AuthenticationHeaderValue? _credential;
    private readonly TimeSpan _memory;
    private readonly TimeSpan _stale;
    private int _failures;
    private long _pausedUntil;

    /// <param name="settings">Checked.</param>
    /// <param name="secret">Open; null when the endpoint asks for none.</param>
    public IntrospectionClient(Introspection settings, string? secret)
    {
        Settings = settings;
        _address = new(settings.Url);
        _memory = TimeSpan.FromSeconds(settings.MemorySeconds ?? Introspection.DefaultMemory);
        _stale = TimeSpan.FromSeconds(settings.StaleSeconds ?? Introspection.DefaultStale);

        // RFC 6749 §2.3.1: both halves are form-encoded first.
        _credential = settings.ClientId is null
            ? null
            : new(
                "Basic",
                Convert.ToBase64String(
                    Encoding.UTF8.GetBytes($"{WebUtility.UrlEncode(settings.ClientId)}:{WebUtility.UrlEncode(secret)}")
                )
            );
    }

    public Introspection Settings { get; }

    /// <summary>What is remembered of a token; null when the issuer has to be asked.</summary>
    public (TokenVerdict Verdict, AccessToken? Token)? Recall(Digest digest, CompiledIssuer issuer, DateTimeOffset now)
    {
        if (
            _good.TryGet(digest, now, out var good)
            && now < good.FreshUntil
            && ReferenceEquals(good.Token!.Issuer, issuer)
        )
        {
            return now < good.Token.Until ? (TokenVerdict.Valid, good.Token) : (TokenVerdict.Expired, null);
        }

        return _bad.TryGet(digest, now, out _) ? (TokenVerdict.Invalid, null) : null;
    }

    /// <summary>Asks about a token. Does not throw; waits two seconds at most.</summary>
    public async ValueTask<(TokenVerdict Verdict, AccessToken? Token)> AskAsync(
        string token,
        Digest digest,
        CompiledIssuer issuer,
        HttpClient http,
        TimeProvider time,
        ILogger logger
    )
    {
        if (Recall(digest, issuer, time.GetUtcNow()) is { } remembered)
        {
            return remembered;
        }

        if (time.GetTimestamp() < Volatile.Read(ref _pausedUntil))
        {
            return Unreached(digest, issuer, time.GetUtcNow());
        }

        if (_asking.Count >= MostAsking)
        {
            return (TokenVerdict.Overloaded, null);
        }

        var asked = _asking.GetOrAdd(digest, _ => new(() => AskOnceAsync(token, digest, issuer, http, time, logger)));
        try
        {
            return await asked.Value.ConfigureAwait(false);
        }
        finally
        {
            _asking.TryRemove(KeyValuePair.Create(digest, asked));
        }
    }

    private async Task<(TokenVerdict, AccessToken?)> AskOnceAsync(
        string token,
        Digest digest,
        CompiledIssuer issuer,
        HttpClient http,
        TimeProvider time,
        ILogger logger
    )
    {
        // Who looked before another question was answered and asks after it finds the answer here.
        if (Recall(digest, issuer, time.GetUtcNow()) is { } remembered)
        {
            return remembered;
        }

        string trouble;
        try
        {
            using var patience = new CancellationTokenSource(s_patience, time);
            using var request = new HttpRequestMessage(HttpMethod.Post, _address)
            {
                Content = new FormUrlEncodedContent([new("token", token), new("token_type_hint", "access_token")]),
            };
            request.Headers.Authorization = _credential;
            request.Headers.Accept.Add(new("application/json"));
            using var answer = await http.SendAsync(request, patience.Token).ConfigureAwait(false);
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                var body = await answer.Content.ReadAsByteArrayAsync(patience.Token).ConfigureAwait(false);
                if (body.Length <= LargestAnswer && Read(body, token, digest, issuer, time.GetUtcNow()) is { } verdict)
                {
                    Interlocked.Exchange(ref _failures, 0);
                    return verdict;
                }

                trouble = "its answer is no JSON object that says whether the token is active";
            }
            else
            {
                trouble = $"it answered {(int)answer.StatusCode}";
            }
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException or IOException)
        {
            trouble = failure is OperationCanceledException ? "it did not answer in time" : failure.Message;
        }

        if (time.GetTimestamp() < Volatile.Read(ref _pausedUntil))
        {
            // Another question of the same moment has told it.
            return Unreached(digest, issuer, time.GetUtcNow());
        }

        var failures = Interlocked.Increment(ref _failures);
        var pause = Math.Min(s_longestPause.TotalSeconds, Math.Pow(2, Math.Min(failures, 10) - 1) / 2);
        Volatile.Write(ref _pausedUntil, time.GetTimestamp() + (long)(pause * time.TimestampFrequency));
        LogUnreached(logger, issuer.Settings.Name, trouble, pause);
        return Unreached(digest, issuer, time.GetUtcNow());
    }

    // While the issuer is away, what was active when it was last heard goes on for a while, and nothing new gets in.
    private (TokenVerdict, AccessToken?) Unreached(Digest digest, CompiledIssuer issuer, DateTimeOffset now) =>
        _good.TryGet(digest, now, out var last) && ReferenceEquals(last.Token!.Issuer, issuer) && now < last.Token.Until
            ? (TokenVerdict.Valid, last.Token)
            : (TokenVerdict.IssuerUnavailable, null);

    private (TokenVerdict, AccessToken?)? Read(
        byte[] body,
        string text,
        Digest digest,
        CompiledIssuer issuer,
        DateTimeOffset now
    )
    {
        try
        {
            using var document = JsonDocument.Parse(body, s_strict);
            var root = document.RootElement;
            if (
                root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty("active", out var active)
                || active.ValueKind is not (JsonValueKind.True or JsonValueKind.False)
            )
            {
                return null;
            }

            var claims = new TokenClaims(root);
            var verdict = TokenVerdict.Invalid;
            AccessToken? token = null;
            if (
                active.ValueKind == JsonValueKind.True
                && claims.TryText("iss", out var iss)
                && (iss is null || iss == issuer.Settings.Url)
            )
            {
                verdict = claims.Read(issuer, Revocation.TokenDigest(text), now, mustEnd: false, out token);
            }

            if (verdict == TokenVerdict.Valid)
            {
                var good = token! with { IsIntrospected = true };
                _good.Add(digest, new(good, now + _memory), now + _memory + _stale);
                return (verdict, good);
            }

            _good.Forget(digest);
            if (verdict == TokenVerdict.Invalid)
            {
                _bad.Add(digest, new(null, default), now + (_memory < s_badMemory ? _memory : s_badMemory));
            }

            return (verdict, null);
        }
        catch (Exception bad) when (bad is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The introspection endpoint of issuer {Issuer} says nothing of a token: {Trouble}. Not asked again for {Seconds} s; tokens that were active go on for a while, unknown ones get 503"
    )]
    private static partial void LogUnreached(ILogger logger, string issuer, string trouble, double seconds);

    private sealed record Remembered(AccessToken? Token, DateTimeOffset FreshUntil);
}
