using System.Net;
using System.Text;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Policies;

/// <summary>How policies call services that are no backends: bounded connections, no redirects, no cookies, no proxy.</summary>
internal sealed class Outside : IDisposable
{
    private readonly HttpMessageInvoker _invoker = new(
        new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            MaxConnectionsPerServer = 64,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            MaxResponseHeadersLength = 64,
            MaxResponseDrainSize = 64 * 1024,
            RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        }
    );

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation) =>
        _invoker.SendAsync(request, cancellation);

    public void Dispose() => _invoker.Dispose();

    /// <summary>Copies one header of the caller's.</summary>
    public static void Copy(Exchange exchange, HttpRequestMessage to, string name)
    {
        var values = exchange.Request.Headers[name];
        if (values.Count > 0 && !to.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
        {
            to.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
    }

    /// <summary>Copies what the backend would get of the caller's headers.</summary>
    public static void CopyAll(Exchange exchange, HttpRequestMessage to)
    {
        var connection = exchange.Request.Headers.Connection;
        foreach (var name in exchange.Request.Headers.Keys)
        {
            if (
                name is not [':', ..]
                && !name.Equals("Host", StringComparison.OrdinalIgnoreCase)
                && !name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)
                && !name.Equals("Expect", StringComparison.OrdinalIgnoreCase)
                && !HeaderNames.IsOwn(name)
                && !HopByHop.Contains(name)
                && !HopByHop.IsNamedBy(connection, name)
            )
            {
                Copy(exchange, to, name);
            }
        }
    }

    /// <summary>The request's body, when it was read as a whole.</summary>
    public static HttpContent? BodyOf(Exchange exchange) =>
        exchange.Buffered is { } body ? new ReadOnlyMemoryContent(body.Content) : null;
}
