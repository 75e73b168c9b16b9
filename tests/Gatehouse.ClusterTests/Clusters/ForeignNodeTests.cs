using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

[Collection(SharedClusterUsers.Name)]
public sealed class ForeignNodeTests : ClusterTest
{
    private readonly SharedCluster _shared;

    public ForeignNodeTests(SharedCluster shared)
    {
        _shared = shared;
        Watched(shared.Cluster);
    }

    private RealCluster Cluster => _shared.Cluster;

    [Theory]
    [InlineData("other", "it belongs to the cluster 'other'")]
    [InlineData("test", "was not issued by this cluster's authority")]
    public async Task A_node_of_another_cluster_is_refused_on_7443_in_words_an_operator_understands(
        string cluster,
        string reason
    )
    {
        await using var foreign = new RealCluster(cluster, "cluster.enabled=false");
        await foreign.FoundAsync();
        using var certificate = InternalProbe.IdentityOf(foreign.Manager);
        var worker = Cluster["worker-1"];

        Assert.True(await InternalProbe.IsLetInAsync(foreign.Manager, certificate));
        Assert.False(await InternalProbe.IsLetInAsync(Cluster.Manager, certificate));
        Assert.False(await InternalProbe.IsLetInAsync(worker, certificate));
        Assert.False(await InternalProbe.IsLetInAsync(worker, certificate, "apis"));

        await Cluster.Manager.Process.SaysAsync(reason);
        await worker.Process.SaysAsync(reason);
    }

    [Fact]
    public async Task A_worker_may_not_reach_the_data_hop_of_another_worker_nor_a_managers_console()
    {
        using var certificate = InternalProbe.IdentityOf(Cluster["worker-1"]);

        Assert.False(await InternalProbe.IsLetInAsync(Cluster["worker-2"], certificate, "management"));
        Assert.Equal(403, await InternalProbe.AskAsync(Cluster["worker-2"], certificate, "apis", "/things/1.0.0/one"));
        Assert.Equal(403, await InternalProbe.AskAsync(Cluster.Manager, certificate, "management", "/api/v1/status"));
        Assert.Equal(403, await InternalProbe.AskAsync(Cluster.Manager, certificate, "management", "/admin"));
        // What it passes on for clients, who prove themselves there.
        Assert.Equal(401, await InternalProbe.AskAsync(Cluster.Manager, certificate, "management", "/userinfo"));
    }

    [Fact]
    public async Task A_node_of_another_domain_serves_but_is_no_member_and_both_sides_say_why()
    {
        var node = Cluster.Add("elsewhere", "gateway-worker");
        node.Settings = ["cluster.domain=another.domain"];

        await node.StartReadyAsync(await Cluster.Rest.CreateTokenAsync("gateway-worker", "elsewhere"));

        await node.Process.SaysAsync("this node of 'another.domain'");
        await Cluster.Manager.Process.SaysAsync("'elsewhere'");
        await Cluster.ServesAsync("elsewhere");
        var members = await Cluster.Rest.SendAsync(HttpMethod.Get, "members");
        Assert.DoesNotContain(members!["members"]!.AsArray(), m => (string?)m!["name"] == "elsewhere");
        await Cluster.RemoveAsync(node);
    }
}
