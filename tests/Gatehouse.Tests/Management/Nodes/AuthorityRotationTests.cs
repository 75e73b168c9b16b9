using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management;

public abstract class AuthorityRotationTests(Product product) : IDisposable
{
    public sealed class OnSqlite() : AuthorityRotationTests(Product.Sqlite);

    public sealed class OnPostgreSql() : AuthorityRotationTests(Product.PostgreSql);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly ClusterKey _key = ClusterKey.Create();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _key.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Each_stage_begins_when_every_node_is_through_the_one_before_and_every_manager_follows()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var (rotation, board, authorities) = await BeginAsync(test, "worker-1", "worker-2");
        var other = await ClusterAuthorities.LoadAsync(test.Database, _key, _time, Stop);
        var old = authorities.Current.Pins[0];

        var running = (await rotation.ReadAsync(Stop)).Rotation!;
        Assert.Equal((RotationStage.Trust, "tester"), (running.Stage, running.By));
        Assert.Equal([old.ToString(), running.Pin], authorities.Current.Pins.Select(p => p.ToString()));
        var again = await Assert.ThrowsAsync<ConflictException>(() => rotation.BeginAsync(TestCatalogue.Tester, Stop));
        Assert.Contains("runs already", again.Message, StringComparison.Ordinal);

        await ReportAsync(test, board, "worker-1", authorities.Current.Id);
        await ReportAsync(test, board, "worker-2", "what it had before");
        var refused = await AdvanceFailsAsync<ConflictException>(rotation);
        Assert.Contains("1 of 2 nodes", refused.Message, StringComparison.Ordinal);
        Assert.Contains("worker-2: on its way", refused.Message, StringComparison.Ordinal);

        await ReportAsync(test, board, "worker-2", authorities.Current.Id);
        Assert.Equal(
            RotationStage.Issue,
            (await rotation.AdvanceAsync([], TestCatalogue.Tester, Stop)).Rotation!.Stage
        );
        Assert.Equal([running.Pin, old.ToString()], authorities.Current.Pins.Select(p => p.ToString()));
        await other.RefreshAsync(Stop);
        Assert.Equal(authorities.Current.Id, other.Current.Id);

        await AdvanceFailsAsync<ConflictException>(rotation);
        await ReportAsync(test, board, "worker-1", authorities.Current.Id);
        await ReportAsync(test, board, "worker-2", authorities.Current.Id);
        var done = await rotation.AdvanceAsync([], TestCatalogue.Tester, Stop);

