using System.Net.Http.Headers;
using System.Security.Cryptography;
using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>A caller's wish to leave HTTP on its connection (HTTP/1.1 Upgrade) or stream (HTTP/2 extended CONNECT, RFC 8441).</summary>
internal sealed class UpgradeRequest
{
    private readonly IHttpUpgradeFeature? _upgrade;
    private readonly IHttpExtendedConnectFeature? _connect;
    private readonly string _protocol;

    private UpgradeRequest(IHttpUpgradeFeature? upgrade, IHttpExtendedConnectFeature? connect, string protocol)
    {
        _upgrade = upgrade;
        _connect = connect;
        _protocol = protocol;
    }

    /// <summary>Null for a plain request.</summary>
    public static UpgradeRequest? Of(Exchange exchange)
    {
        if (exchange.IsHttp1)
        {
            // An Upgrade header alone is not yet a wish (h2c offers come with every curl --http2): only WebSocket is passed on.
            return
                exchange.Request.Headers.Upgrade is [{ } protocol]
                && protocol.Equals("websocket", StringComparison.OrdinalIgnoreCase)
                && exchange.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade
                ? new(upgrade, null, protocol)
                : null;
        }

        return
            exchange.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect
            && connect.Protocol == "websocket"
            ? new(null, connect, "websocket")
            : null;
    }

    public void Write(HttpRequestHeaders headers)
    {
        headers.TryAddWithoutValidation("Connection", "Upgrade");
        headers.TryAddWithoutValidation("Upgrade", _protocol);
        if (_connect is not null)
        {
            // HTTP/2 has no handshake key; a backend that speaks HTTP/1.1 wants one.
            headers.Remove("Sec-WebSocket-Key");
            headers.TryAddWithoutValidation(
                "Sec-WebSocket-Key",
                Convert.ToBase64String(RandomNumberGenerator.GetBytes(16))
            );
        }
    }

    public async ValueTask<Stream> AcceptAsync(Exchange exchange, HttpResponseMessage answer)
    {
        var headers = exchange.Response.Headers;
        if (_connect is not null)
        {
            exchange.Response.StatusCode = 200;
            exchange.Response.ReasonPhrase = null;
            headers.Remove("Sec-WebSocket-Accept");
            return await _connect.AcceptAsync().ConfigureAwait(false);
        }

        headers.Connection = "Upgrade";
        headers.Upgrade = answer.Headers.NonValidated.TryGetValues("Upgrade", out var protocol)
            ? protocol.ToString()
            : _protocol;
        return await _upgrade!.UpgradeAsync().ConfigureAwait(false);
    }
}
