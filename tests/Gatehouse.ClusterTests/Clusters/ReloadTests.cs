using System.Globalization;
using System.Net;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

[Collection(SharedClusterUsers.Name)]
public sealed class ReloadTests : ClusterTest
{
    private readonly SharedCluster _shared;

    public ReloadTests(SharedCluster shared)
    {
        _shared = shared;
        Watched(shared.Cluster);
    }

    private RealCluster Cluster => _shared.Cluster;

    private ClusterNode Worker => Cluster["worker-1"];

    private string File => Path.Combine(Worker.Data, "gatehouse.yaml");

    [Fact]
    public async Task A_reload_moves_listeners_and_limits_and_the_log_level_and_drops_no_request()
    {
        var before = await System.IO.File.ReadAllTextAsync(File);
        // Straight to the worker: its own listeners are what changes.
        await using var load = await SteadyLoad.StartAsync(
            [Worker.Url("/things/1.0.0/one")],
            _shared.Key,
            Cluster.Authority
        );
        try
        {
            await WriteAsync(
                "listen: { gateway: { http: 8270 } }\nlimits: { requestHead: 24KiB }\nlog: { level: debug }"
            );
            var (code, _, output) = await Cluster.RunAsync("reload", "--data", Worker.Data);

            Assert.True(code == 0, output);
            Assert.Contains("listen.gateway.http", output, StringComparison.Ordinal);
            Assert.Contains("log.level", output, StringComparison.Ordinal);
            await AnswersOnAsync(8270);
            await Eventually.TrueAsync(
                async () => !await IsOpenAsync(8280),
                TimeSpan.FromSeconds(60),
                () => "the former port is closed"
            );
            await load.AnswersMoreAsync(150);

            await WriteAsync("limits: { requestHead: 28KiB }");
            Worker.Process.Signal(PosixSignalNumber.Hangup);
            await AnswersOnAsync(8280);
            await Worker.Process.SaysAsync(
                "Configuration read anew: applied listen.gateway.http, log.level, limits.requestHead"
            );
            await load.AnswersMoreAsync(150);
            (await load.StopAsync()).HasNoFailure("two reloads of a worker's listeners");
        }
        finally
        {
            await RestoreAsync(before);
        }
    }

    [Fact]
    public async Task A_reload_of_a_file_with_a_mistake_changes_nothing_and_points_at_it()
    {
        var before = await System.IO.File.ReadAllTextAsync(File);
        try
        {
            await WriteAsync("listen:\n  gateway:\n    http: 8271\n    htps: 1");
            var (code, _, output) = await Cluster.RunAsync("reload", "--data", Worker.Data);

            Assert.NotEqual(0, code);
            Assert.Contains($"{File}:5:5", output, StringComparison.Ordinal);
            Assert.Contains("htps", output, StringComparison.Ordinal);
            Assert.Contains("https", output, StringComparison.Ordinal);
            await AnswersOnAsync(8280);
            Assert.False(await IsOpenAsync(8271));

            // A port that another holds is found out only when it is opened: nothing of the rest is applied either.
            await WriteAsync(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"listen: {{ gateway: {{ http: {Cluster["worker-2"].Http - Worker.Offset} }} }}\nlog: {{ level: debug }}"
                )
            );
            (code, _, output) = await Cluster.RunAsync("reload", "--data", Worker.Data);
            Assert.NotEqual(0, code);
            Assert.Contains(
                Cluster["worker-2"].Http.ToString(CultureInfo.InvariantCulture),
                output,
                StringComparison.Ordinal
            );
            await AnswersOnAsync(8280);
        }
        finally
        {
            await RestoreAsync(before);
        }
    }

    private Task WriteAsync(string settings) =>
        System.IO.File.WriteAllTextAsync(File, $"node: {{ profile: gateway-worker, name: worker-1 }}\n{settings}\n");

    private async Task RestoreAsync(string text)
    {
        await System.IO.File.WriteAllTextAsync(File, text);
        var (code, _, output) = await Cluster.RunAsync("reload", "--data", Worker.Data);
        Assert.True(code == 0, output);
    }

    private Task AnswersOnAsync(int port) =>
        Cluster.AnswersAsync(
            new(string.Create(CultureInfo.InvariantCulture, $"http://localhost:{port + Worker.Offset}/things/1.0.0/x")),
            _shared.Key,
            HttpStatusCode.OK
        );

    private async Task<bool> IsOpenAsync(int port)
    {
        using var client = new System.Net.Sockets.TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port + Worker.Offset);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
