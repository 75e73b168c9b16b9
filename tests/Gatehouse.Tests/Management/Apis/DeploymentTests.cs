using System.Net;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management.Apis;

public abstract class DeploymentTests(Product product)
{
    public sealed class OnSqlite() : DeploymentTests(Product.Sqlite);

    public sealed class OnPostgreSql() : DeploymentTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_deployment_makes_a_revision_only_when_something_changed()
    {
        await using var manager = await ImportedAsync();

        var first = await DeployAsync(manager);
        var again = await DeployAsync(manager);
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis?update=true", Documents.PetsToo);
        var second = await DeployAsync(manager);

        Assert.Equal((1, 1, 2), (first.Revision, again.Revision, second.Revision));
        Assert.Equal(first.Epoch, again.Epoch);
        var api = await manager.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop);
        Assert.Equal(2, api!.Value.Revision);
        Assert.Contains(api.Value.Operations, o => o is { Path: "/ready", Open: true });
        var list = await manager.AskAsync<Page<RevisionView>>(HttpMethod.Get, "apis/petstore/revisions");
        Assert.Equal([(2, true), (1, false)], list.Items.Select(r => (r.Number, r.IsDeployed)));
    }

    [Fact]
    public async Task A_rollback_is_a_new_epoch_with_the_old_content()
    {
        await using var manager = await ImportedAsync();
        var first = await DeployAsync(manager);
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis?update=true", Documents.PetsToo);
        var second = await DeployAsync(manager);

        var back = await manager.AskAsync<DeploymentView>(HttpMethod.Post, "apis/petstore/rollback", "{}");

        Assert.Equal(1, back.Revision);
        Assert.True(back.Epoch > second.Epoch && second.Epoch > first.Epoch);
        var api = await manager.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop);
        Assert.Contains(api!.Value.Operations, o => o.Path == "/health");
        await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Post, "apis/petstore/rollback", "{}");
        var forward = await manager.AskAsync<DeploymentView>(
            HttpMethod.Post,
            "apis/petstore/rollback",
            """{"revision":2}"""
        );
        Assert.Equal(2, forward.Revision);
        await manager.RefusedAsync(
            HttpStatusCode.NotFound,
            HttpMethod.Post,
            "apis/petstore/rollback",
            """{"revision":9}"""
        );
    }

    [Fact]
    public async Task Undeploying_leaves_a_tombstone_and_the_revisions()
    {
        await using var manager = await ImportedAsync();
        await DeployAsync(manager);

        var gone = await manager.AskAsync<DeploymentView>(HttpMethod.Delete, "apis/petstore/deployments");

        Assert.Null(gone.Revision);
        Assert.Null(await manager.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop));
        Assert.Equal(1, (await DeployAsync(manager)).Revision);
    }

    [Fact]
    public async Task The_difference_of_two_revisions_is_told_in_the_words_of_the_API()
    {
        await using var manager = await ImportedAsync();
        await DeployAsync(manager);
        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis?update=true&endpoint=http://new&auth=none",
            Documents.PetsToo
        );

        var diff = await manager.AskAsync<RevisionDiff>(HttpMethod.Get, "apis/petstore/diff");

        Assert.Equal(("r1", "definition"), (diff.From, diff.To));
        Assert.Equal(
            [
                ("security", false),
                ("endpoints", false),
                ("operation GET /health", true),
                ("operation GET /ready", false),
                ("operation POST /pets", true),
                ("operation PUT /pets", false),
            ],
            diff.Changes.Select(c => (c.What, c.IsBreaking))
        );
        Assert.Contains("\n-  /health:\n+    put:", diff.Document, StringComparison.Ordinal);
        await DeployAsync(manager);
        var reverse = await manager.AskAsync<RevisionDiff>(HttpMethod.Get, "apis/petstore/diff?from=2&to=1");
        Assert.Contains(
            reverse.Changes,
            c => c is { What: "security", Before: "none", After: "apikey", IsBreaking: true }
        );
    }

    [Fact]
    public async Task Waiting_ends_as_soon_as_every_worker_has_answered()
    {
        // A clock that stands still: the 30 s that are waited at most never pass.
        await using var manager = await ImportedAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));
        await manager.RegisterWorkerAsync("gw-1");
        await manager.RegisterWorkerAsync("gw-2");
        var began = await DeployAsync(manager);
        Assert.False(began.IsSettled);
        Assert.All(began.Nodes, n => Assert.Equal(DeploymentState.Pending, n.State));

        var waiting = manager.AskAsync<DeploymentView>(HttpMethod.Get, "apis/petstore/deployments?wait=30");
        await manager.ReportAsync("gw-1");
        Assert.False(waiting.IsCompleted);
        await manager.ReportAsync("gw-2", refuses: "petstore:1.0.0");
        var settled = await waiting.WaitAsync(TimeSpan.FromSeconds(60), Stop);

        Assert.True(settled.IsSettled);
        Assert.Equal([DeploymentState.Applied, DeploymentState.Refused], settled.Nodes.Select(n => n.State));
        Assert.Equal("cannot be compiled", settled.Nodes[1].Reason);
    }

    [Fact]
    public async Task Two_who_deploy_at_once_make_one_revision()
    {
        await using var manager = await ImportedAsync();

        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => DeployAsync(manager)));

        Assert.All(all, d => Assert.Equal(1, d.Revision));
        var list = await manager.AskAsync<Page<RevisionView>>(HttpMethod.Get, "apis/petstore/revisions");
        Assert.Equal(1, list.Total);
    }

    private async Task<LiveManager> ImportedAsync(TimeProvider? time = null)
    {
        var manager = await LiveManager.StartAsync(time, on: product);
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        return manager;
    }

    private static Task<DeploymentView> DeployAsync(LiveManager manager) =>
        manager.AskAsync<DeploymentView>(HttpMethod.Post, "apis/petstore/deployments", "{}");
}
