using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;

namespace Gatehouse.Tests.Feeds;

/// <summary>A node without a table and without a manager, and the workers that could help it.</summary>
public sealed class PeerFillTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-peer-").FullName;
    private readonly CatalogueTwin _catalogue = new();
    private readonly List<IAsyncDisposable> _running = [];

    [Fact]
    public async Task A_node_fills_its_store_from_a_peer_when_no_manager_answers()
    {
        _catalogue.Put("api", "a:1", "one");
        _catalogue.Put("key", "k1", "two");
        _catalogue.Put("api", "b:1", "broken");
        var lender = await LenderAsync();

        var node = await NodeAsync("new", lender.Address);
        var status = await node.WhenAsync(s => s.HasTable);

        Assert.Equal(2, node.Target.Served.Count);
        Assert.True(status.Unverified);
        Assert.Single(status.Refusals);
        Assert.Equal(_catalogue.Head, status.Cursor);
        await node.WhenAsync(s => s.State == SyncState.Stale);
    }

    [Fact]
    public async Task What_a_peer_lent_stays_unverified_over_a_restart_and_is_not_lent_on_until_a_manager_answers()
    {
        _catalogue.Put("api", "a:1", "one");
        var lender = await LenderAsync();
        var node = await NodeAsync("new", lender.Address);
        await node.WhenAsync(s => s.HasTable);
        await StopAsync(node);

        var again = await NodeAsync("new");
        Assert.True(again.Status.Unverified);
        Assert.Equal("one", again.Target.Served[("api", "a:1")]);
        var source = new PeerFeedSource(again.Store, Profile.GatewayWorker, TimeProvider.System);
        await Assert.ThrowsAsync<Gatehouse.Deployment.Manager.FeedUnavailableException>(() =>
            source.ReadHeadAsync(default)
        );

        // The manager is asked for everything, not only for what is newer than the peer said.
        _catalogue.Put("api", "b:1", "two");
        await using var manager = await FeedHost.StartAsync(_catalogue);
        again.Managers.Set([manager.Address]);
        var status = await again.ReachesAsync(_catalogue.Head);
        Assert.False(status.Unverified);
        Assert.Equal(_catalogue.Live, again.Target.Served);
    }

    [Fact]
    public async Task A_change_that_no_manager_signed_is_not_taken_from_a_peer()
    {
        _catalogue.Put("api", "a:1", "one");
        var lender = await LenderAsync(c => c with { Signature = new byte[70] });

        await AssertNothingLentAsync(lender);
    }

    [Fact]
    public async Task A_change_signed_under_another_name_is_not_taken_from_a_peer()
    {
        _catalogue.Put("key", "k1", "one");
        var lender = await LenderAsync(c => c with { Name = "k2" });

        await AssertNothingLentAsync(lender);
    }

    [Fact]
    public async Task A_table_of_another_authority_is_not_taken()
    {
        _catalogue.Put("api", "a:1", "one");
        var lender = await LenderAsync();
        using var other = CatalogueKey.Create();

        await AssertNothingLentAsync(lender, o => o with { CatalogueKey = new(other.PublicHalf.Span) });
    }

    [Fact]
    public async Task A_table_that_no_manager_vouched_for_lately_is_refused()
    {
        _catalogue.Put("api", "a:1", "one");
        var lender = await LenderAsync();

        await AssertNothingLentAsync(lender, o => o with { PeerAgeLimit = TimeSpan.FromMilliseconds(1) });
    }

    [Fact]
    public async Task A_balancer_cannot_pass_for_a_worker_that_holds_everything()
    {
        _catalogue.Put("node", "w1", "one");
        var lender = await LenderAsync(profile: Profile.LoadBalancer);

        await AssertNothingLentAsync(lender);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var running in Enumerable.Reverse(_running))
        {
            await running.DisposeAsync();
        }

        _catalogue.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task AssertNothingLentAsync(
        FeedHost lender,
        Func<SynchronizerOptions, SynchronizerOptions>? change = null
    )
    {
        var asked = 0;
        var node = await NodeAsync(
            "new",
            lender.Address,
            o =>
            {
                var options = change is null ? o : change(o);
                return options with
                {
                    Connect = a =>
                    {
                        asked += a == lender.Address ? 1 : 0;
                        return NodeTwin.Connect(a);
                    },
                };
            }
        );
        await SynchronizerTests.EventuallyAsync(() => asked >= 3);
        Assert.False(node.Status.HasTable);
        Assert.Empty(node.Target.Served);
    }

    /// <summary>A worker that followed a manager, which is gone since.</summary>
    private async Task<FeedHost> LenderAsync(
        Func<EntityChange, EntityChange>? tamper = null,
        Profile profile = Profile.GatewayWorker
    )
    {
        _catalogue.Tamper = tamper ?? (static c => c);
        await using var manager = await FeedHost.StartAsync(_catalogue);
        var worker = await NodeTwin.StartAsync(
            Path.Combine(_folder, "lender"),
            NodeTwin.Options(manager.Address) with
            {
                Profile = profile,
            }
        );
        _running.Add(worker);
        await worker.ReachesAsync(_catalogue.Head);
        await SynchronizerTests.EventuallyAsync(() => worker.Store.Vouched is not null);
        var host = await FeedHost.StartAsync(
            new PeerFeedSource(worker.Store, profile, TimeProvider.System),
            isManager: false
        );
        _running.Add(host);
        return host;
    }

    private async Task<NodeTwin> NodeAsync(
        string store,
        string? peer = null,
        Func<SynchronizerOptions, SynchronizerOptions>? change = null
    )
    {
        var options = NodeTwin.Options("127.0.0.1:1") with
        {
            CatalogueKey = new(_catalogue.Key.PublicHalf.Span),
            Peers = new Latest<IReadOnlyList<string>>(peer is null ? [] : [peer]),
            PeerAfter = TimeSpan.FromMilliseconds(100),
        };
        var node = await NodeTwin.StartAsync(Path.Combine(_folder, store), change is null ? options : change(options));
        _running.Add(node);
        return node;
    }

    private async Task StopAsync(NodeTwin node)
    {
        _running.Remove(node);
        await node.DisposeAsync();
    }
}
