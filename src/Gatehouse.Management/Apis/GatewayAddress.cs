using System.Collections.Immutable;
using System.Globalization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Where callers reach the gateway: the balancers, or the workers when there are none.</summary>
public sealed class GatewayAddress(Catalogue catalogue)
{
    /// <summary>
    /// Where an API can be called, one door for each environment it is deployed in, the default one first; those of which no
    /// node takes calls are left out. Of an API that is deployed nowhere: the default environment's.
    /// </summary>
    public async Task<ImmutableArray<GatewayDoor>> DoorsAsync(ApiSummary api, CancellationToken cancellation)
    {
        var nodes = (
            await catalogue.ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation).ConfigureAwait(false)
        )
            .Select(n => n.Value)
            .Where(n => n.Ports.ContainsKey("https") && !n.Draining)
            .ToList();
        var told = (
            await catalogue
                .FindAsync(EntityKinds.Hosts, "default", ModelJson.Default.PublicHosts, cancellation)
                .ConfigureAwait(false)
        )?.Value;
        var hosts = (
            await catalogue
                .ListAsync(EntityKinds.Environment, ModelJson.Default.GatewayEnvironment, cancellation)
                .ConfigureAwait(false)
        ).ToDictionary(e => e.Name, e => e.Value.Hosts);
        return
        [
            .. (api.Environments.IsEmpty ? [GatewayEnvironment.Default] : api.Environments.Keys)
                .OrderBy(e => e == GatewayEnvironment.Default ? 0 : 1)
                .ThenBy(e => e, StringComparer.Ordinal)
                .Select(e => DoorOf(e, hosts.GetValueOrDefault(e, []), nodes, told))
                .OfType<GatewayDoor>(),
        ];
    }

    // A balancer leads an environment's hosts to its workers, and every other host to the workers of those it serves.
    private static GatewayDoor? DoorOf(
        string environment,
        ImmutableArray<string> hosts,
        IReadOnlyList<Node> nodes,
        PublicHosts? told
    )
    {
        var node =
            nodes.FirstOrDefault(n =>
                n.Profile == Profile.LoadBalancer && (!hosts.IsEmpty || n.Served().Contains(environment))
            ) ?? nodes.FirstOrDefault(n => n.Profile.IsWorker() && n.Served().Contains(environment));
        var given =
            (told?.GatewayHttps ?? told?.GatewayHttp) is { } text && Uri.TryCreate(text, UriKind.Absolute, out var url)
                ? url
                : null;
        if (hosts is [var own, ..])
        {
            // Behind a proxy the names differ, the way in is the same.
            return node is null
                ? null
                : new(
                    environment,
                    given is null ? Of(own, node) : new UriBuilder(given) { Host = own }.Uri,
                    Of(node.Host, node),
                    own
                );
        }

        if (environment == GatewayEnvironment.Default && given is not null)
        {
            return new(environment, given, node is null ? null : Of(node.Host, node), null);
        }

        var name = environment == GatewayEnvironment.Default && told?.Gateway is [var first, ..] ? first : node?.Host;
        return node is null ? null : new(environment, Of(name!, node), Of(node.Host, node), null);
    }

    private static Uri Of(string host, Node node) =>
        new(
            string.Create(
                CultureInfo.InvariantCulture,
                $"https://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{node.Ports["https"]}"
            )
        );
}

/// <summary>Where the deployments of an environment are called.</summary>
/// <param name="Environment">The environment.</param>
/// <param name="Public">
/// For the outside, such as <c>https://api.example.com:8443</c>: <c>publicUrls.gateway</c> where a manager was told of it, else
/// a public name with the node's own port.
/// </param>
/// <param name="Inside">The same door by its node's own address, which this manager can reach whatever the outside world calls it; null while no node takes calls.</param>
/// <param name="Host">The host that callers ask for; null for any.</param>
public sealed record GatewayDoor(string Environment, Uri Public, Uri? Inside, string? Host)
{
    /// <summary>The address of something behind it.</summary>
    public string Of(string path) => Public.GetLeftPart(UriPartial.Authority) + Public.AbsolutePath.TrimEnd('/') + path;
}
