using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.ClusterTests.Membership;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>Each node on a host of its own, made of network namespaces; cables are pulled.</summary>
public sealed class PartitionTests : ClusterTest
{
    private const int ManagerHost = 1;
    private const int FirstWorkerHost = 2;
    private const int OtherWorkerHost = 3;

    private readonly List<NodeProcess> _backends = [];
    private Networks? _networks;

    [Fact]
    public async Task Workers_cut_off_from_the_manager_or_from_each_other_serve_on_and_all_heals()
    {
        Assert.SkipUnless(Networks.Available, "needs root and the ip command");
        var subnet = string.Create(CultureInfo.InvariantCulture, $"10.231.{Random.Shared.Next(80, 250)}");
        _networks = new(3, subnet, joinedByThisMachine: true);
        var cluster = await StartAsync(_networks);
        Owned(cluster);
        var (worker, other) = (cluster["worker-1"], cluster["worker-2"]);

        // Between the manager and everybody.
        _networks.CutOff(ManagerHost);
        foreach (var node in cluster.Workers)
        {
            await ServesAsync(cluster, node, "things");
        }

        await Eventually.TrueAsync(
            async () => await StatesSeenByManagerAsync(cluster) is { } states && states == "lost lost",
            TimeSpan.FromSeconds(60),
            () => "the manager shows both workers as lost"
        );
        var document = Path.Combine(cluster.Directory, "later.yaml");
        await File.WriteAllTextAsync(
            document,
            "openapi: 3.1.0\ninfo: { title: later, version: 1.0.0 }\npaths: { /*: { get: { responses: { '200': { description: ok } } } } }\n"
        );
        var (code, _, output) = await OnManagerAsync(
            cluster,
            "api",
            "import",
            document,
            "--endpoint",
            "http://127.0.0.1:9700",
            "--auth",
            "none",
            "--deploy"
        );
        Assert.True(code == 0, output);
        foreach (var node in cluster.Workers)
        {
            await ServesAsync(cluster, node, "things");
        }

        _networks.Connect(ManagerHost);
        await cluster.ServesAsync("worker-1", "worker-2");
        foreach (var node in cluster.Workers)
        {
            await ServesAsync(cluster, node, "later");
        }

        await MembersAsync(cluster);

        // Between the workers only.
        _networks.Part(FirstWorkerHost, OtherWorkerHost);
        await cluster.Rest.DeployAsync("parted", "http://127.0.0.1:9700", "none");
        await ServesAsync(cluster, worker, "parted");
        await ServesAsync(cluster, other, "parted");
        await cluster.ServesAsync("worker-1", "worker-2");

        _networks.Reunite(FirstWorkerHost, OtherWorkerHost);
        await MembersAsync(cluster);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var backend in _backends)
        {
            await backend.DisposeAsync();
        }

        _networks?.Dispose();
    }

    private async Task<RealCluster> StartAsync(Networks networks)
    {
        var cluster = new RealCluster("parted", networks[ManagerHost], host: networks.AddressOf(ManagerHost));
        try
        {
            for (var host = FirstWorkerHost; host <= OtherWorkerHost; host++)
            {
                _backends.Add(
                    NodeProcess.Start(["sample-backend", "--port", "9700"], networkNamespace: networks[host])
                );
                cluster.Add(
                    string.Create(CultureInfo.InvariantCulture, $"worker-{host - 1}"),
                    "gateway-worker",
                    networks[host],
                    networks.AddressOf(host)
                );
            }

            await cluster.FoundAsync();
            await cluster.JoinAsync([.. cluster.Workers]);
            await cluster.Rest.DeployAsync("things", "http://127.0.0.1:9700", "none");
            await MembersAsync(cluster);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    private static Task ServesAsync(RealCluster cluster, ClusterNode node, string api) =>
        cluster.AnswersAsync(
            new(string.Create(CultureInfo.InvariantCulture, $"https://{node.Host}:{node.Https}/{api}/1.0.0/menu")),
            null,
            HttpStatusCode.OK
        );

    private static async Task<string?> StatesSeenByManagerAsync(RealCluster cluster)
    {
        var (code, text, _) = await OnManagerAsync(cluster, "status", "-o", "json");
        return code != 0
            ? null
            : string.Join(
                ' ',
                JsonNode.Parse(text)!["nodes"]!
                    .AsArray()
                    .Where(n => (string?)n!["profile"] == "gateway-worker")
                    .Select(n => (string?)n!["state"])
            );
    }

    private static async Task<(int, string, string)> OnManagerAsync(RealCluster cluster, params string[] arguments)
    {
        await using var process = NodeProcess.Start(arguments, cluster.Environment, cluster.Manager.Network);
        var code = await process.ExitedAsync();
        return (code, process.StandardOutput, process.Output);
    }

    private static async Task MembersAsync(RealCluster cluster)
    {
        var last = "";
        await Eventually.TrueAsync(
            async () =>
            {
                var members = await cluster.Rest.SendAsync(HttpMethod.Get, "members");
                last = members!.ToJsonString();
                return members["members"]!.AsArray().Count(m => (string?)m!["state"] == "up") == 3;
            },
            TimeSpan.FromSeconds(120),
            () => $"three members are up: {last}"
        );
    }
}
