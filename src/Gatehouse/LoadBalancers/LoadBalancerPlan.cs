using System.Collections.Immutable;
using System.Globalization;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.LoadBalancers;

/// <summary>What a load balancer of the operator's is to do: made of the registered nodes, written in its own language elsewhere.</summary>
internal sealed record LoadBalancerPlan
{
    /// <summary>Names for API traffic; every name when empty.</summary>
    public required ImmutableArray<string> GatewayHosts { get; init; }

    /// <summary>Names for the console; without one there is no host for it.</summary>
    public required ImmutableArray<string> ManagementHosts { get; init; }

    /// <summary>Workers' plain ports.</summary>
    public required ImmutableArray<LoadBalancerNode> WorkersHttp { get; init; }

    /// <summary>Workers' TLS ports.</summary>
    public required ImmutableArray<LoadBalancerNode> WorkersHttps { get; init; }

    /// <summary>Managers' TLS ports.</summary>
    public required ImmutableArray<LoadBalancerNode> ManagersHttps { get; init; }

    /// <summary>Where it listens, plain.</summary>
    public required int HttpPort { get; init; }

    /// <summary>Where it listens, TLS.</summary>
    public required int HttpsPort { get; init; }

    /// <summary>Certificate and key for the API names.</summary>
    public required (string Certificate, string Key) GatewayTls { get; init; }

    /// <summary>Certificate and key for the console's names.</summary>
    public required (string Certificate, string Key) ManagementTls { get; init; }

    /// <summary>PEM file of the cluster's authority, by which nodes are judged.</summary>
    public required string AuthorityFile { get; init; }

    /// <summary>
    /// The nodes with their ports. Traffic received on port N goes to the node's property <c>port.mapping.N</c> where it has one
    /// (seed: axis2.xml), else to its API ports, or to its management port for the console.
    /// </summary>
    public static LoadBalancerPlan Of(
        IEnumerable<NodeView> nodes,
        PublicHosts hosts,
        (int Http, int Https) ports,
        (string Certificate, string Key) gatewayTls,
        (string Certificate, string Key) managementTls,
        string authorityFile
    )
    {
        var all = nodes.OrderBy(n => n.Name, StringComparer.Ordinal).ToList();
        var workers = all.Where(n => n.Profile.IsWorker()).ToList();
        return new()
        {
            GatewayHosts = hosts.Gateway,
            ManagementHosts = hosts.Management,
            WorkersHttp = [.. workers.Select(n => To(n, ports.Http, "http")).OfType<LoadBalancerNode>()],
            WorkersHttps = [.. workers.Select(n => To(n, ports.Https, "https")).OfType<LoadBalancerNode>()],
            ManagersHttps =
            [
                .. all.Where(n => n.Profile.IsManager())
                    .Select(n => To(n, ports.Https, "management-https"))
                    .OfType<LoadBalancerNode>(),
            ],
            HttpPort = ports.Http,
            HttpsPort = ports.Https,
            GatewayTls = gatewayTls,
            ManagementTls = managementTls,
            AuthorityFile = authorityFile,
        };
    }

    private static LoadBalancerNode? To(NodeView node, int received, string listener)
    {
        var mapping = node.Properties.GetValueOrDefault(
            string.Create(CultureInfo.InvariantCulture, $"port.mapping.{received}")
        );
        var port = int.TryParse(mapping, NumberStyles.None, CultureInfo.InvariantCulture, out var mapped)
            ? OwnPort(node, mapped)
            : node.Ports.GetValueOrDefault(listener);
        return port is > 0 and <= 65535 ? new(node.Name, node.Host, port, node.State == NodeState.Draining) : null;
    }

    // A mapping is written without the offset of the node.
    private static int OwnPort(NodeView node, int mapped)
    {
        var listener = mapped switch
        {
            9443 => "management-https",
            9763 => "management-http",
            8243 => "https",
            8280 => "http",
            _ => null,
        };
        return listener is not null && node.Ports.TryGetValue(listener, out var port) ? port : mapped;
    }
}

/// <summary>One node in a load balancer's file.</summary>
/// <param name="Name">For comments and labels.</param>
/// <param name="Host">Address or name.</param>
/// <param name="Port">Where it takes this traffic.</param>
/// <param name="Draining">Gets nothing new.</param>
internal sealed record LoadBalancerNode(string Name, string Host, int Port, bool Draining)
{
    /// <summary><c>host:port</c>, IPv6 in brackets.</summary>
    public string Address =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}"
        );
}
