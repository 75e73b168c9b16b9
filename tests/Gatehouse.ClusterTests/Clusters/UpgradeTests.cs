using System.Globalization;
using System.Net;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>
/// A running cluster goes from the build of an earlier commit to this one node by node, and back, under load.
/// <c>tests/upgrade.sh</c> makes the earlier build; its folder is named by <c>GATEHOUSE_PREVIOUS</c>.
/// </summary>
public sealed class UpgradeTests : ClusterTest
{
    private static string? Previous => Environment.GetEnvironmentVariable("GATEHOUSE_PREVIOUS");

    [Theory]
    [InlineData("manager-1", "worker-1", "worker-2", "balancer-2", "balancer-1")]
    [InlineData("balancer-1", "balancer-2", "worker-2", "worker-1", "manager-1")]
    public async Task Node_by_node_to_this_build_and_back_costs_no_request(params string[] order)
    {
        Assert.SkipWhen(Previous is null, "GATEHOUSE_PREVIOUS names no earlier build: run tests/upgrade.sh");
        var earlier = Path.Combine(Previous, "gatehouse");
        // Founded as builds before 0.2.0 founded: their gateway-manager ran all of management, and goes on doing so.
        var cluster = Owned(new RealCluster("test", null, "127.0.0.1", [], "gateway-manager"));
        foreach (
            var (name, profile) in ((string, string)[])
                [
                    ("worker-1", "gateway-worker"),
                    ("worker-2", "gateway-worker"),
                    ("balancer-1", "load-balancer"),
                    ("balancer-2", "load-balancer"),
                ]
        )
        {
            cluster.Add(name, profile);
        }

        foreach (var node in cluster.Nodes)
        {
            node.Executable = earlier;
        }

        await cluster.FoundAsync();
        await cluster.JoinAsync([.. cluster.Nodes.Skip(1)]);
        await using var backend = await TestBackend.StartAsync();
        await cluster.Rest.DeployAsync("things", backend.Url);
        var (_, key) = await cluster.Rest.CreateKeyAsync("caller", "things:1.0.0");
        await cluster.AnswersEverywhereAsync("/things/1.0.0/x", key);
        await using var load = await SteadyLoad.StartAsync(
            [.. cluster.Balancers.Select(b => b.Url("/things/1.0.0/x"))],
            key,
            cluster.Authority,
            4
        );

        // 1. There. While builds are mixed, each step's deployment reaches every worker.
        var step = 0;
        foreach (var name in order)
        {
            await cluster[name].TerminateAsync();
            cluster[name].Executable = null;
            await StepAsync(cluster[name]);
            if (cluster[name] == cluster.Manager)
            {
                var port = cluster.Manager.ManagementHttps.ToString(CultureInfo.InvariantCulture);
                var publisher = new Uri($"https://127.0.0.1:{port}/publisher");
                using var page = await cluster.Http.GetAsync(publisher);
                Assert.NotEqual(HttpStatusCode.NotFound, page.StatusCode);
            }
        }

        // 2. And back, in the same order. The manager's file goes back to what was kept of it before it
        //    was migrated; a copy put back begins a new history, as docs/operations/upgrade.md says.
        foreach (var name in order)
        {
            await cluster[name].TerminateAsync();
            cluster[name].Executable = earlier;
            if (cluster[name] == cluster.Manager)
            {
                var directory = Path.Combine(cluster.Manager.Data, "catalogue");
                var former = Assert.Single(Directory.GetFiles(directory, "catalogue.db.before-*"));
                var file = Path.Combine(directory, "catalogue.db");
                File.Delete(file + "-wal");
                File.Delete(file + "-shm");
                File.Move(former, file, overwrite: true);
                await using var setup = NodeProcess.Start(
                    ["setup", "--new-history", "back to the build before", "--data", cluster.Manager.Data],
                    cluster.Environment,
                    executable: earlier
                );
                Assert.Equal(0, await setup.ExitedAsync());
            }

            await StepAsync(cluster[name]);
        }

        var outcome = await load.StopAsync();
        outcome.HasNoFailure($"an upgrade and the way back, {string.Join(", ", order)}");

        async Task StepAsync(ClusterNode node)
        {
            await node.StartReadyAsync();
            await cluster.ServesAsync([.. cluster.Nodes.Select(n => n.Name)]);
            await load.AnswersMoreAsync(100);
            var api = $"step-{++step}";
            await cluster.Rest.DeployAsync(api, backend.Url, "none");
            foreach (var worker in cluster.Workers)
            {
                await cluster.AnswersAsync(worker.Url($"/{api}/1.0.0/x"), null, HttpStatusCode.OK);
            }

            Print($"step {step}: {node.Name} runs {(node.Executable is null ? "this build" : "the earlier build")}");
        }
    }
}
