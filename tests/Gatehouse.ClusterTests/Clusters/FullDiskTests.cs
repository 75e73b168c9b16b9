using System.Diagnostics;
using System.Net;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

public sealed class FullDiskTests : ClusterTest
{
    private readonly string _disk = Directory.CreateTempSubdirectory("gatehouse-disk-").FullName;
    private bool _mounted;

    [Fact]
    public async Task A_worker_whose_disk_is_full_serves_on_reports_nothing_that_is_not_on_disk_and_recovers()
    {
        Assert.SkipUnless(Machine.IsRoot, "needs root, to mount a small file system");
        _mounted = Mount("-t", "tmpfs", "-o", "size=3m", "gatehouse", _disk) == 0;
        Assert.SkipUnless(_mounted, "this machine does not let a file system be mounted");

        await using var backend = await TestBackend.StartAsync();
        var cluster = new RealCluster();
        Owned(cluster);
        var worker = cluster.Add("worker-1", "gateway-worker");
        worker.Data = Path.Combine(_disk, "worker-1");
        await cluster.FoundAsync();
        await cluster.JoinAsync(worker);
        await cluster.Rest.DeployAsync("before", backend.Url, "none");

        var filler = Path.Combine(_disk, "filler");
        Fill(filler);
        var api = await cluster.Rest.DeployAsync("during", backend.Url, "none", wait: false);
        await worker.Process.SaysAsync("no space left on the device");

        Assert.Equal(HttpStatusCode.OK, (await cluster.CallAsync(worker.Url("/before/1.0.0/x"), null)).Status);
        Assert.Equal("pending", await cluster.Rest.DeploymentOnAsync(api, "worker-1"));
        // What is not on disk is not served either: a restart would take it back.
        Assert.Equal(HttpStatusCode.NotFound, (await cluster.CallAsync(worker.Url("/during/1.0.0/x"), null)).Status);

        File.Delete(filler);

        await cluster.AnswersAsync(worker.Url("/during/1.0.0/x"), null, HttpStatusCode.OK);
        await Eventually.TrueAsync(
            async () => await cluster.Rest.DeploymentOnAsync(api, "worker-1") == "applied",
            TimeSpan.FromSeconds(60),
            () => "applied once there is space"
        );
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_mounted)
        {
            using var unmount = Process.Start("umount", [_disk]);
            await unmount.WaitForExitAsync();
        }

        Directory.Delete(_disk, recursive: true);
    }

    private static void Fill(string file)
    {
        using var filler = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var block in new[] { 65536, 4096, 512, 1 })
        {
            try
            {
                var bytes = new byte[block];
                while (true)
                {
                    filler.Write(bytes);
                }
            }
            catch (IOException)
            {
                // Full to this size of block.
            }
        }
    }

    private static int Mount(params string[] arguments)
    {
        using var mount = Process.Start(
            new ProcessStartInfo("mount", arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
        )!;
        mount.WaitForExit(10_000);
        return mount.ExitCode;
    }
}
