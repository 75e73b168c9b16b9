using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

public sealed class EvictionTests : ClusterTest
{
    [Fact]
    public async Task An_evicted_worker_loses_its_feed_and_its_requests_and_its_certificate_opens_nothing()
    {
        await using var backend = await TestBackend.StartAsync();
        var cluster = Owned(await RealCluster.StartAsync());
        var (worker, other) = (cluster["worker-1"], cluster["worker-2"]);
        await cluster.Rest.DeployAsync("things", backend.Url);
        var (_, key) = await cluster.Rest.CreateKeyAsync("callers", "things:1.0.0");
        var url = cluster["balancer-1"].Url("/things/1.0.0/one");
        await cluster.AnswersEverywhereAsync("/things/1.0.0/one", key);
        using var certificate = InternalProbe.IdentityOf(worker);
        Assert.True(await InternalProbe.IsLetInAsync(cluster.Manager, certificate));
        await using var load = await SteadyLoad.StartAsync([url], key, cluster.Authority);

        var (code, _, output) = await cluster.RunAsync("node", "evict", "worker-1");
        Assert.True(code == 0, output);

        await Eventually.TrueAsync(
            async () =>
            {
                var before = await worker.AnsweredAsync();
                await load.AnswersMoreAsync(60);
                return await worker.AnsweredAsync() == before;
            },
            TimeSpan.FromSeconds(60),
            () => "an evicted worker gets nothing"
        );
        (await load.StopAsync()).HasNoFailure("eviction of a worker");

        // Every node refuses it from now on, each by its own copy of the list.
        foreach (var node in new[] { cluster.Manager, other })
        {
            await Eventually.TrueAsync(
                async () => !await InternalProbe.IsLetInAsync(node, certificate),
                TimeSpan.FromSeconds(60),
                () => $"{node.Name} refuses the evicted worker"
            );
        }

        await cluster.Manager.Process.SaysAsync("was evicted");
        await other.Process.SaysAsync("was evicted");
        Assert.Null(await cluster.Rest.StateOfAsync("worker-1"));
        // What was on its way to it when it was evicted may still come.
        await Eventually.TrueAsync(
            async () => (string?)(await worker.OwnStatusAsync())["manager"] is null,
            TimeSpan.FromSeconds(60),
            () => "the evicted worker has lost its feed"
        );
        var epoch = (long?)(await worker.OwnStatusAsync())["epoch"];
        await cluster.Rest.DeployAsync("later", backend.Url, "none");
        Assert.Equal(
            System.Net.HttpStatusCode.NotFound,
            (await cluster.CallAsync(worker.Url("/later/1.0.0/x"), null)).Status
        );
        var now = await worker.OwnStatusAsync();
        Assert.Equal(epoch, (long?)now["epoch"]);
        Assert.Null((string?)now["manager"]);

        // A new start changes nothing, and its name is free for another machine.
        await worker.KillAsync();
        await worker.StartReadyAsync();
        await worker.Process.SaysAsync("Left the manager");
        Assert.Null(await cluster.Rest.StateOfAsync("worker-1"));
    }
}
