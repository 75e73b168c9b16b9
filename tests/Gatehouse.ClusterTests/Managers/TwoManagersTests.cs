using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Managers;

public sealed class TwoManagersTests : ClusterTest
{
    [Fact]
    public async Task Both_write_each_freezes_and_is_killed_in_its_turn_and_every_acknowledged_write_is_in_the_catalogue_and_on_the_workers()
    {
        await using var two = await TwoManagers.StartAsync();
        var cluster = Watched(two.Cluster);
        await using var backend = await TestBackend.StartAsync();
        var api = await cluster.Rest.DeployAsync("things", backend.Url);
        await using var writers = await Writers.StartAsync(cluster, two.First, two.Second);
        await writers.AcknowledgeMoreAsync(40);
        foreach (var manager in new[] { two.Second, two.First })
        {
            // 1. It freezes, perhaps with the head row in its hand; the other goes on within the server's patience.
            manager.Process.Signal(PosixSignalNumber.Stop);
            await writers.AcknowledgeMoreAsync(30);
            await cluster.AnswersAsync(cluster["worker-1"].Url("/things/1.0.0/x"), null, HttpStatusCode.Unauthorized);
            manager.Process.Signal(PosixSignalNumber.Continue);
            await writers.AcknowledgeMoreAsync(30);

            // 2. It is killed under its writes, and comes back with the command that began it.
            await manager.KillAsync();
            await writers.AcknowledgeMoreAsync(25);
            await manager.StartReadyAsync();
            await writers.AcknowledgeMoreAsync(25);
        }

        await writers.StopAsync();
        Print($"{writers.Acknowledged.Count} writes acknowledged, counter {writers.Raised}; {writers.Answers}");

        // 3. What was acknowledged is what both managers hold, and what the workers run.
        foreach (var manager in new[] { two.First, two.Second })
        {
            using var rest = cluster.RestOf(manager);
            await writers.AreHeldAsync(rest);
            await WorkersRunAllAsync(cluster, rest);
            var verified = await rest.SendAsync(HttpMethod.Get, "audit/verdict");
            Assert.True((bool)verified!["whole"]!);
        }

        // 4. The last application made on either side can call through each worker, subscribed through the other manager.
        using var second = cluster.RestOf(two.Second);
        foreach (var id in writers.Acknowledged.Values.TakeLast(2))
        {
            await second.SendAsync(
                HttpMethod.Post,
                "subscriptions",
                new JsonObject { ["application"] = id, ["api"] = api }
            );
            var key = (string)
                (await cluster.Rest.SendAsync(HttpMethod.Post, $"applications/{id}/keys", new JsonObject()))![
                    "secret"
                ]!;
            foreach (var worker in cluster.Workers)
            {
                await cluster.AnswersAsync(worker.Url("/things/1.0.0/x"), key, HttpStatusCode.OK);
            }
        }

        Assert.DoesNotMatch("reads everything again: the (catalogue|newest epoch)", cluster.Output);
    }

    [Fact]
    public async Task The_second_manager_tells_of_nodes_that_report_to_the_first_and_of_what_they_run()
    {
        await using var two = await TwoManagers.StartAsync(workers: 1);
        var cluster = Watched(two.Cluster);
        await using var backend = await TestBackend.StartAsync();
        var api = await cluster.Rest.DeployAsync("things", backend.Url);
        using var second = cluster.RestOf(two.Second);

        // Both show every node as serving and the deployment as applied, whichever of them the worker reports to.
        foreach (var rest in new[] { cluster.Rest, second })
        {
            await Eventually.TrueAsync(
                async () => (await StatesAsync(rest)).All(s => s.EndsWith(" serving", StringComparison.Ordinal)),
                TimeSpan.FromSeconds(60),
                () => $"all serve\n{cluster.Output}"
            );
            await Eventually.TrueAsync(
                async () => await rest.DeploymentOnAsync(api, "worker-1") == "applied",
                TimeSpan.FromSeconds(60),
                () => "applied"
            );
        }

        // A token of either manager leads to both of them.
        var token = Gatehouse.Deployment.Trust.JoinToken.Decode(await second.CreateTokenAsync("gateway-worker"));
        Assert.Equal(2, token.Addresses.Length);

        await RotateAuthorityAsync(two);
        using var again = cluster.RestOf(two.Second);

        // Evicted through the one, it is gone from the other, and neither lets it back.
        await again.SendAsync(HttpMethod.Delete, "nodes/worker-1");
        await Eventually.TrueAsync(
            async () => await cluster.Rest.StateOfAsync("worker-1") is null,
            TimeSpan.FromSeconds(60),
            () => "evicted"
        );
    }

