using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

public sealed class AuthorityRotationTests : ClusterTest
{
    [Fact]
    public async Task The_authority_is_rotated_under_load_with_no_failed_call_and_what_the_old_one_issued_opens_nothing()
    {
        await using var backend = await TestBackend.StartAsync();
        var cluster = Owned(await RealCluster.StartAsync());
        var (worker, other) = (cluster["worker-1"], cluster["worker-2"]);
        await cluster.Rest.DeployAsync("things", backend.Url);
        var (_, key) = await cluster.Rest.CreateKeyAsync("callers", "things:1.0.0");
        var url = cluster["balancer-1"].Url("/things/1.0.0/one");
        await cluster.AnswersEverywhereAsync("/things/1.0.0/one", key);
        using var old = InternalProbe.IdentityOf(worker);
        Assert.True(await InternalProbe.IsLetInAsync(other, old));
        await using var before = await SteadyLoad.StartAsync([url], key, cluster.Authority);

        // 1. Both authorities count: time to give callers the new one.
        await RunAsync("cert", "rotate-ca", "--until", "trust");
        var both = await RunAsync("cert", "trust");
        Assert.Equal(2, both.Split("BEGIN CERTIFICATE").Length - 1);
        cluster.Believe(both);
        await using var during = await SteadyLoad.StartAsync([url], key, both, connectionLife: TimeSpan.FromSeconds(1));
        (await before.StopAsync()).HasNoFailure("the first stage");

        // 2. New certificates, while a worker restarts.
        var issuing = RunAsync("cert", "rotate-ca", "--until", "issue", "--yes");
        Assert.Equal(0, await other.TerminateAsync());
        await other.StartReadyAsync();
        await issuing;
        using var renewed = InternalProbe.IdentityOf(worker);
        Assert.NotEqual(old.Issuer, renewed.Issuer);
        Assert.True(await InternalProbe.IsLetInAsync(other, old));

        // 3. The old one counts no more.
        await RunAsync("cert", "rotate-ca", "--yes");
        await during.AnswersMoreAsync(200);
        (await during.StopAsync()).HasNoFailure("the rotation of the authority");
        foreach (var node in cluster.Nodes)
        {
            Assert.False(
                await InternalProbe.IsLetInAsync(node, old),
                $"{node.Name} lets in what the old authority issued"
            );
            Assert.Single(
                (await File.ReadAllTextAsync(Path.Combine(node.Data, "pki", "ca.crt")))
                    .Split("BEGIN CERTIFICATE")
                    .Skip(1)
            );
        }

        Assert.True(await InternalProbe.IsLetInAsync(other, renewed));

        // The cluster goes on: commands, deployments, members, newcomers.
        var shown = JsonNode.Parse(await RunAsync("cert", "rotate-ca", "--status", "-o", "json"))!;
        Assert.Null(shown["rotation"]);
        Assert.Equal(renewed.Issuer, (string?)shown["subject"]);
        cluster.Believe(await RunAsync("cert", "trust"));
        var newcomer = cluster.Add("worker-3", "gateway-worker");
        await cluster.JoinAsync(newcomer);
        await cluster.Rest.DeployAsync("later", backend.Url, "none");
        foreach (var node in cluster.Workers)
        {
            await cluster.AnswersAsync(node.Url("/later/1.0.0/x"), null, System.Net.HttpStatusCode.OK);
        }

        await Eventually.TrueAsync(
            async () =>
                (await cluster.Rest.SendAsync(HttpMethod.Get, "members"))!["members"]!
                    .AsArray()
                    .Count(m => (string?)m!["state"] == "up") == cluster.Nodes.Count,
            TimeSpan.FromSeconds(60),
            () => $"one cluster of {cluster.Nodes.Count} members"
        );

        async Task<string> RunAsync(params string[] arguments)
        {
            var (code, output, all) = await cluster.RunAsync(arguments);
            Assert.True(code == 0, $"gatehouse {string.Join(' ', arguments)}: {all}");
            return output;
        }
    }
}
