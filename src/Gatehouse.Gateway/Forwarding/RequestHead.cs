using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>The head of the request as the target gets it.</summary>
internal static class RequestHead
{
    private static readonly UriCreationOptions s_asSent = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <summary>The target's own path, then what followed the API's context, byte for byte, then the query.</summary>
    public static Uri UriOf(Exchange exchange, Target target)
    {
        var resource = exchange.OutgoingTarget;
        var slash = target.PathPrefix.Length == 0 && resource is not ['/', ..] ? "/" : "";
        return new(string.Concat(target.Origin, target.PathPrefix, slash, resource), s_asSent);
    }

    public static void CopyTo(HttpRequestMessage request, Exchange exchange, Target target)
    {
        var rules = exchange.Route!.Forwarding;
        var incoming = exchange.Request.Headers;
        var connection = incoming.Connection;
        var named = HopByHop.NamesHeaders(connection);
        foreach (var (name, values) in incoming)
        {
            if (
                values.Count == 0
                || IsWrittenHere(name)
                || HopByHop.Contains(name)
                || (!rules.PassesOwnHeaders && HeaderNames.IsOwn(name))
                || name.Equals(exchange.ConsumedHeader, StringComparison.OrdinalIgnoreCase)
                || (named && HopByHop.IsNamedBy(connection, name))
            )
            {
                continue;
            }

            Add(request, name, values);
        }

        var headers = request.Headers;
        var caller = exchange.Caller;
        headers.TryAddWithoutValidation("Host", rules.KeepsHost ? incoming.Host.ToString() : target.Authority);
        headers.TryAddWithoutValidation(HeaderNames.RequestId, exchange.RequestId);
        headers.TryAddWithoutValidation(HeaderNames.ForwardedFor, caller.ForwardedFor);
        headers.TryAddWithoutValidation(
            HeaderNames.ForwardedHost,
            caller.ThroughTrustedProxy && incoming[HeaderNames.ForwardedHost] is [{ Length: > 0 } said]
                ? said
                : incoming.Host.ToString()
        );
        headers.TryAddWithoutValidation(HeaderNames.ForwardedProto, caller.IsHttps ? "https" : "http");
        if (rules.ServerName is not null)
        {
            headers.TryAddWithoutValidation(HeaderNames.ForwardedServer, rules.ServerName);
            if (caller.CertificateForNode(exchange) is { } certificate)
            {
                headers.TryAddWithoutValidation(HeaderNames.ClientCertificate, certificate);
            }
        }

        headers.TryAddWithoutValidation(HeaderNames.ForwardedPort, caller.PortText);

        // gRPC asks for trailers end to end; every other TE is between neighbours.
        if (incoming.TE.ToString().Contains("trailers", StringComparison.OrdinalIgnoreCase))
        {
            headers.TryAddWithoutValidation("TE", "trailers");
        }

        if (rules.Sticky is not null && incoming.Cookie is { Count: > 0 } cookies)
        {
            headers.Remove("Cookie");
            if (rules.Sticky.Strip(cookies) is { Length: > 0 } rest)
            {
                headers.TryAddWithoutValidation("Cookie", rest);
            }
        }
    }

    private static void Add(HttpRequestMessage request, string name, StringValues values)
    {
        if (values.Count == 1)
        {
            if (!request.Headers.TryAddWithoutValidation(name, values[0]))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, values[0]);
            }
        }
        else if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
        {
            request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
    }

    /// <summary>Headers whose value is ours to say, and HTTP/2's names for parts of the request line.</summary>
    private static bool IsWrittenHere(string name) =>
        name.Length > 0 && name[0] == ':'
        || name.Length switch
        {
            4 => Is(name, "Host"),
            12 => Is(name, HeaderNames.RequestId),
            14 => Is(name, "Content-Length"),
            15 => Is(name, HeaderNames.ForwardedFor),
            16 => Is(name, HeaderNames.ForwardedHost) || Is(name, HeaderNames.ForwardedPort),
            17 => Is(name, HeaderNames.ForwardedProto),
            18 => Is(name, HeaderNames.ForwardedServer),
            _ => false,
        };

    private static bool Is(string name, string other) => name.Equals(other, StringComparison.OrdinalIgnoreCase);
}
