using System.Net;
using System.Text;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

public sealed class StoreDamageTests : ClusterTest
{
    private const int Apis = 6;

    [Fact]
    public async Task A_worker_with_a_damaged_store_serves_what_is_whole_names_the_rest_and_heals_when_the_manager_is_there()
    {
        await using var backend = await TestBackend.StartAsync();
        var cluster = Owned(await RealCluster.StartAsync(workers: 1, balancers: 0));
        var worker = cluster["worker-1"];
        for (var i = 0; i < Apis; i++)
        {
            await cluster.Rest.DeployAsync($"api{i}", backend.Url, "none");
        }

        var file = Path.Combine(worker.Data, "store", "store.db");

        // One bit of one row: all others are served with no manager in sight.
        await worker.TerminateAsync();
        await cluster.Manager.KillAsync();
        FlipBitIn(file, "\"api3\"");
        await worker.StartReadyAsync();
        for (var i = 0; i < Apis; i++)
        {
            var (status, _) = await cluster.CallAsync(worker.Url($"/api{i}/1.0.0/x"), null);
            Assert.Equal(i == 3 ? HttpStatusCode.NotFound : HttpStatusCode.OK, status);
        }

        var faults = (await worker.OwnStatusAsync())["storeFaults"]!.ToJsonString();
        Assert.Contains("api api3:1.0.0", faults, StringComparison.Ordinal);
        await HealsAsync(cluster, worker, "api api3:1.0.0");

        // Cut in the middle: whatever can be read is served, or nothing; never a lie and never a worker that does not start.
        await worker.TerminateAsync();
        await cluster.Manager.KillAsync();
        using (var store = new FileStream(file, FileMode.Open))
        {
            store.SetLength(store.Length / 2);
        }

        await worker.StartAsync();
        await worker.Process.SaysAsync("Store: store.db");
        await cluster.Manager.StartAsync();
        await worker.IsReadyAsync();
        await HealsAsync(cluster, worker, "store.db");

        // Garbage in place of a store.
        await worker.TerminateAsync();
        await File.WriteAllBytesAsync(file, Encoding.ASCII.GetBytes(new string('x', 5000)));
        await worker.StartReadyAsync();
        await HealsAsync(cluster, worker, "store.db");
    }

    private static async Task HealsAsync(RealCluster cluster, ClusterNode worker, string fault)
    {
        if (!cluster.Manager.IsRunning)
        {
            await cluster.Manager.StartAsync();
        }

        await cluster.ServesAsync("worker-1");
        for (var i = 0; i < Apis; i++)
        {
            await cluster.AnswersAsync(worker.Url($"/api{i}/1.0.0/x"), null, HttpStatusCode.OK);
        }

        await Eventually.TrueAsync(
            async () => (await cluster.Rest.AlertsAsync()).Any(a => a.Contains(fault, StringComparison.Ordinal)),
            TimeSpan.FromSeconds(60),
            () => $"the manager alerts of '{fault}'"
        );
    }

    /// <summary>Flips a bit wherever the file holds <paramref name="text"/>: the row itself and what SQLite left of its former places.</summary>
    private static void FlipBitIn(string file, string text)
    {
        var bytes = File.ReadAllBytes(file);
        var pattern = Encoding.UTF8.GetBytes(text);
        var flipped = 0;
        while (bytes.AsSpan().IndexOf(pattern) is var at and >= 0)
        {
            bytes[at + 2] ^= 1;
            flipped++;
        }

        Assert.True(flipped > 0, $"{file} does not hold {text}");
        File.WriteAllBytes(file, bytes);
    }
}
