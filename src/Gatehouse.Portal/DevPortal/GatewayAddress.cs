using System.Globalization;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Portal.DevPortal;

/// <summary>Where callers reach the gateway: the balancers, or the workers when there are none.</summary>
public sealed class GatewayAddress(Catalogue catalogue)
{
    /// <summary>
    /// Such as <c>https://api.example.com:8443</c>: <c>publicUrls.gateway</c> where a manager was told of it, else the first
    /// public name with the nodes' own port; null while no node takes calls.
    /// </summary>
    public async Task<Uri?> PublicAsync(CancellationToken cancellation)
    {
        var node = await DoorAsync(cancellation).ConfigureAwait(false);
        var hosts = await catalogue
            .FindAsync(EntityKinds.Hosts, "default", ModelJson.Default.PublicHosts, cancellation)
            .ConfigureAwait(false);
        if (
            (hosts?.Value.GatewayHttps ?? hosts?.Value.GatewayHttp) is { } told
            && Uri.TryCreate(told, UriKind.Absolute, out var url)
        )
        {
            return url;
        }

        return node is null ? null : Of(hosts?.Value.Gateway is [var host, ..] ? host : node.Host, node);
    }

    /// <summary>The same door by its node's own address, which this manager can reach whatever the outside world calls it.</summary>
    public async Task<Uri?> InsideAsync(CancellationToken cancellation) =>
        await DoorAsync(cancellation).ConfigureAwait(false) is { } node ? Of(node.Host, node) : null;

    private async Task<Node?> DoorAsync(CancellationToken cancellation)
    {
        var nodes = await catalogue
            .ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation)
            .ConfigureAwait(false);
        return nodes
            .Select(n => n.Value)
            .Where(n => n.Ports.ContainsKey("https") && !n.Draining)
            .OrderBy(n => n.Profile == Profile.LoadBalancer ? 0 : 1)
            .FirstOrDefault(n => n.Profile == Profile.LoadBalancer || n.Profile.IsWorker());
    }

    private static Uri Of(string host, Node node) =>
        new(
            string.Create(
                CultureInfo.InvariantCulture,
                $"https://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{node.Ports["https"]}"
            )
        );
}
