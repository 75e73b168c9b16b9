using System.Collections.Frozen;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management;

public abstract class CatalogueFeedTests(Product product)
{
    public sealed class OnSqlite() : CatalogueFeedTests(Product.Sqlite);

    public sealed class OnPostgreSql() : CatalogueFeedTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Changes_of_other_kinds_are_left_out_and_the_cursor_moves_all_the_same()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1");
        var nodes = FeedScope.Of((FrozenSet<string>)[EntityKinds.Node]);

        var transactions = await test.Feed.ReadAfterAsync(0, nodes, 10, Stop);

        var transaction = Assert.Single(transactions);
        Assert.Equal(1, transaction.Head.Epoch);
        Assert.Empty(transaction.Changes);
    }

    [Fact]
    public async Task A_transaction_is_never_cut_by_the_limit()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        var many = new CatalogueTransaction(TestCatalogue.Tester, "many");
        for (var i = 0; i < 20; i++)
        {
            many.Put(
                EntityKinds.Application,
                $"app_{i:00}",
                TestCatalogue.Application($"app_{i:00}"),
                ModelJson.Default.Application
            );
        }

        await test.Catalogue.CommitAsync(many, Stop);
        await test.PutAsync("later");

        var transactions = await test.Feed.ReadAfterAsync(0, TestCatalogue.AllKinds, 5, Stop);

        Assert.Equal(20, Assert.Single(transactions).Changes.Length);
    }

    [Fact]
    public async Task An_entity_changed_twice_comes_once_at_its_newest()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1", "ann");
        await test.PutAsync("app_1", "bob");

        var changes = (await test.Feed.ReadAfterAsync(0, TestCatalogue.AllKinds, 10, Stop)).SelectMany(t => t.Changes);

        Assert.Equal(2, Assert.Single(changes).Epoch);
    }

    [Fact]
    public async Task A_scan_holds_what_lives_and_nothing_else()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(60));
        await using var test = await TestCatalogue.CreateAsync(time, product);
        await test.PutAsync("app_1");
        await test.PutAsync("app_2");
        await test.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "expiring").Put(
                EntityKinds.Application,
                "app_3",
                TestCatalogue.Application("app_3"),
                ModelJson.Default.Application,
                expiresAt: time.GetUtcNow().AddMinutes(1)
            ),
            Stop
        );
        await test.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "delete").Delete(EntityKinds.Application, "app_1"),
            Stop
        );
        time.Advance(TimeSpan.FromMinutes(2));

        var scan = await test.Feed.ScanAsync(TestCatalogue.AllKinds, Stop);

        Assert.Equal("app_2", Assert.Single(scan.Changes).Name);
        Assert.Equal(await test.Feed.ReadHeadAsync(Stop), scan.Head);
        Assert.Null(
            await test.Catalogue.FindAsync(EntityKinds.Application, "app_3", ModelJson.Default.Application, Stop)
        );
    }

    [Fact]
    public async Task A_cursor_below_purged_tombstones_has_no_chain_any_more()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(60));
        await using var test = await TestCatalogue.CreateAsync(time, product);
        await test.PutAsync("app_1");
        await test.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "delete").Delete(EntityKinds.Application, "app_1"),
            Stop
        );
        time.Advance(TimeSpan.FromDays(40));
        await test.PutAsync("app_2");

        await test.Catalogue.PurgeAsync(TimeSpan.FromDays(30), Stop);

        Assert.Null(await test.Feed.ReadChainAsync(0, Stop));
        Assert.Null(await test.Feed.ReadChainAsync(1, Stop));
        Assert.NotNull(await test.Feed.ReadChainAsync(2, Stop));
        Assert.NotNull(await test.Feed.ReadChainAsync(3, Stop));
        var rest = Assert.Single(await test.Feed.ReadAfterAsync(2, TestCatalogue.AllKinds, 10, Stop));
        Assert.Equal("app_2", Assert.Single(rest.Changes).Name);
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            test.Feed.ReadAfterAsync(1, TestCatalogue.AllKinds, 10, Stop)
        );
    }

    [Fact]
    public async Task A_young_tombstone_outlives_the_purge()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1");
        await test.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "delete").Delete(EntityKinds.Application, "app_1"),
            Stop
        );

        await test.Catalogue.PurgeAsync(TimeSpan.FromDays(30), Stop);

        var change = (await test.Feed.ReadAfterAsync(1, TestCatalogue.AllKinds, 10, Stop)).Single().Changes.Single();
        Assert.True(change.Deleted);
        Assert.True(change.IsIntact());
    }

    [Fact]
    public async Task A_new_history_makes_every_former_cursor_worthless_and_signs_everything_anew()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1");
        await test.PutAsync("app_2");
        var former = await test.Feed.ReadHeadAsync(Stop);

        var head = await test.Catalogue.BeginNewHistoryAsync("restored from backup", TestCatalogue.Tester, Stop);

        Assert.NotEqual(former.History, head.History);
        Assert.Equal(former.Epoch, head.Epoch);
        Assert.NotEqual(former.Chain, head.Chain);
        Assert.Null(await test.Feed.ReadChainAsync(1, Stop));
        Assert.Equal(head.Chain, await test.Feed.ReadChainAsync(2, Stop));
        using var verifier = new CatalogueVerifier(test.Key.PublicHalf.Span);
        var scan = await test.Feed.ScanAsync(TestCatalogue.AllKinds, Stop);
        Assert.Equal(2, scan.Changes.Length);
        Assert.All(scan.Changes, c => Assert.True(verifier.Verify(c, head.History)));
        Assert.All(scan.Changes, c => Assert.False(verifier.Verify(c, former.History)));
    }

    [Fact]
    public async Task A_file_put_in_place_of_another_shows_by_its_chain()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1");
        var copy = await test.CopyAsync();
        await test.PutAsync("app_2");
        var cursor = await test.Feed.ReadHeadAsync(Stop);
        using var other = new Catalogue(copy, test.Key, TimeProvider.System);
        await other.CommitAsync(TestCatalogue.Put("app_3"), Stop);

        var chain = await new CatalogueFeed(other).ReadChainAsync(cursor.Epoch, Stop);

        Assert.Equal(cursor.History, (await other.ReadHeadAsync(Stop)).History);
        Assert.NotNull(chain);
        Assert.NotEqual(cursor.Chain, chain);
    }

    [Fact]
    public async Task Who_waits_is_woken_by_a_commit_at_once()
    {
        // A clock that stands still: only the commit can end the wait.
        var time = new FakeTimeProvider();
        await using var test = await TestCatalogue.CreateAsync(time, product);
        var head = await test.Feed.ReadHeadAsync(Stop);
        var waiting = test.Feed.WaitForNewerAsync(head, Stop);
        Assert.False(waiting.IsCompleted);

        await test.PutAsync("app_1");

        await waiting.WaitAsync(TimeSpan.FromSeconds(60), Stop);
    }

    [Fact]
    public async Task Who_waits_looks_again_after_a_quarter_of_a_second()
    {
        var time = new FakeTimeProvider();
        await using var test = await TestCatalogue.CreateAsync(time, product);
        var head = await test.Feed.ReadHeadAsync(Stop);
        var waiting = test.Feed.WaitForNewerAsync(head, Stop);

        // It begins to wait once the head is read, which takes its time on a server.
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!waiting.IsCompleted && !deadline.IsCancellationRequested)
        {
            time.Advance(TimeSpan.FromMilliseconds(250));
            await Task.WhenAny(waiting, Task.Delay(10, Stop));
        }

        Assert.True(waiting.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_commit_between_two_waits_is_not_slept_over()
    {
        var time = new FakeTimeProvider();
        await using var test = await TestCatalogue.CreateAsync(time, product);
        var head = await test.Feed.ReadHeadAsync(Stop);
        await test.PutAsync("app_1");

        await test.Feed.WaitForNewerAsync(head, Stop).WaitAsync(TimeSpan.FromSeconds(60), Stop);
    }

    [Fact]
    public async Task A_heartbeat_is_signed_by_the_catalogue_key()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        var head = (await test.PutAsync("app_1")).Head;
        using var verifier = new CatalogueVerifier(test.Key.PublicHalf.Span);

        Assert.True(verifier.Verify(test.Feed.SignHeartbeat(head)));
    }
}
