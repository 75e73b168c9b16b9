using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.Deployment.Trust;
using Microsoft.Data.Sqlite;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>A node that cannot start says why in words an operator can act on, with an exit code a script can.</summary>
[Collection(SharedClusterUsers.Name)]
public sealed class RefusedStartTests : ClusterTest
{
    private readonly SharedCluster _shared;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gatehouse-refused-");
    private readonly int _offset = Machine.TakeOffset();

    public RefusedStartTests(SharedCluster shared)
    {
        _shared = shared;
        Watched(shared.Cluster);
    }

    private RealCluster Cluster => _shared.Cluster;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_second_process_on_a_data_directory_ends_and_names_the_first_one()
    {
        var worker = Cluster["worker-1"];

        var (code, _, output) = await Cluster.RunAsync("run", "--data", worker.Data);

        Assert.Equal(1, code);
        Assert.Contains(
            string.Create(CultureInfo.InvariantCulture, $"in use by process {worker.Process.Id}"),
            output,
            StringComparison.Ordinal
        );
        Assert.Contains("--data", output, StringComparison.Ordinal);
        Assert.True((await worker.ReadinessAsync()).Ready);
    }

    [Fact]
    public async Task A_taken_port_is_told_with_its_holder_its_key_and_the_way_out()
    {
        using var holder = new TcpListener(IPAddress.IPv6Any, 0);
        holder.Server.DualMode = true;
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;
        foreach (var key in new[] { "listen.management.https", "listen.internal.port", "listen.health.port" })
        {
            var (code, _, output) = await Cluster.RunAsync(
                "init",
                "--profile",
                "gateway-manager",
                "--data",
                Path.Combine(_folder.FullName, key),
                "--port-offset",
                Offset(0),
                "--set",
                "cluster.enabled=false",
                "--set",
                string.Create(CultureInfo.InvariantCulture, $"{key}={port - _offset}")
            );

            Assert.Equal(1, code);
            Assert.Contains(port.ToString(CultureInfo.InvariantCulture), output, StringComparison.Ordinal);
            Assert.Contains(key, output, StringComparison.Ordinal);
            Assert.Contains("--port-offset", output, StringComparison.Ordinal);
            Assert.Contains(
                Environment.ProcessId.ToString(CultureInfo.InvariantCulture),
                output,
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public async Task A_token_of_another_node_is_used_up_by_it()
    {
        var token = await Cluster.Rest.CreateTokenAsync("gateway-worker", "short-lived");
        await using var first = Join("first", token, 0);
        await first.SaysAsync("short-lived (gateway-worker) runs");
        await first.DisposeAsync();

        await using var second = Join("second", token, 1);

        Assert.Equal(5, await second.ExitedAsync());
        Assert.Contains("token", second.Output, StringComparison.Ordinal);
        Assert.Contains("gatehouse token create", second.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder.FullName, "second", "pki", "node.crt")));
        await Cluster.Rest.SendAsync(HttpMethod.Delete, "nodes/short-lived");
    }

    [Fact]
    public async Task A_revoked_token_lets_nobody_in()
    {
        var token = await Cluster.Rest.CreateTokenAsync("gateway-worker", "revoked");
        var tokens = await Cluster.Rest.SendAsync(HttpMethod.Get, "join-tokens");
        var id = tokens!.AsArray().Single(t => (string?)t!["node"] == "revoked")!["id"]!.GetValue<string>();
        await Cluster.Rest.SendAsync(HttpMethod.Delete, $"join-tokens/{id}");

        await using var node = Join("revoked", token, 2);

        Assert.Equal(5, await node.ExitedAsync());
        Assert.Contains("gatehouse token create", node.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_whose_hour_is_over_lets_nobody_in()
    {
        var token = await Cluster.Rest.CreateTokenAsync("gateway-worker", "late");
        // Nobody waits an hour here: its end is moved to where it would be then.
        var catalogue = Path.Combine(Cluster.Manager.Data, "catalogue", "catalogue.db");
        await using (var connection = new SqliteConnection($"Data Source={catalogue};Pooling=False"))
        {
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = "UPDATE join_tokens SET expires_at = expires_at - 3600001 WHERE node = 'late'";
            Assert.Equal(1, await command.ExecuteNonQueryAsync());
        }

        await using var node = Join("late", token, 5);

        Assert.Equal(5, await node.ExitedAsync());
        Assert.Contains("expired", node.Output, StringComparison.Ordinal);
        Assert.Contains("gatehouse token create", node.Output, StringComparison.Ordinal);
        Assert.Null(await Cluster.Rest.StateOfAsync("late"));
    }

    [Fact]
    public async Task A_token_of_another_cluster_is_refused_before_its_secret_is_said()
    {
        await using var foreign = new RealCluster("other", "cluster.enabled=false");
        await foreign.FoundAsync();
        var token = await foreign.Rest.CreateTokenAsync("gateway-worker", "stranger");
        // The token's pin is of the other cluster, its address is of ours: what a man in the middle would do.
        await foreign.Manager.KillAsync();
        await using var between = await Relay.StartAsync(foreign.Manager.Internal, Cluster.Manager.Internal);

        await using var node = Join("stranger", token, 3);

        Assert.Equal(5, await node.ExitedAsync());
        Assert.Contains("another certificate authority", node.Output, StringComparison.Ordinal);
        Assert.Null(await Cluster.Rest.StateOfAsync("stranger"));
    }

    [Fact]
    public async Task A_node_that_is_told_to_stop_while_it_waits_for_a_manager_ends_at_once_and_in_order()
    {
        var token = JoinToken.Decode(await Cluster.Rest.CreateTokenAsync("gateway-worker", "waiting"));
        // Nobody listens at the discard port of this machine.
        var nowhere = token with
        {
            Addresses = ["127.0.0.1:9"],
        };
        await using var node = Join("waiting", nowhere.Encode(), 6);
        await node.SaysAsync("Waiting for a manager");

        node.Signal(PosixSignalNumber.Terminate);

        Assert.Equal(0, await node.ExitedAsync(TimeSpan.FromSeconds(30)));
        Assert.DoesNotContain("   at ", node.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder.FullName, "waiting", "pki", "node.crt")));
    }

    [Fact]
    public async Task A_worker_that_is_told_to_stop_while_it_starts_ends_at_once_and_in_order()
    {
        var token = await Cluster.Rest.CreateTokenAsync("gateway-worker", "tableless");
        await using (var first = Join("tableless", token, 7))
        {
            await first.SaysAsync("tableless (gateway-worker) runs");
            await first.KillAsync();
        }

        // It has its certificate and nothing to serve yet.
        var data = Path.Combine(_folder.FullName, "tableless");
        Directory.Delete(Path.Combine(data, "store"), recursive: true);
        await using var node = NodeProcess.Start(
            ["run", "--data", data, "--port-offset", Offset(7), "--set", "cluster.enabled=false"],
            Cluster.Environment
        );
        await Eventually.TrueAsync(
            () => node.Output.Length > 0 || node.HasExited,
            TimeSpan.FromSeconds(60),
            () => "the node says anything"
        );

        node.Signal(PosixSignalNumber.Terminate);

        Assert.True(await node.ExitedAsync(TimeSpan.FromSeconds(30)) is 0 or 143, node.Output);
        Assert.DoesNotContain("   at ", node.Output, StringComparison.Ordinal);
        await Cluster.Rest.SendAsync(HttpMethod.Delete, "nodes/tableless");
    }

    [Theory]
    [InlineData("")]
    [InlineData("ghj1_nonsense")]
    [InlineData("hunter2")]
    public async Task What_is_no_token_is_called_so(string text)
    {
        await using var node = Join("none", text, 4);

        Assert.Equal(3, await node.ExitedAsync());
        Assert.Contains("token", node.Output, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("   at ", node.Output, StringComparison.Ordinal);
    }

    private NodeProcess Join(string directory, string token, int node)
    {
        var joining = NodeProcess.Start(
            [
                "join",
                "-",
                "--data",
                Path.Combine(_folder.FullName, directory),
                "--advertise",
                "127.0.0.1",
                "--port-offset",
                Offset(node),
                "--set",
                "cluster.enabled=false",
            ],
            Cluster.Environment
        );
        _ = joining.TellAsync(token);
        return joining;
    }

    private string Offset(int node) => (_offset + node).ToString(CultureInfo.InvariantCulture);
}
