using System.Globalization;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Throttling;

/// <summary>Which headers tell a caller what is left.</summary>
public enum RateLimitHeaderForm
{
    /// <summary><c>RateLimit</c> and <c>RateLimit-Policy</c>.</summary>
    Standard,

    /// <summary>Those and <c>X-RateLimit-Limit</c>, <c>-Remaining</c>, <c>-Reset</c>.</summary>
    Both,

    /// <summary>None.</summary>
    None,
}

/// <summary>
/// Tells the caller of the limit that is nearest, as draft-ietf-httpapi-ratelimit-headers-10 writes it:
/// <c>RateLimit-Policy: "Gold";q=5000;w=60</c>, <c>RateLimit: "Gold";r=4999;t=60</c>.
/// </summary>
internal static class RateLimitHeaders
{
    public static void Write(Exchange exchange)
    {
        var charges = exchange.Charges;
        var form = exchange.Route?.RateLimitHeaders ?? RateLimitHeaderForm.None;
        if (charges.Told is not { } limit || form == RateLimitHeaderForm.None)
        {
            return;
        }

        // After so many seconds of silence all of the quota is there again; after a refusal, some of it.
        var seconds =
            charges.RetryAfter == 0 ? limit.Seconds : (charges.RetryAfter + limit.Frequency - 1) / limit.Frequency;
        var left = charges.Left << limit.Shift;
        var headers = exchange.Response.Headers;
        headers["RateLimit-Policy"] = limit.HeaderText;
        headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"{limit.HeaderName};r={left};t={seconds}");
        if (form == RateLimitHeaderForm.Both)
        {
            headers["X-RateLimit-Limit"] = (limit.Amount << limit.Shift).ToString(CultureInfo.InvariantCulture);
            headers["X-RateLimit-Remaining"] = left.ToString(CultureInfo.InvariantCulture);
            headers["X-RateLimit-Reset"] = seconds.ToString(CultureInfo.InvariantCulture);
        }
    }
}
