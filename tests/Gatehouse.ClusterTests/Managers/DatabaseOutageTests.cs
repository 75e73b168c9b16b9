using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.TestSupport;

namespace Gatehouse.ClusterTests.Managers;

public sealed class DatabaseOutageTests : ClusterTest
{
    private readonly string _disk = Directory.CreateTempSubdirectory("gatehouse-disk-").FullName;
    private bool _mounted;

    [Fact]
    public async Task PostgreSQL_dies_and_cuts_connections_under_writes_nothing_acknowledged_is_lost_and_workers_serve_on()
    {
        await using var two = await TwoManagers.StartAsync(workers: 1);
        var cluster = Watched(two.Cluster);
        await using var backend = await TestBackend.StartAsync();
        await cluster.Rest.DeployAsync("things", backend.Url, "none");
        var call = cluster["worker-1"].Url("/things/1.0.0/x");
        await using var writers = await Writers.StartAsync(cluster, two.First, two.Second);
        await writers.AcknowledgeMoreAsync(30);

        // 1. Every connection is cut, some of them under a commit.
        for (var i = 0; i < 5; i++)
        {
            await two.Server.ExecuteAsync(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse'"
            );
            await writers.AcknowledgeMoreAsync(10);
        }

        // 2. The server dies as in a crash, and is away.
        await two.Server.StopAsync("QUIT");
        var answer = await RefusalAsync(cluster);
        Assert.Equal("The database does not answer", (string?)answer["title"]);
        Assert.Contains("Nothing was changed", (string)answer["detail"]!, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await cluster.CallAsync(call, null)).Status);

        await two.Server.StartAgainAsync();
        await writers.AcknowledgeMoreAsync(30);
        await writers.StopAsync();
        Print($"{writers.Acknowledged.Count} writes acknowledged, counter {writers.Raised}; {writers.Answers}");

        using var second = cluster.RestOf(two.Second);
        await writers.AreHeldAsync(cluster.Rest);
        await writers.AreHeldAsync(second);
        Assert.True((bool)(await second.SendAsync(HttpMethod.Get, "audit/verdict"))!["whole"]!);
        Assert.Equal(HttpStatusCode.OK, (await cluster.CallAsync(call, null)).Status);
        await cluster.Rest.DeployAsync("later", backend.Url, "none");
    }

    [Fact]
    public async Task A_full_disk_under_PostgreSQL_refuses_writes_and_loses_none()
    {
        Assert.SkipUnless(Machine.IsRoot, "needs root, to mount a small file system");
        _mounted = await RunAsync("mount", "-t", "tmpfs", "-o", "size=150m,mode=755", "gatehouse", _disk) == 0;
        Assert.SkipUnless(_mounted, "this machine does not let a file system be mounted");
        await using var two = await TwoManagers.StartAsync(
            workers: 1,
            await PostgreSqlServer.StartInAsync(
                Directory.CreateDirectory(Path.Combine(_disk, "server")).FullName,
                "max_wal_size=32MB",
                "min_wal_size=32MB"
            )
        );
        var cluster = Watched(two.Cluster);
        await using var backend = await TestBackend.StartAsync();
        await cluster.Rest.DeployAsync("things", backend.Url, "none");
        await using var writers = await Writers.StartAsync(cluster, two.First, two.Second);
        await writers.AcknowledgeMoreAsync(30);

        var filler = Path.Combine(_disk, "filler");
        await RunAsync("dd", "if=/dev/zero", $"of={filler}", "bs=64k");
        await RefusalAsync(cluster);
        Assert.Equal(
            HttpStatusCode.OK,
            (await cluster.CallAsync(cluster["worker-1"].Url("/things/1.0.0/x"), null)).Status
        );

        File.Delete(filler);
        var until = writers.Acknowledged.Count + 30;
        await Eventually.TrueAsync(
            async () =>
            {
                if (!two.Server.IsRunning)
                {
                    // A full disk under its log ends the server, perhaps only now; what it acknowledged is on that disk.
                    await two.Server.StopAsync();
                    await two.Server.StartAgainAsync();
                }

                return writers.Acknowledged.Count >= until;
            },
            TimeSpan.FromSeconds(90),
            () => $"writes are acknowledged again; {writers.Answers}"
        );
        await writers.StopAsync();
        Print($"{writers.Acknowledged.Count} writes acknowledged, counter {writers.Raised}; {writers.Answers}");
        await writers.AreHeldAsync(cluster.Rest);
        await cluster.Rest.DeployAsync("later", backend.Url, "none");
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_mounted)
        {
            await RunAsync("umount", _disk);
        }

        Directory.Delete(_disk, recursive: true);
    }

    // Bulky, so that a disk with room for a few pages more does not take it.
    private static async Task<JsonNode> RefusalAsync(RealCluster cluster)
    {
        using var http = Trust.ClientOf(cluster.Authority);
        JsonNode? refusal = null;
        await Eventually.TrueAsync(
            async () =>
            {
                using var request = new HttpRequestMessage(
                    HttpMethod.Post,
                    $"https://127.0.0.1:{cluster.Manager.ManagementHttps}/api/v1/plans"
                )
                {
                    Content = new StringContent(
                        new JsonObject
                        {
                            ["name"] = $"bulk-{Guid.NewGuid():N}",
                            ["description"] = new string('x', 900),
                            ["billing"] = "free",
                        }.ToJsonString(),
                        System.Text.Encoding.UTF8,
                        "application/json"
                    ),
                };
                request.Headers.Authorization = new("Bearer", cluster.AccessToken);
                using var response = await http.SendAsync(request);
                var text = await response.Content.ReadAsStringAsync();
                Assert.True(
                    response.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.Created,
                    $"{(int)response.StatusCode} {text}"
                );
                refusal = response.StatusCode == HttpStatusCode.ServiceUnavailable ? JsonNode.Parse(text) : null;
                return refusal is not null;
            },
            TimeSpan.FromSeconds(60),
            () => "a write is refused"
        );
        return refusal!;
    }

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
