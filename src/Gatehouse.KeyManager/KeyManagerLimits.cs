using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.RateLimiting;
using Gatehouse.Management;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Gatehouse.KeyManager;

/// <summary>
/// What the key manager lets in: bodies of 64 KiB, so many requests at once, and from one address only so many that failed.
/// All of it before a secret is looked at.
/// </summary>
internal sealed class KeyManagerLimits(TimeProvider time) : IDisposable
{
    private const int AtOnce = 32;
    private const int Waiting = 256;

    private static readonly PathString[] s_paths =
    [
        "/oauth2",
        "/token",
        "/authorize",
        "/revoke",
        "/userinfo",
        "/device",
        "/.well-known",
    ];

    private readonly ConcurrencyLimiter _places = new(
        new()
        {
            PermitLimit = AtOnce,
            QueueLimit = Waiting,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        }
    );
    private readonly RecentFailures _failures = new(time);

    public async Task RunAsync(HttpContext http, RequestDelegate next)
    {
        if (!s_paths.Any(p => http.Request.Path.StartsWithSegments(p, StringComparison.Ordinal)))
        {
            await next(http).ConfigureAwait(false);
            return;
        }

        var remote = http.Connection.RemoteIpAddress?.ToString() ?? "";
        var isPost = HttpMethods.IsPost(http.Request.Method);
        if (isPost && _failures.WaitFor(remote) is { Ticks: > 0 } wait)
        {
            await RefuseAsync(http, wait, "Too many requests from here have failed.").ConfigureAwait(false);
            return;
        }

        using var place = await _places.AcquireAsync(1, http.RequestAborted).ConfigureAwait(false);
        if (!place.IsAcquired)
        {
            await RefuseAsync(http, TimeSpan.FromSeconds(1), "Too many requests at once.").ConfigureAwait(false);
            return;
        }

        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = RequestLimit.Small;
        }

        await next(http).ConfigureAwait(false);
        if (
            isPost
            && http.Response.StatusCode is StatusCodes.Status400BadRequest or StatusCodes.Status401Unauthorized
            && !IsWaitingDevice(http)
        )
        {
            _failures.Add(remote);
        }
    }

    public void Dispose() => _places.Dispose();

    // A device asks every few seconds until its user has agreed, and is told no each time. Its code cannot be guessed.
    private static bool IsWaitingDevice(HttpContext http) =>
        http.Features.Get<IFormFeature>()?.Form?["grant_type"].ToString() == GrantTypes.DeviceCode;

    private static Task RefuseAsync(HttpContext http, TimeSpan wait, string description)
    {
        http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
        http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        http.Response.Headers.CacheControl = "no-store";
        return http.Response.WriteAsJsonAsync(
            new Dictionary<string, string>
            {
                ["error"] = "temporarily_unavailable",
                ["error_description"] = description,
            },
            http.RequestAborted
        );
    }
}

/// <summary>
/// How often each address failed in the present minute. Nobody's failures count against another, and beyond ten thousand
/// addresses the rest of the minute counts no new one: memory is bounded, and guessing 256 bits is hopeless anyway.
/// </summary>
internal sealed class RecentFailures(TimeProvider time)
{
    private const int Most = 60;
    private const int MostAddresses = 10_000;

    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private long _minute;

    /// <summary>Zero when the address may try now, else how long it has to wait.</summary>
    public TimeSpan WaitFor(string remote)
    {
        var now = Turn();
        return _counts.GetValueOrDefault(remote) < Most
            ? TimeSpan.Zero
            : DateTimeOffset.FromUnixTimeSeconds((_minute + 1) * 60) - now;
    }

    /// <summary>Counts a failure.</summary>
    public void Add(string remote)
    {
        Turn();
        if (_counts.ContainsKey(remote) || _counts.Count < MostAddresses)
        {
            _counts.AddOrUpdate(remote, 1, static (_, count) => count + 1);
        }
    }

    private DateTimeOffset Turn()
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var minute = now.ToUnixTimeSeconds() / 60;
            if (minute != _minute)
            {
                _minute = minute;
                _counts.Clear();
            }
        }

        return now;
    }
}