    // Begun at the one, gone on with at the other, while the one is away.
    private static async Task RotateAuthorityAsync(TwoManagers two)
    {
        const string Rotation = "authority/rotation";
        var cluster = two.Cluster;
        await cluster.Rest.SendAsync(HttpMethod.Post, Rotation);
        await ThroughAsync(cluster, cluster.Rest, "both are believed");
        cluster.Believe(await AuthoritiesAsync(cluster, two.First));
        using var second = cluster.RestOf(two.Second);
        // What a node said to the one, the other knows a moment later.
        await ThroughAsync(cluster, second, "both are believed, as the second knows");
        await second.SendAsync(HttpMethod.Post, $"{Rotation}/next");
        await two.First.TerminateAsync();
        await two.First.StartReadyAsync();
        await ThroughAsync(cluster, second, "the new one issues");
        await second.SendAsync(HttpMethod.Post, $"{Rotation}/next");
        await ThroughAsync(cluster, second, "the old one is forgotten");

        var one = await AuthoritiesAsync(cluster, two.First);
        Assert.Equal(one, await AuthoritiesAsync(cluster, two.Second));
        Assert.Single(one.Split("BEGIN CERTIFICATE").Skip(1));
        cluster.Believe(one);
        await cluster.ServesAsync([.. cluster.Nodes.Select(n => n.Name)]);
    }

    private static Task<string> AuthoritiesAsync(RealCluster cluster, ClusterNode manager) =>
        cluster.Http.GetStringAsync(new Uri($"https://localhost:{manager.ManagementHttps}/ca.pem"));

    private static async Task ThroughAsync(RealCluster cluster, ManagerApi rest, string what)
    {
        var last = "";
        await Eventually.TrueAsync(
            async () =>
            {
                var view = (await rest.SendAsync(HttpMethod.Get, "authority"))!;
                last = view.ToJsonString();
                return view["nodes"]!.AsArray().All(n => n!["waitsFor"] is null);
            },
            TimeSpan.FromSeconds(90),
            () => $"{what}: {last}\n{cluster.Output}"
        );
    }

    private static async Task<IReadOnlyList<string>> StatesAsync(ManagerApi rest) =>
        [
            .. (await rest.SendAsync(HttpMethod.Get, "status"))!["nodes"]!
                .AsArray()
                .Select(n => $"{(string?)n!["name"]} {(string?)n["state"]}"),
        ];

    private static async Task WorkersRunAllAsync(RealCluster cluster, ManagerApi rest)
    {
        var last = "";
        await Eventually.TrueAsync(
            async () =>
            {
                var status = await rest.SendAsync(HttpMethod.Get, "status");
                var nodes = status!["nodes"]!.AsArray().Where(n => (string?)n!["profile"] == "gateway-worker").ToList();
                last = status.ToJsonString();
                return nodes.Count == cluster.Workers.Count()
                    && nodes.All(n => (string?)n!["state"] == "serving" && (long?)n["epoch"] == (long?)status["epoch"]);
            },
            TimeSpan.FromSeconds(60),
            () => $"every worker at the head: {last}"
        );
    }
}
