using System.Collections.Immutable;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Balancer;

/// <summary>One of the balancer's two names to the world, and how what comes to it is passed on.</summary>
internal sealed class VirtualHost
{
    public required string Name { get; init; }
    public required IUpstream Upstream { get; init; }
    public required StickyCookie? Sticky { get; init; }
    public required string ServerName { get; init; }
    public required TrafficTimeouts Timeouts { get; init; }
    public required TimeProvider Time { get; init; }

    /// <summary>Does what rules ask; null where there are none.</summary>
    public HostPolicy? Rules { get; init; }

    /// <summary>False where nodes are always chosen by the fewest requests.</summary>
    public bool GoesByAlgorithm { get; init; }
    public AccessLog? AccessLog { get; init; }
    public AccessLog? ErrorLog { get; init; }

    private RequestMeter Meter { get; } = new();

    /// <summary>
    /// A route to these nodes. A node that was there before keeps its target, and with it health, load and counters; its
    /// connections end by themselves when nobody uses them any more.
    /// </summary>
    public CompiledRoute To(IEnumerable<Node> nodes, BalancingRules rules, CompiledRoute? before)
    {
        var known = before?.Production.Targets ?? [];
        return new()
        {
            Name = Name,
            Policies = Rules is null || rules.Hosts.IsEmpty ? [] : [Rules],
            Production = new(
                [
                    .. nodes
                        .Select(n => (Node: n, Share: rules.ShareOf(n)))
                        .Select(n =>
                            known.FirstOrDefault(t => IsSame(t, n.Node, n.Share)) ?? TargetOf(n.Node, n.Share)
                        ),
                ],
                GoesByAlgorithm ? rules.Algorithm.Algorithm : BalancingAlgorithm.LeastRequests
            )
            {
                Hash = rules.Algorithm.Hash,
            },
            Forwarding = new()
            {
                KeepsHost = true,
                PassesOwnHeaders = true,
                Replays = true,
                ServerName = ServerName,
                Sticky = Sticky,
            },
            Meter = Meter,
            AccessLog = AccessLog,
            ErrorLog = ErrorLog,
        };
    }

    private Target TargetOf(Node node, NodeShare share) =>
        // Plain in the URL, TLS on the wire: the upstream makes TLS itself, because the server name it asks for is not the
        // Host that the request carries.
        new(node.Name, new UriBuilder("http", node.Host, node.InternalPort).Uri, Upstream, () => Timeouts.Node, Time)
        {
            Node = node,
            StickyValue = Sticky?.ValueOf(node.Name),
            Meter = new(),
            Weight = share.Weight,
            Group = share.IsBackup ? 1 : 0,
        };

    private static bool IsSame(Target target, Node node, NodeShare share) =>
        target.Node!.Name == node.Name
        && target.Node.Host == node.Host
        && target.Node.InternalPort == node.InternalPort
        && target.Node.Profile == node.Profile
        && target.Weight == share.Weight
        && target.Group == (share.IsBackup ? 1 : 0);
}
