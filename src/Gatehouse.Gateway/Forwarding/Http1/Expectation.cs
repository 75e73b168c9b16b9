using Gatehouse.Gateway.Pipeline;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// <c>Expect: 100-continue</c>: the caller holds its body back until somebody says go. The backend says it, not we: it is
/// who may refuse the body by its head alone, and then nobody sends it (RFC 9110 §10.1.1). Its 100 makes us read the
/// caller's body, and that makes the server send the caller its 100.
/// </summary>
internal static class Expectation
{
    /// <summary>How long a backend may leave the expectation unanswered; many never answer it, so then the body goes.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    public static bool Of(Exchange exchange) =>
        exchange.Request.Headers.Expect is { Count: 1 } values && Is(values) && exchange.Request.Protocol != "HTTP/1.0";

    public static bool Is(StringValues values) =>
        values is [{ } value] && value.Equals("100-continue", StringComparison.OrdinalIgnoreCase);
}
