using System.Net;
using System.Security.Cryptography;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management;

/// <summary>Environments through REST and the command line, on a real catalogue.</summary>
public sealed class EnvironmentTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_API_is_deployed_rolled_back_and_undeployed_in_each_environment_by_itself()
    {
        await using var manager = await StartAsync("staging.example.com");

        var tried = await DeployAsync(manager, "staging");
        Assert.Null(await FindAsync(manager, "petstore:1.0.0"));
        await DeployAsync(manager, null);
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis?update=true", Documents.PetsToo);
        var newer = await DeployAsync(manager, "staging");

        Assert.Equal(("staging", 1), (tried.Environment, tried.Revision));
        Assert.Equal(2, newer.Revision);
        Assert.Equal((2, "staging.example.com"), await RunningAsync(manager, "petstore:1.0.0@staging"));
        Assert.Equal((1, ""), await RunningAsync(manager, "petstore:1.0.0"));
        var everywhere = await manager.AskAsync<DeploymentView[]>(HttpMethod.Get, "apis/petstore/environments");
        Assert.Equal([("default", 1), ("staging", 2)], everywhere.Select(d => (d.Environment, d.Revision!.Value)));
        var summary = (await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore")).Summary;
        Assert.Equal(1, summary.DeployedRevision);
        Assert.Equal(2, summary.Environments["staging"]);
        var revisions = await manager.AskAsync<Page<RevisionView>>(HttpMethod.Get, "apis/petstore/revisions");
        Assert.Equal(["staging", "default"], revisions.Items.Select(r => string.Join(' ', r.Environments)));

        var back = await manager.AskAsync<DeploymentView>(
            HttpMethod.Post,
            "apis/petstore/rollback",
            """{"environment":"staging"}"""
        );
        Assert.Equal((1, "staging"), (back.Revision, back.Environment));
        await manager.AskAsync<DeploymentView>(HttpMethod.Delete, "apis/petstore/deployments?environment=staging");
        Assert.Null(await FindAsync(manager, "petstore:1.0.0@staging"));
        Assert.Equal((1, ""), await RunningAsync(manager, "petstore:1.0.0"));
    }

    [Fact]
    public async Task An_unknown_environment_is_told_by_the_nearest_name()
    {
        await using var manager = await StartAsync();

        var deploy = await manager.RunAsync("deploy", "petstore", "--environment", "stagging");
        var token = await manager.RunAsync(
            "token",
            "create",
            "--profile",
            "gateway-worker",
            "--environment",
            "nowhere-near"
        );

        Assert.NotEqual(ExitCode.Done, deploy.Code);
        Assert.Contains("no environment 'stagging'", deploy.Error, StringComparison.Ordinal);
        Assert.Contains("did you mean 'staging'?", deploy.Error, StringComparison.Ordinal);
        Assert.Contains("use default, staging", token.Error, StringComparison.Ordinal);
        Assert.Null(await FindAsync(manager, "petstore:1.0.0@stagging"));
    }

    [Fact]
    public async Task An_environment_is_deleted_only_when_nothing_breaks_unsaid()
    {
        await using var manager = await StartAsync();
        await DeployAsync(manager, "staging");
        var worker = await JoinAsync(manager, "staging");

        var served = await manager.RunAsync("environment", "delete", "staging", "--force");
        Assert.NotEqual(ExitCode.Done, served.Code);
        Assert.Contains("worker-1", served.Error, StringComparison.Ordinal);
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            $"nodes/{worker}/environments",
            """{"environments":[null]}"""
        );
        await manager.AskAsync<NodeView>(
            HttpMethod.Put,
            $"nodes/{worker}/environments",
            """{"environments":["default"]}"""
        );
        var deployed = await manager.RunAsync("environment", "delete", "staging");
        Assert.NotEqual(ExitCode.Done, deployed.Code);
        Assert.Contains("petstore:1.0.0", deployed.Error, StringComparison.Ordinal);
        Assert.Contains("--force", deployed.Error, StringComparison.Ordinal);
        var forced = await manager.RunAsync("environment", "delete", "staging", "--force");

        Assert.Equal(ExitCode.Done, forced.Code);
        Assert.Null(await FindAsync(manager, "petstore:1.0.0@staging"));
        Assert.Equal(
            ["default"],
            (await manager.AskAsync<Page<EnvironmentView>>(HttpMethod.Get, "environments")).Items.Select(e => e.Name)
        );
        await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Delete, "environments/default");
    }

    [Fact]
    public async Task Other_hosts_of_an_environment_move_its_deployments_in_the_same_transaction()
    {
        await using var manager = await StartAsync("old.example.com");
        await DeployAsync(manager, "staging");
        var before = await manager.Catalogue.ReadHeadAsync(Stop);

        await manager.AskAsync<EnvironmentView>(
            HttpMethod.Put,
            "environments/staging",
            """{"hosts":["New.example.com"]}"""
        );

        Assert.Equal((1, "new.example.com"), await RunningAsync(manager, "petstore:1.0.0@staging"));
        Assert.Equal(before.Epoch + 2, (await manager.Catalogue.ReadHeadAsync(Stop)).Epoch);
        await manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Post,
            "environments",
            """{"name":"other","hosts":["new.example.com"]}"""
        );
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Post,
            "environments",
            """{"name":"Not a name","hosts":["http://x"]}"""
        );
    }

    [Fact]
    public async Task A_step_of_an_APIs_life_and_its_default_version_count_in_every_environment()
    {
        await using var manager = await StartAsync();
        await DeployAsync(manager, null);
        await DeployAsync(manager, "staging");

        await manager.AskAsync<LifecycleView>(HttpMethod.Post, "apis/petstore/lifecycle", """{"action":"block"}""");
        Assert.Equal(ApiStatus.Blocked, (await FindAsync(manager, "petstore:1.0.0"))!.Value.Status);
        Assert.Equal(ApiStatus.Blocked, (await FindAsync(manager, "petstore:1.0.0@staging"))!.Value.Status);
        await manager.AskAsync<LifecycleView>(HttpMethod.Post, "apis/petstore/lifecycle", """{"action":"deprecate"}""");
        await manager.AskAsync<LifecycleView>(HttpMethod.Post, "apis/petstore/lifecycle", """{"action":"retire"}""");

        Assert.Null(await FindAsync(manager, "petstore:1.0.0"));
        Assert.Null(await FindAsync(manager, "petstore:1.0.0@staging"));
    }

    [Fact]
    public async Task A_worker_is_not_shut_out_of_what_its_own_file_asks_for()
    {
        await using var manager = await StartAsync();
        await manager
            .Service<EnrolmentLedger>()
            .RegisterAsync(
                TestNodes.Worker("worker-1") with
                {
                    Environments = ["default", "staging"],
                    Asked = ["staging"],
                },
                "A1",
                TimeProvider.System.GetUtcNow().AddDays(30),
                Stop
            );

        // The feed would refuse it, and it would serve on what it has without hearing of anything.
        var refused = await manager.RunAsync("node", "environments", "worker-1", "default");
        Assert.NotEqual(ExitCode.Done, refused.Code);
        Assert.Contains("asks for environment staging", refused.Error, StringComparison.Ordinal);
        var done = await manager.RunAsync("node", "environments", "worker-1", "staging");

        Assert.Equal(ExitCode.Done, done.Code);
        Assert.Contains("worker-1 serves staging", done.Out + done.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deployment_is_settled_by_the_workers_of_its_environment_alone()
    {
        await using var manager = await StartAsync();
        await JoinAsync(manager);
        await JoinAsync(manager, "staging");
        await JoinAsync(manager, "default", "staging");

        var everywhere = await DeployAsync(manager, null);
        var tried = await DeployAsync(manager, "staging");

        Assert.Equal(["worker-1", "worker-3"], everywhere.Nodes.Select(n => n.Node));
        Assert.Equal(["worker-2", "worker-3"], tried.Nodes.Select(n => n.Node));
        var nodes = await manager.AskAsync<NodeView[]>(HttpMethod.Get, "nodes");
        Assert.Equal(["default", "staging", "default staging"], nodes.Select(n => string.Join(' ', n.Environments)));
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Post,
            "join-tokens",
            """{"profile":"load-balancer","environments":["staging"]}"""
        );
    }

    private static async Task<LiveManager> StartAsync(string? host = null)
    {
        var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.AskAsync<EnvironmentView>(
            HttpMethod.Post,
            "environments",
            host is null ? """{"name":"staging"}""" : $$"""{"name":"staging","hosts":["{{host}}"]}""",
            HttpStatusCode.Created
        );
        return manager;
    }

    private static Task<DeploymentView> DeployAsync(LiveManager manager, string? environment) =>
        manager.AskAsync<DeploymentView>(
            HttpMethod.Post,
            "apis/petstore/deployments",
            environment is null ? "{}" : $$"""{"environment":"{{environment}}"}"""
        );

    private static Task<StoredEntity<Api>?> FindAsync(LiveManager manager, string name) =>
        manager.Catalogue.FindAsync(EntityKinds.Api, name, ModelJson.Default.Api, Stop);

    private static async Task<(int Revision, string Hosts)> RunningAsync(LiveManager manager, string name)
    {
        var api = (await FindAsync(manager, name))!.Value;
        return (api.Revision, string.Join(' ', api.Hosts));
    }

    // What a node's join does: its token is redeemed and it is written down as the verdict says.
    private static async Task<string> JoinAsync(LiveManager manager, params string[] environments)
    {
        var grant = await manager
            .Service<NodeRegistry>()
            .CreateTokenAsync(
                Profile.GatewayWorker,
                null,
                TestCatalogue.Tester,
                Stop,
                environments.Length == 0 ? null : environments
            );
        var ledger = manager.Service<EnrolmentLedger>();
        var verdict = await ledger.RedeemAsync(
            grant.Id,
            grant.Secret,
            Digest.Of(RandomNumberGenerator.GetBytes(32)),
            "test",
            Stop
        );
        Assert.True(verdict.Accepted, verdict.Reason);
        await ledger.RegisterAsync(
            TestNodes.Worker(verdict.Node) with
            {
                Environments = verdict.Environments,
            },
            $"A1{verdict.Node}",
            TimeProvider.System.GetUtcNow().AddDays(30),
            Stop
        );
        return verdict.Node;
    }
}
