using System.Collections.Concurrent;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Tests.Management;

public abstract class CommitTests(Product product)
{
    public sealed class OnSqlite() : CommitTests(Product.Sqlite);

    public sealed class OnPostgreSql() : CommitTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_put_is_found_at_its_epoch()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);

        var result = await test.PutAsync("app_1");

        Assert.True(result.Moved);
        Assert.Equal(1, result.Epoch);
        var found = await test.Catalogue.FindAsync(
            EntityKinds.Application,
            "app_1",
            ModelJson.Default.Application,
            Stop
        );
        Assert.Equal(TestCatalogue.Application("app_1"), found!.Value);
        Assert.Equal(1, found.Epoch);
    }

    [Fact]
    public async Task Equal_content_moves_nothing()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        var first = await test.PutAsync("app_1");
        var audit = new AuditTrail(test.Database);
        var entries = (await audit.ReadAsync(null, 10, Stop)).Count;

        var second = await test.PutAsync("app_1");

        Assert.False(second.Moved);
        Assert.Equal(first.Head, second.Head);
        Assert.Equal(first.Head, await test.Feed.ReadHeadAsync(Stop));
        Assert.Empty(await test.Feed.ReadAfterAsync(1, TestCatalogue.AllKinds, 10, Stop));
        Assert.Equal(entries, (await audit.ReadAsync(null, 10, Stop)).Count);
    }

    [Fact]
    public async Task Only_what_differs_in_a_transaction_takes_an_epoch()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1");

        var result = await test.Catalogue.CommitAsync(
            TestCatalogue
                .Put("app_1")
                .Put(
                    EntityKinds.Application,
                    "app_2",
                    TestCatalogue.Application("app_2"),
                    ModelJson.Default.Application
                )
                .Delete(EntityKinds.Application, "app_3"),
            Stop
        );

        Assert.Equal(2, result.Epoch);
    }

    [Fact]
    public async Task An_entity_that_somebody_changed_meanwhile_is_a_conflict_and_nothing_is_written()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1", "ann");
        await test.PutAsync("app_1", "bob", expected: 1);

        var stale = TestCatalogue
            .Put("app_2")
            .Put(
                EntityKinds.Application,
                "app_1",
                TestCatalogue.Application("app_1", "eve"),
                ModelJson.Default.Application,
                expectedEpoch: 1
            );
        var conflict = await Assert.ThrowsAsync<EntityConflictException>(() => test.Catalogue.CommitAsync(stale, Stop));

        Assert.Equal((1, 2), (conflict.Expected, conflict.Actual));
        Assert.Null(
            await test.Catalogue.FindAsync(EntityKinds.Application, "app_2", ModelJson.Default.Application, Stop)
        );
        Assert.Equal(2, (await test.Feed.ReadHeadAsync(Stop)).Epoch);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Expecting_none_holds_only_when_there_is_none(bool exists, bool accepted)
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        if (exists)
        {
            await test.PutAsync("app_1", "bob");
        }

        if (accepted)
        {
            await test.PutAsync("app_1", expected: 0);
        }
        else
        {
            await Assert.ThrowsAsync<EntityConflictException>(() => test.PutAsync("app_1", expected: 0));
        }
    }

    [Fact]
    public async Task A_deleted_entity_may_be_made_again_as_new()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1");
        await test.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "delete").Delete(EntityKinds.Application, "app_1", 1),
            Stop
        );

        var again = await test.PutAsync("app_1", expected: 0);

        Assert.Equal(3, again.Epoch);
    }

    [Fact]
    public async Task An_entity_of_more_than_a_mebibyte_is_refused_with_the_size_of_its_parts()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);

        var e = Assert.Throws<EntityTooLargeException>(() =>
            TestCatalogue.Put("app_1", new string('x', EntityChange.MaxPayload))
        );

        Assert.Contains("owner 1,048,578", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Eight_writers_at_once_leave_no_gap_and_every_signature_and_the_chain_hold()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        using var second = test.OpenSecond();
        const int each = 25;

        await Task.WhenAll(
            Enumerable
                .Range(0, 8)
                .Select(w =>
                    Task.Run(
                        async () =>
                        {
                            // Half of them share no lock but the database's.
                            var catalogue = w % 2 == 0 ? test.Catalogue : second;
                            for (var i = 0; i < each; i++)
                            {
                                await catalogue.CommitAsync(TestCatalogue.Put($"app_{w}_{i}"), Stop);
                            }
                        },
                        Stop
                    )
                )
        );

        var transactions = await test.Feed.ReadAfterAsync(0, TestCatalogue.AllKinds, 1000, Stop);
        Assert.Equal(
            Enumerable.Range(1, 8 * each).Select(e => (long)e),
            transactions.SelectMany(t => t.Changes).Select(c => c.Epoch)
        );
        using var verifier = new CatalogueVerifier(test.Key.PublicHalf.Span);
        Digest chain = default;
        foreach (var transaction in transactions)
        {
            foreach (var change in transaction.Changes)
            {
                Assert.True(verifier.Verify(change, transaction.Head.History));
                chain = CatalogueHead.Link(chain, change, transaction.Head.History);
            }

            Assert.Equal(chain, transaction.Head.Chain);
            Assert.Equal(chain, await test.Feed.ReadChainAsync(transaction.Head.Epoch, Stop));
        }

        Assert.Equal(await test.Feed.ReadHeadAsync(Stop), transactions[^1].Head);
    }

    [Fact]
    public async Task Two_writers_the_first_to_begin_commits_last_nobody_misses_it()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        using var second = test.OpenSecond();
        var start = await test.Feed.ReadHeadAsync(Stop);
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var seen = new ConcurrentQueue<string>();
        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(Stop);

        // A reader that follows all the while, on its own connections; begun first, for the server ends who lingers for 5 s.
        var reader = Task.Run(
            async () =>
            {
                var feed = new CatalogueFeed(second);
                var head = start;
                while (seen.Count < 2)
                {
                    await feed.WaitForNewerAsync(head, stopReading.Token);
                    foreach (
                        var transaction in await feed.ReadAfterAsync(
                            head.Epoch,
                            TestCatalogue.AllKinds,
                            10,
                            stopReading.Token
                        )
                    )
                    {
                        head = transaction.Head;
                        foreach (var change in transaction.Changes)
                        {
                            seen.Enqueue(change.Name);
                        }
                    }
                }
            },
            Stop
        );

        // The first has taken its lock and lingers; the second begins after it and wants to be faster.
        var slow = Task.Run(
            () =>
                test.Catalogue.CommitAsync(
                    TestCatalogue
                        .Put("slow")
                        .Also(
                            async (_, _) =>
                            {
                                began.SetResult();
                                await release.Task;
                            }
                        ),
                    Stop
                ),
            Stop
        );
        await began.Task.WaitAsync(TimeSpan.FromSeconds(60), Stop);
        var fast = Task.Run(() => second.CommitAsync(TestCatalogue.Put("fast"), Stop), Stop);

        Assert.False(fast.IsCompleted);
        release.SetResult();
        var results = await Task.WhenAll(slow, fast);
        await reader.WaitAsync(TimeSpan.FromSeconds(60), Stop);

        Assert.Equal([1, 2], results.Select(r => r.Epoch));
        Assert.Equal(["slow", "fast"], seen);
    }

    [Fact]
    public async Task Rows_beside_the_entities_are_undone_with_them()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        var transaction = TestCatalogue
            .Put("app_1")
            .Also(
                (context, _) =>
                {
                    context.Documents.Add(new() { Digest = Digest.Of("x"u8), MediaType = "text/plain" });
                    return Task.CompletedTask;
                }
            )
            .Also((_, _) => throw new InvalidOperationException("no"));

        await Assert.ThrowsAsync<InvalidOperationException>(() => test.Catalogue.CommitAsync(transaction, Stop));

        await using var context = test.Catalogue.Open();
        Assert.Equal(0, await context.Documents.CountAsync(Stop));
        Assert.Equal(0, (await test.Feed.ReadHeadAsync(Stop)).Epoch);
    }

    [Fact]
    public async Task A_damaged_row_is_named_instead_of_used()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        await test.PutAsync("app_1");
        await using (var context = test.Catalogue.Open())
        {
            await context.Entities.ExecuteUpdateAsync(
                set =>
                    set.SetProperty(e => e.Payload, "{\"id\":\"app_1\",\"name\":\"x\",\"owner\":\"eve\"}"u8.ToArray()),
                Stop
            );
        }

        var e = await Assert.ThrowsAsync<InvalidDataException>(() =>
            test.Catalogue.FindAsync(EntityKinds.Application, "app_1", ModelJson.Default.Application, Stop)
        );

        Assert.Contains("app_1", e.Message, StringComparison.Ordinal);
    }
}
