using System.Net;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

public sealed class EmptyStoreTests : ClusterTest
{
    [Fact]
    public async Task A_worker_with_an_empty_store_fills_it_from_a_peer_when_no_manager_answers_and_says_that_it_is_unverified()
    {
        await using var backend = await TestBackend.StartAsync();
        var cluster = Owned(await RealCluster.StartAsync(balancers: 0));
        var (worker, peer) = (cluster["worker-1"], cluster["worker-2"]);
        await cluster.Rest.DeployAsync("things", backend.Url, "none");
        await worker.KillAsync();
        // Never seen by a manager again before it lends.
        await cluster.Manager.KillAsync();
        Directory.Delete(Path.Combine(worker.Data, "store"), recursive: true);

        await worker.StartReadyAsync();

        Assert.Equal(HttpStatusCode.OK, (await cluster.CallAsync(worker.Url("/things/1.0.0/x"), null)).Status);
        await worker.Process.SaysAsync("Freshness unverified");
        Assert.True((await peer.ReadinessAsync()).Ready);

        await cluster.Manager.StartAsync();
        await cluster.ServesAsync("worker-1", "worker-2");
        IReadOnlyList<string> alerts = [];
        await Eventually.TrueAsync(
            async () =>
                (alerts = await cluster.Rest.AlertsAsync()).All(a =>
                    !a.StartsWith("unverified", StringComparison.Ordinal)
                ),
            TimeSpan.FromSeconds(60),
            () => $"the manager has verified it: {string.Join("; ", alerts)}"
        );
    }
}
