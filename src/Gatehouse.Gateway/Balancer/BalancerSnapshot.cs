using System.Collections.Frozen;
using System.Collections.Immutable;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Routing;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Balancer;

/// <summary>All that a balancer passes on at one moment.</summary>
internal sealed class BalancerSnapshot : TableSnapshot
{
    private readonly CompiledRoute _workers;
    private readonly CompiledRoute _apis;
    private readonly FrozenDictionary<string, CompiledRoute> _environmentHosts;
    private readonly CompiledRoute _management;
    private readonly FrozenDictionary<ManagementPart, CompiledRoute> _parts;
    private readonly FrozenSet<string> _gatewayHosts;
    private readonly FrozenSet<string> _managementHosts;
    private readonly HostRules _rules;
    private readonly HostPolicy _policy;

    public BalancerSnapshot(
        ImmutableSortedDictionary<string, Node> registered,
        PublicHosts hosts,
        ImmutableSortedDictionary<string, GatewayEnvironment> environments,
        IReadOnlyList<string> own,
        BalancingRules balancing,
        HostRules rules,
        VirtualHost apis,
        VirtualHost management,
        BalancerSnapshot? before
    )
    {
        Registered = registered;
        Hosts = hosts;
        Environments = environments;
        _rules = rules;
        _policy = apis.Rules!;
        _gatewayHosts = hosts.Gateway.Select(h => h.ToLowerInvariant()).ToFrozenSet();
        _managementHosts = hosts.Management.Select(h => h.ToLowerInvariant()).ToFrozenSet();

        // Draining is the one thing besides leaving that takes a node out: it was decided, not guessed.
        var taking = registered.Values.Where(n => !n.Draining).ToList();
        var workers = taking.Where(n => n.Profile.IsWorker()).ToList();
        _workers = apis.To(workers, balancing, before?._workers);
        // Of the same targets: a worker of two environments is well or not in both.
        _apis = apis.To(workers.Where(n => n.Served().Any(own.Contains)), balancing, _workers);
        _environmentHosts = environments
            .Values.Where(e => !e.Hosts.IsEmpty)
            .Select(e =>
                (e.Hosts, Route: apis.To(workers.Where(n => n.Served().Contains(e.Name)), balancing, _workers))
            )
            .SelectMany(e => e.Hosts.Select(h => KeyValuePair.Create(h.ToLowerInvariant(), e.Route)))
            .DistinctBy(h => h.Key)
            .ToFrozenDictionary();
        var managers = taking.Where(n => n.Profile.IsManager()).ToList();
        _management = management.To(managers, balancing, before?._management);
        // Of the same targets: a node is well or not, whatever it is asked for.
        _parts = managers.TrueForAll(n => ManagementParts.Of(n) == ManagementPart.All)
            ? FrozenDictionary<ManagementPart, CompiledRoute>.Empty
            : Enum.GetValues<ManagementPart>()
                .ToFrozenDictionary(
                    part => part,
                    part =>
                        management.To(
                            managers.Where(n =>
                                ManagementParts.Of(n) == ManagementPart.All || (ManagementParts.Of(n) & part) != 0
                            ),
                            balancing,
                            _management
                        )
                );
    }

    public ImmutableSortedDictionary<string, Node> Registered { get; }

    public PublicHosts Hosts { get; }

    public ImmutableSortedDictionary<string, GatewayEnvironment> Environments { get; }

    /// <summary>Every target with its node; an all-in-one node is there twice.</summary>
    public IEnumerable<Target> Targets => _workers.Production.Targets.Concat(_management.Production.Targets);

    /// <summary>True for a host in lower case that leads to console, portals and REST.</summary>
    public bool IsManagement(ReadOnlySpan<char> host) =>
        _managementHosts.GetAlternateLookup<ReadOnlySpan<char>>().Contains(host);

    public ImmutableArray<NodeView> Views =>
        [
            .. Registered.Values.Select(node =>
            {
                var targets = Targets.Where(t => t.Node!.Name == node.Name).ToList();
                return new NodeView(node, targets.TrueForAll(t => t.Health.IsPreferred), targets.Sum(t => t.InFlight));
            }),
        ];

    public override GatewayProblem? Route(Exchange exchange)
    {
        Span<char> buffer = stackalloc char[HostName.Longest];
        var host = buffer[..HostName.Read(exchange.Request.Headers.Host, buffer)];

        exchange.Behaviour = _rules.IsEmpty
            ? null
            : _rules.Find(
                host,
                exchange.Caller.IsHttps,
                exchange.Target.Path(exchange.Request.RawTarget),
                exchange.Target.Traits
            );

        // Management only ever by its exact name: no name an app can call APIs by leads there.
        if (IsManagement(host))
        {
            exchange.Route = ManagementRoute(exchange);
        }
        else if (_environmentHosts.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(host, out var environment))
        {
            exchange.Route = environment;
        }
        else if (
            _gatewayHosts.Count == 0
            || _gatewayHosts.GetAlternateLookup<ReadOnlySpan<char>>().Contains(host)
            // A name that is only ever sent elsewhere needs no node.
            || exchange.Behaviour is { Returns: true }
        )
        {
            exchange.Route = _apis;
        }
        else
        {
            return GatewayProblem.NotFound;
        }

        exchange.ResourceStart = exchange.Target.PathStart;
        return exchange.Request.Method == "CONNECT" && exchange.Method == "CONNECT"
            ? GatewayProblem.MethodNotAllowed([])
            : null;
    }

    // A manager that does not run what is asked would answer as for an unknown path.
    private CompiledRoute ManagementRoute(Exchange exchange)
    {
        if (_parts.Count == 0)
        {
            return _management;
        }

        var path = exchange.Request.Path;
        var parts = ManagementParts.Of(exchange.Method, path);
        if ((parts & ManagementPart.All) == ManagementPart.All)
        {
            return _management;
        }

        foreach (var (part, route) in _parts)
        {
            if (part != ManagementPart.All && (part & parts) != 0 && !route.Production.Targets.IsEmpty)
            {
                return route;
            }
        }

        return _parts[ManagementPart.None] is { Production.Targets.IsEmpty: false } everything
            ? everything
            : _management;
    }

    public override IEnumerable<RequestMeter> Meters => [_apis.Meter, _management.Meter];

    public override IEnumerable<(string Name, Target Target)> Destinations => Targets.Select(t => (t.Node!.Name, t));

    public override void WriteMetrics(PrometheusText text)
    {
        text.Requests("gatehouse_host", "host", [(_apis.Name, _apis.Meter), (_management.Name, _management.Meter)]);
        text.Requests("gatehouse_node", "target", [.. Targets.DistinctBy(t => t.Name).Select(t => (t.Name, t.Meter!))]);
        text.Family("gatehouse_nodes", "gauge", "Registered nodes by whether they look well from here.");
        text.Sample("gatehouse_nodes", "preferred=\"true\"", Views.Count(v => v.Preferred));
        text.Sample("gatehouse_nodes", "preferred=\"false\"", Views.Count(v => !v.Preferred));
        if (_rules.HasRates)
        {
            text.Family("gatehouse_throttled_total", "counter", "Requests turned away by blocks and limits, by level.");
            text.Sample("gatehouse_throttled_total", PrometheusText.Label("level", "address"), _policy.Refused);
        }
    }
}