        Assert.Equal((null, running.Pin), (done.Rotation, done.Pin));
        Assert.Equal([running.Pin], authorities.Current.Pins.Select(p => p.ToString()));
        Assert.All(done.Nodes, n => Assert.Equal("on its way", n.WaitsFor));
        var restarted = await ClusterAuthorities.LoadAsync(test.Database, _key, _time, Stop);
        Assert.Equal(authorities.Current.Id, restarted.Current.Id);
        await AdvanceFailsAsync<ConflictException>(rotation);
        await Assert.ThrowsAsync<ConflictException>(() => rotation.AbortAsync(TestCatalogue.Tester, Stop));
    }

    [Fact]
    public async Task A_node_that_is_away_is_named_and_one_that_is_left_out_is_evicted_at_the_end()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var (rotation, board, authorities) = await BeginAsync(test, "worker-1", "worker-2", "worker-3");
        await ReportAsync(test, board, "worker-3", "");
        await ReportAsync(test, board, "worker-1", "x");
        _time.Advance(TimeSpan.FromMinutes(1));
        await ReportAsync(test, board, "worker-3", "");

        var waits = (await rotation.ReadAsync(Stop)).Nodes.ToDictionary(n => n.Node, n => n.WaitsFor);
        Assert.Equal("away since 2026-01-01 00:00:00Z", waits["worker-1"]);
        Assert.Equal("was never heard of", waits["worker-2"]);
        Assert.Contains("upgrade it first", waits["worker-3"], StringComparison.Ordinal);

        await AdvanceFailsAsync<NotFoundException>(rotation, "worker-9");
        await ReportAsync(test, board, "worker-1", authorities.Current.Id);
        await ReportAsync(test, board, "worker-3", authorities.Current.Id);
        await AdvanceFailsAsync<ConflictException>(rotation);
        await rotation.AdvanceAsync(["worker-2"], TestCatalogue.Tester, Stop);
        Assert.NotNull(await FindAsync(test, "worker-2"));

        // worker-3 was let off, and comes in time.
        await ReportAsync(test, board, "worker-1", authorities.Current.Id);
        await ReportAsync(test, board, "worker-3", authorities.Current.Id);
        await rotation.AdvanceAsync(["worker-2", "worker-3"], TestCatalogue.Tester, Stop);

        Assert.Null(await FindAsync(test, "worker-2"));
        Assert.NotNull(await FindAsync(test, "worker-3"));
        Assert.Equal(["A1worker-2"], await test.Catalogue.ListNamesAsync(EntityKinds.DeniedCertificate, Stop));
    }

    [Fact]
    public async Task It_is_taken_back_at_once_or_once_every_node_has_a_certificate_of_the_old_authority_again()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var (rotation, board, authorities) = await BeginAsync(test, "worker-1");
        var both = authorities.Current.Id;

        Assert.Null((await rotation.AbortAsync(TestCatalogue.Tester, Stop)).Rotation);
        var alone = authorities.Current.Id;
        Assert.NotEqual(both, alone);
        Assert.Single(authorities.Current.Trusted);

        await rotation.BeginAsync(TestCatalogue.Tester, Stop);
        Assert.NotEqual(both, authorities.Current.Id);
        both = authorities.Current.Id;
        await ReportAsync(test, board, "worker-1", both);
        await rotation.AdvanceAsync([], TestCatalogue.Tester, Stop);
        await ReportAsync(test, board, "worker-1", authorities.Current.Id);

        Assert.Equal(RotationStage.Back, (await rotation.AbortAsync(TestCatalogue.Tester, Stop)).Rotation!.Stage);
        Assert.Equal(both, authorities.Current.Id);
        Assert.Equal(RotationStage.Back, (await rotation.AbortAsync(TestCatalogue.Tester, Stop)).Rotation!.Stage);
        await AdvanceFailsAsync<ConflictException>(rotation);
        await ReportAsync(test, board, "worker-1", both);
        Assert.Null((await rotation.AdvanceAsync([], TestCatalogue.Tester, Stop)).Rotation);
        Assert.Equal(alone, authorities.Current.Id);
    }

    [Fact]
    public async Task A_look_at_the_authorities_that_began_earlier_takes_no_step_back()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var (rotation, _, authorities) = await BeginAsync(test);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var looking = Enumerable
            .Range(0, 3)
            .Select(_ =>
                Task.Run(
                    async () =>
                    {
                        while (!enough.IsCancellationRequested)
                        {
                            await authorities.RefreshAsync(Stop);
                        }
                    },
                    Stop
                )
            )
            .ToList();

        for (var i = 0; i < 20; i++)
        {
            await rotation.AbortAsync(TestCatalogue.Tester, Stop);
            Assert.Null(authorities.Rotation);
            await rotation.BeginAsync(TestCatalogue.Tester, Stop);
            Assert.NotNull(authorities.Rotation);
        }

        await enough.CancelAsync();
        await Task.WhenAll(looking);
    }

    private async Task<(AuthorityRotation Rotation, NodeBoard Board, ClusterAuthorities Authorities)> BeginAsync(
        TestCatalogue test,
        params string[] nodes
    )
    {
        var authorities = await TestNodes.AuthoritiesAsync(test, _key);
        var board = TestNodes.Board(test);
        foreach (var node in nodes)
        {
            await TestNodes.RegisterAsync(test, node);
        }

        var registry = new NodeRegistry(test.Catalogue, board, new Environments(test.Catalogue));
        var options = TestNodes.Options(test) with { Authorities = authorities };
        var rotation = new AuthorityRotation(test.Catalogue, board, registry, options);
        await rotation.BeginAsync(TestCatalogue.Tester, Stop);
        return (rotation, board, authorities);
    }

    private static async Task ReportAsync(TestCatalogue test, NodeBoard board, string node, string trust)
    {
        var report = TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop));
        report.Trust = trust;
        await board.RecordAsync(TestNodes.Identity(node), report, Stop);
    }

    private static Task<T> AdvanceFailsAsync<T>(AuthorityRotation rotation, params string[] without)
        where T : Exception => Assert.ThrowsAsync<T>(() => rotation.AdvanceAsync(without, TestCatalogue.Tester, Stop));

    private static Task<StoredEntity<Node>?> FindAsync(TestCatalogue test, string node) =>
        test.Catalogue.FindAsync(EntityKinds.Node, node, ModelJson.Default.Node, Stop);
}
