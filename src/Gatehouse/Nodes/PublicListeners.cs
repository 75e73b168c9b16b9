using System.Collections.Immutable;
using System.Net;
using Gatehouse.Configuration;
using Gatehouse.Gateway;
using Gatehouse.Model;

namespace Gatehouse.Nodes;

/// <summary>Which public ports a node of which profile opens, and what they lead to.</summary>
internal static class PublicListeners
{
    /// <summary>
    /// The listeners of the node. <c>http</c>, <c>https</c>: API traffic, or the balancer's public side. <c>management-…</c>:
    /// console and REST on a manager; API traffic on a worker, because the seed's balancer sends it there.
    /// </summary>
    public static ImmutableArray<ListenerSettings> Of(NodeContext node)
    {
        var listen = node.Settings.Listen;
        return node.Identity.Profile switch
        {
            Profile.LoadBalancer => [.. Pair(node, "", listen.Balancer)],
            { } profile when profile.IsManager() && !profile.IsWorker() =>
            [
                .. Pair(node, "management-", listen.Management),
            ],
            _ => [.. Pair(node, "", listen.Gateway), .. Pair(node, "management-", listen.Management)],
        };
    }

    /// <summary>True for a listener whose requests are for console and REST on this node.</summary>
    public static bool IsManagement(NodeContext node, string listener) =>
        node.Identity.Profile.IsManager() && listener.StartsWith("management-", StringComparison.Ordinal);

    private static IEnumerable<ListenerSettings> Pair(NodeContext node, string prefix, PublicPorts settings)
    {
        var limits = new ListenerLimits
        {
            HeadersSize = node.Settings.Limits.RequestHead,
            HeaderCount = node.Settings.Limits.Headers,
            HandshakeTimeout = node.Settings.Timeouts.Handshake,
            HeadTimeout = node.Settings.Timeouts.RequestHead,
            KeepAlive = node.Settings.Timeouts.KeepAlive,
            Connections = node.Settings.Limits.Connections,
        };
        if (settings.Http is { } http)
        {
            yield return new()
            {
                Name = prefix + "http",
                EndPoint = new(settings.Bind, http),
                Limits = limits,
            };
        }

        if (settings.Https is { } https)
        {
            yield return new()
            {
                Name = prefix + "https",
                EndPoint = new(settings.Bind, https),
                Tls =
                    IsManagement(node, prefix + "https") ? node.Tls.Plain
                    : prefix.Length > 0 ? node.Tls.Asking(node.Settings.Listen.Gateway.ClientCertificates)
                    : node.Tls.Asking(settings.ClientCertificates),
                Limits = limits,
            };
        }
    }
}
