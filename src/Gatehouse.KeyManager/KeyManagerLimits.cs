using System.Globalization;
using System.Threading.RateLimiting;
using Gatehouse.Management;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

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
    private readonly AttemptLimit _failures = new(time, perRemote: 60, inAll: 2_000, TimeSpan.FromMinutes(1));

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
        if (isPost && http.Response.StatusCode is StatusCodes.Status400BadRequest or StatusCodes.Status401Unauthorized)
        {
            _failures.Failed(remote);
        }
    }

    public void Dispose() => _places.Dispose();

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
