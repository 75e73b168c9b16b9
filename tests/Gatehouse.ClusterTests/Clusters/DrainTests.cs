using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

[Collection(SharedClusterUsers.Name)]
public sealed class DrainTests : ClusterTest
{
    private readonly SharedCluster _shared;

    public DrainTests(SharedCluster shared)
    {
        _shared = shared;
        Watched(shared.Cluster);
    }

    private RealCluster Cluster => _shared.Cluster;

    private ClusterNode Worker => Cluster["worker-1"];

    [Fact]
    public async Task A_worker_told_to_stop_finishes_what_it_has_and_costs_no_request()
    {
        await using var load = await _shared.LoadAsync();

        var code = await Worker.TerminateAsync();

        Assert.Equal(0, code);
        await load.AnswersMoreAsync(200);
        (await load.StopAsync()).HasNoFailure("SIGTERM of a worker");
        await Worker.StartReadyAsync();
        await Cluster.ServesAsync("worker-1");
    }

    [Fact]
    public async Task A_drained_worker_gets_no_request_any_more_until_it_is_undrained_and_nobody_notices()
    {
        await using var load = await _shared.LoadAsync();

        var (code, _, output) = await Cluster.RunAsync("node", "drain", "worker-1");
        Assert.True(code == 0, output);
        await Eventually.TrueAsync(
            async () =>
            {
                var before = await Worker.AnsweredAsync();
                await load.AnswersMoreAsync(60);
                return await Worker.AnsweredAsync() == before;
            },
            TimeSpan.FromSeconds(60),
            () => "a drained worker gets nothing"
        );
        await Eventually.TrueAsync(
            async () => await Cluster.Rest.StateOfAsync("worker-1") == "draining",
            TimeSpan.FromSeconds(60),
            () => "status shows that it drains"
        );

        (code, _, output) = await Cluster.RunAsync("node", "undrain", "worker-1");
        Assert.True(code == 0, output);
        var idle = await Worker.AnsweredAsync();
        await Eventually.TrueAsync(
            async () => await Worker.AnsweredAsync() > idle,
            TimeSpan.FromSeconds(60),
            () => "an undrained worker gets requests"
        );
        (await load.StopAsync()).HasNoFailure("node drain and undrain");
        await Cluster.ServesAsync("worker-1");
    }

    [Fact]
    public async Task One_of_two_balancers_killed_under_load_costs_no_request_of_a_client_that_knows_both()
    {
        var urls = Cluster.Balancers.Select(balancer => balancer.Url("/things/1.0.0/one")).ToList();
        await using var load = await SteadyLoad.StartAsync(urls, _shared.Key, Cluster.Authority);

        await Cluster["balancer-2"].KillAsync();

        await load.AnswersMoreAsync(300);
        await Eventually.TrueAsync(
            () => load.Switched > 0,
            TimeSpan.FromSeconds(60),
            () => "whoever was at the balancer that was killed is at the other one"
        );
        (await load.StopAsync()).HasNoFailure("kill -9 of one of two balancers");
        await Cluster["balancer-2"].StartReadyAsync();
        await Cluster.ServesAsync("balancer-2");
    }
}
