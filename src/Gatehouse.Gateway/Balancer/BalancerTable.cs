using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Gateway.Balancer;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway;

/// <summary>What a balancer passes on: two virtual hosts whose endpoints are the registered nodes.</summary>
public sealed class BalancerTable : IEntityTarget, IRequestTable
{
    private readonly VirtualHost _apis;
    private readonly VirtualHost _management;
    private readonly IReadOnlyList<string> _environments;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private BalancingRules _rules;
    private HostRules _hostRules;
    private volatile BalancerSnapshot _current;

    /// <summary>A table without nodes.</summary>
    public BalancerTable(BalancerOptions balancer, GatewayOptions options, TimeProvider time)
    {
        if (balancer.StickyKey.Length < 32)
        {
            throw new ArgumentException("The key of the sticky cookies has at least 32 bytes.", nameof(balancer));
        }

        var settings = new UpstreamSettings
        {
            ConnectTimeout = balancer.ConnectTimeout,
            ConnectionsPerTarget = options.ConnectionsPerBackend,
            Timeouts = options.Timeouts,
            // An open stream is the worker's to re-check: it knows the entity that let it in.
            StillAdmitted = static _ => true,
        };
        var policy = new HostPolicy(options.LimitCounters, time);
        _apis = new()
        {
            Name = "gateway",
            Rules = policy,
            GoesByAlgorithm = true,
            Upstream = new HttpUpstream(settings with { NodeTls = node => balancer.Tls(node, DataHop.Apis) }),
            Sticky = balancer.ApiStickyCookie is { } name ? new(name, balancer.StickyKey) : null,
            ServerName = options.Node,
            Timeouts = options.Timeouts,
            Time = time,
            AccessLog = options.AccessLog,
            ErrorLog = options.ErrorLog,
        };
        _management = new()
        {
            Name = "management",
            Rules = policy,
            Upstream = new HttpUpstream(settings with { NodeTls = node => balancer.Tls(node, DataHop.Management) }),
            // Blazor keeps a caller's state in one process.
            Sticky = new("gatehouse-node", balancer.StickyKey),
            ServerName = options.Node,
            Timeouts = options.Timeouts,
            Time = time,
            AccessLog = balancer.ManagementAccessLog,
            ErrorLog = balancer.ManagementErrorLog,
        };
        _environments = balancer.Environments;
        _time = time;
        _rules = balancer.Rules;
        _hostRules = new(_rules.Hosts, time);
        _current = new(Nothing, new(), Nowhere, _environments, _rules, _hostRules, _apis, _management, null);
    }

    private static ImmutableSortedDictionary<string, Node> Nothing => ImmutableSortedDictionary<string, Node>.Empty;

    private static ImmutableSortedDictionary<string, GatewayEnvironment> Nowhere =>
        ImmutableSortedDictionary<string, GatewayEnvironment>.Empty;

    /// <summary>Every registered node and how it looks from here.</summary>
    public ImmutableArray<NodeView> Nodes => _current.Views;

    TableSnapshot IRequestTable.Current => _current;

    internal BalancerSnapshot Current => _current;

    /// <summary>True for a caller that asks in its handshake for a name of console, portals and REST; null for one that asks for none.</summary>
    public bool IsManagement(string? serverName)
    {
        Span<char> host = stackalloc char[Routing.HostName.Longest];
        return _current.IsManagement(host[..Routing.HostName.Read(serverName, host)]);
    }

    /// <summary>Goes by other rules from the next request on.</summary>
    public void Apply(BalancingRules rules)
    {
        lock (_lock)
        {
            _rules = rules;
            _hostRules = new(rules.Hosts, _time);
            PublishNeedsLock(_current.Registered, _current.Hosts, _current.Environments);
        }
    }

    private void PublishNeedsLock(
        ImmutableSortedDictionary<string, Node> nodes,
        PublicHosts hosts,
        ImmutableSortedDictionary<string, GatewayEnvironment> environments
    ) => _current = new(nodes, hosts, environments, _environments, _rules, _hostRules, _apis, _management, _current);

    /// <inheritdoc/>
    public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace)
    {
        var running = _current;
        var refusals = new List<Refusal>();
        var nodes = replace ? Nothing : running.Registered;
        var hosts = replace ? new() : running.Hosts;
        var environments = replace ? Nowhere : running.Environments;
        foreach (var change in changes)
        {
            if (change.Kind == EntityKinds.Node)
            {
                var node = change.Deleted ? null : Decode(change, ModelJson.Default.Node, refusals);
                node ??= change.Deleted ? null : running.Registered.GetValueOrDefault(change.Name);
                nodes = node is null ? nodes.Remove(change.Name) : nodes.SetItem(change.Name, node);
            }
            else if (change.Kind == EntityKinds.Hosts)
            {
                hosts = change.Deleted
                    ? new()
                    : Decode(change, ModelJson.Default.PublicHosts, refusals) ?? running.Hosts;
            }
            else if (change.Kind == EntityKinds.Environment)
            {
                var environment = change.Deleted
                    ? null
                    : Decode(change, ModelJson.Default.GatewayEnvironment, refusals)
                        ?? running.Environments.GetValueOrDefault(change.Name);
                environments = environment is null
                    ? environments.Remove(change.Name)
                    : environments.SetItem(change.Name, environment);
            }
        }

        return new Prepared(this, nodes, hosts, environments, [.. refusals]);
    }

    private static T? Decode<T>(EntityChange change, JsonTypeInfo<T> type, List<Refusal> refusals)
        where T : class
    {
        try
        {
            var value = JsonSerializer.Deserialize(change.Payload.Span, type);
            if (
                value is Node node
                && (node.Name != change.Name || node.InternalPort is < 1 or > 65535 || node.Host.Length == 0)
            )
            {
                refusals.Add(
                    new(change.Kind, change.Name, change.Epoch, "", "A node has the entity's name, a host and a port.")
                );
                return null;
            }

            return value;
        }
        catch (JsonException bad)
        {
            refusals.Add(new(change.Kind, change.Name, change.Epoch, bad.Path ?? "", $"Cannot be read: {bad.Message}"));
            return null;
        }
    }

    // Put together when it is published: rules may have changed since it was prepared.
    private sealed class Prepared(
        BalancerTable table,
        ImmutableSortedDictionary<string, Node> nodes,
        PublicHosts hosts,
        ImmutableSortedDictionary<string, GatewayEnvironment> environments,
        ImmutableArray<Refusal> refusals
    ) : IPreparedChanges
    {
        public ImmutableArray<Refusal> Refusals { get; } = refusals;

        public void Publish()
        {
            lock (table._lock)
            {
                table.PublishNeedsLock(nodes, hosts, environments);
            }
        }
    }
}

/// <summary>A node as the balancer sees it.</summary>
/// <param name="Node">The registered node.</param>
/// <param name="Preferred">False while probes or requests fail; it is then tried last.</param>
/// <param name="InFlight">Requests it is serving for this balancer.</param>
public sealed record NodeView(Node Node, bool Preferred, int InFlight);
