using System.Collections.Immutable;
using System.Globalization;
using Gatehouse.Model;
using Gatehouse.Nodes;

namespace Gatehouse.Demo;

/// <summary>Which nodes a demo has and which ports they take. Node i moves all its ports by the demo's offset plus i.</summary>
internal sealed record DemoPlan(int Offset, int Workers, int Balancers)
{
    /// <summary>More workers would run into each other's ports: 8243 + 37 is 8280.</summary>
    public const int MostNodes = 30;

    private const int BackendPort = 9700;
    private const int Step = 40;

    public ImmutableArray<DemoNode> Nodes { get; } =
    [
        new("manager-1", Profile.ControlPlane, Offset),
        .. Enumerable.Range(1, Workers).Select(i => new DemoNode($"worker-{i}", Profile.GatewayWorker, Offset + i)),
        .. Enumerable
            .Range(1, Balancers)
            .Select(i => new DemoNode($"balancer-{i}", Profile.LoadBalancer, Offset + Workers + i)),
    ];

    public int Backend => BackendPort + Offset;

    /// <summary>The first balancer has the well-known ports 8443 and 8080, moved only by the demo's offset.</summary>
    public int BalancerHttps(DemoNode balancer) => 8443 + Offset + Index(balancer);

    public int BalancerHttp(DemoNode balancer) => 8080 + Offset + Index(balancer);

    /// <summary>The plan with the given offset, or the first one from 0 on whose ports are all free.</summary>
    public static DemoPlan Choose(int? offset, int workers, int balancers)
    {
        if (offset is { } given)
        {
            return new(given, workers, balancers);
        }

        return Enumerable
                .Range(0, 50)
                .Select(i => new DemoPlan(i * Step, workers, balancers))
                .FirstOrDefault(plan => plan.Ports().All(FreePort.IsFree))
            ?? new(0, workers, balancers);
    }

    public IEnumerable<int> Ports()
    {
        yield return Backend;
        foreach (var node in Nodes)
        {
            foreach (var port in PortsOf(node))
            {
                yield return port;
            }
        }
    }

    /// <summary>The plain and the TLS address of a node, as its row shows them.</summary>
    public (string Http, string Https) Addresses(DemoNode node)
    {
        var (http, https) = node.Profile switch
        {
            Profile.LoadBalancer => (BalancerHttp(node), BalancerHttps(node)),
            Profile.ControlPlane => (9763 + node.Offset, 9443 + node.Offset),
            _ => (8280 + node.Offset, 8243 + node.Offset),
        };
        return (
            string.Create(CultureInfo.InvariantCulture, $"http://localhost:{http}"),
            string.Create(CultureInfo.InvariantCulture, $"https://localhost:{https}")
        );
    }

    private IEnumerable<int> PortsOf(DemoNode node) =>
        node.Profile switch
        {
            Profile.LoadBalancer => [7443 + node.Offset, 9090 + node.Offset, BalancerHttp(node), BalancerHttps(node)],
            Profile.ControlPlane => [7443 + node.Offset, 9090 + node.Offset, 9443 + node.Offset, 9763 + node.Offset],
            _ =>
            [
                7443 + node.Offset,
                9090 + node.Offset,
                8243 + node.Offset,
                8280 + node.Offset,
                9443 + node.Offset,
                9763 + node.Offset,
            ],
        };

    private int Index(DemoNode balancer) =>
        Nodes.Where(node => node.Profile == Profile.LoadBalancer).TakeWhile(node => node != balancer).Count();
}

/// <summary>One node of a demo.</summary>
internal sealed record DemoNode(string Name, Profile Profile, int Offset);
