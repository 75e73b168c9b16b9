using Gatehouse.ClusterTests.Harness;
using Gatehouse.TestSupport;

namespace Gatehouse.ClusterTests.Managers;

/// <summary>Two managers over one real PostgreSQL, and workers.</summary>
internal sealed class TwoManagers : IAsyncDisposable
{
    private TwoManagers(RealCluster cluster, PostgreSqlServer server)
    {
        Cluster = cluster;
        Server = server;
    }

    public RealCluster Cluster { get; }

    public PostgreSqlServer Server { get; }

    public ClusterNode First => Cluster.Manager;

    public ClusterNode Second => Cluster["manager-2"];

    public static async Task<TwoManagers> StartAsync(
        int workers = 2,
        PostgreSqlServer? on = null,
        string? executable = null
    )
    {
        var server = on ?? await PostgreSqlServer.StartAsync();
        var database = server.NodeSettings("gatehouse");
        var two = new TwoManagers(new RealCluster(), server);
        try
        {
            two.First.Settings = database;
            two.Cluster.Add("manager-2", "control-plane").Settings = database;
            for (var i = 1; i <= workers; i++)
            {
                two.Cluster.Add($"worker-{i}", "gateway-worker");
            }

            foreach (var node in two.Cluster.Nodes)
            {
                node.Executable = executable;
            }

            await two.Cluster.FoundAsync();
            await two.Cluster.JoinAsync([.. two.Cluster.Nodes.Skip(1)]);
            return two;
        }
        catch
        {
            await two.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        await Server.DisposeAsync();
    }
}
