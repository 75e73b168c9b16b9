using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Lane;
using Gatehouse.Gateway.Pipeline;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>The head of the request as the target gets it.</summary>
internal static class RequestHead
{
    /// <summary>A URI byte for byte as it is written.</summary>
    internal static readonly UriCreationOptions AsSent = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <summary>The target's own path, then what followed the API's context, byte for byte, then the query.</summary>
    public static Uri UriOf(Exchange exchange, Target target)
    {
        var (prefix, slash, resource) = TargetOf(exchange, target);
        return new(string.Concat(target.Origin, prefix, slash, resource), AsSent);
    }

    /// <summary>The three parts of the request target as it goes out.</summary>
    public static RequestTarget TargetOf(Exchange exchange, Target target)
    {
        var resource = exchange.OutgoingTarget;
        return new(target.PathPrefix, target.PathPrefix.Length == 0 && resource is not ['/', ..] ? "/" : "", resource);
    }

    /// <summary>Names every header of the request to whoever writes it, but for those that say how long its body is.</summary>
    public static void Write<TSink>(ref TSink sink, Exchange exchange, Target target)
        where TSink : IHeaderSink
    {
        var rules = exchange.Route!.Forwarding;
        var incoming = exchange.Request.Headers;
        var connection = incoming.Connection;
        var named = HopByHop.NamesHeaders(connection);
        var credential = exchange.CredentialHeader;
        if (incoming is HeaderList list)
        {
            // The same without an enumerator.
            foreach (ref readonly var entry in list.Entries)
            {
                if (Passes(entry.Name, entry.Value))
                {
                    sink.Add(entry.Name, entry.Value);
                }
            }
        }
        else
        {
            foreach (var (name, values) in incoming)
            {
                if (Passes(name, values))
                {
                    sink.Add(name, values);
                }
            }
        }

        if (credential is not null)
        {
            sink.Add(credential, exchange.CredentialValue);
        }

        var caller = exchange.Caller;
        sink.Add("Host", rules.KeepsHost ? incoming.Host : target.Authority);
        sink.Add(HeaderNames.RequestId, exchange.RequestId);
        sink.Add(HeaderNames.ForwardedFor, caller.ForwardedFor);
        sink.Add(
            HeaderNames.ForwardedHost,
            caller.ThroughTrustedProxy && incoming[HeaderNames.ForwardedHost] is [{ Length: > 0 } said]
                ? said
                : incoming.Host
        );
        sink.Add(HeaderNames.ForwardedProto, caller.IsHttps ? "https" : "http");
        if (rules.ServerName is not null)
        {
            sink.Add(HeaderNames.ForwardedServer, rules.ServerName);
            if (caller.CertificateForNode(exchange) is { } certificate)
            {
                sink.Add(HeaderNames.ClientCertificate, certificate);
            }
        }

        sink.Add(HeaderNames.ForwardedPort, caller.PortText);

        if (exchange.IsSentAgain)
        {
            sink.Add(HeaderNames.Replay, "1");
        }

        // gRPC asks for trailers end to end; every other TE is between neighbours.
        if (incoming.TE is { Count: > 0 } te && te.ToString().Contains("trailers", StringComparison.OrdinalIgnoreCase))
        {
            sink.Add("TE", "trailers");
        }

        if (
            rules.Sticky is not null
            && incoming.Cookie is { Count: > 0 } cookies
            && rules.Sticky.Strip(cookies) is { Length: > 0 } rest
        )
        {
            sink.Add("Cookie", rest);
        }

        bool Passes(string name, StringValues values) =>
            values.Count > 0
            && !IsWrittenHere(name)
            && !HopByHop.Contains(name)
            && (rules.PassesOwnHeaders || !HeaderNames.IsOwn(name))
            && !(named && HopByHop.IsNamedBy(connection, name))
            && !(rules.Sticky is not null && Is(name, "Cookie"))
            && !(credential is not null && Is(name, credential));
    }

    /// <summary>
    /// True for a trailer field that may follow a body. Who reads trailers may merge them into the headers, so nothing that
    /// frames, routes, identifies or was decided here may come in behind (RFC 9110 §6.5.1).
    /// </summary>
    public static bool MayTrail(Exchange exchange, string name) =>
        !IsWrittenHere(name)
        && !HopByHop.Contains(name)
        && !HeaderNames.IsOwn(name)
        && !(exchange.CredentialHeader is { } credential && Is(name, credential))
        && !exchange.Request.Headers.ContainsKey(name)
        && !Is(name, "Authorization")
        && !Is(name, "Cookie")
        && !Is(name, "Expect");

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
            18 => Is(name, HeaderNames.ForwardedServer) || Is(name, HeaderNames.Replay),
            _ => false,
        };

    private static bool Is(string name, string other) => name.Equals(other, StringComparison.OrdinalIgnoreCase);
}

/// <summary>The parts of a request target, to be written one after the other.</summary>
internal readonly ref struct RequestTarget(string prefix, string slash, ReadOnlySpan<char> resource)
{
    public ReadOnlySpan<char> Resource { get; } = resource;

    public void Deconstruct(out string before, out string between, out ReadOnlySpan<char> rest)
    {
        before = prefix;
        between = slash;
        rest = Resource;
    }
}
