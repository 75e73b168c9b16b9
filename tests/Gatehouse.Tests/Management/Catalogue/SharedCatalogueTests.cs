using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management;

/// <summary>What several managers on one PostgreSQL do to each other.</summary>
public sealed class SharedCatalogueTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_commit_of_one_manager_wakes_who_waits_at_another()
    {
        await using var test = await TestCatalogue.CreateAsync(on: Product.PostgreSql);
        using var second = test.OpenSecond();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var listening = second.Database.ListenAsync(_ => woken.TrySetResult(), stop.Token);

        // The line is open when the first hint comes through it.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        for (var i = 0; !woken.Task.IsCompleted; i++)
        {
            await test.PutAsync($"app_{i}");
            await Task.WhenAny(woken.Task, listening, Task.Delay(50, patience.Token));
            Assert.False(listening.IsCompleted);
            patience.Token.ThrowIfCancellationRequested();
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => listening);
    }

    [Fact]
    public async Task A_manager_that_freezes_in_its_transaction_loses_it_and_the_other_goes_on()
    {
        await using var test = await TestCatalogue.CreateAsync(on: Product.PostgreSql);
        using var second = test.OpenSecond();
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thaw = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var frozen = test.Catalogue.CommitAsync(
            TestCatalogue
                .Put("frozen")
                .Also(
                    async (_, _) =>
                    {
                        began.SetResult();
                        await thaw.Task;
                    }
                ),
            Stop
        );
        await began.Task.WaitAsync(TimeSpan.FromSeconds(60), Stop);

        var others = await second.CommitAsync(TestCatalogue.Put("other"), Stop);
        thaw.SetResult();

        var e = await Assert.ThrowsAnyAsync<Exception>(() => frozen);
        Assert.NotNull(CatalogueDatabase.TroubleOf(e));
        Assert.Equal(1, others.Epoch);
        Assert.Null(await second.FindAsync(EntityKinds.Application, "frozen", ModelJson.Default.Application, Stop));
    }

    [Fact]
    public async Task A_connection_that_breaks_after_the_commit_was_made_still_acknowledges_it()
    {
        await using var test = await TestCatalogue.CreateAsync(on: Product.PostgreSql);
        await using var line = new CuttingLine(test.Server!.Port);
        using var database = TestCatalogue.OpenAt($"{line.Port}/{test.Name}");
        using var catalogue = new Catalogue(database, test.Key, test.Time);
        await catalogue.CommitAsync(TestCatalogue.Put("before"), Stop);

        // The server made the commit, and its answer is lost with the connection.
        line.CutAtNextCommit();
        var result = await catalogue.CommitAsync(TestCatalogue.Put("after"), Stop);

        Assert.True(line.HasCut);
        Assert.Equal(2, result.Epoch);
        Assert.NotNull(
            await test.Catalogue.FindAsync(EntityKinds.Application, "after", ModelJson.Default.Application, Stop)
        );
        Assert.Equal(3, (await test.PutAsync("later")).Epoch);
        Assert.Null(await new AuditTrail(test.Database).FindBreakAsync(Stop));
    }

    [Fact]
    public async Task What_a_node_tells_one_manager_the_other_knows_once_they_exchanged_it()
    {
        var time = new FakeTimeProvider(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var test = await TestCatalogue.CreateAsync(time, Product.PostgreSql);
        await TestNodes.RegisterAsync(test, "worker-1");
        using var other = test.OpenSecond();
        var first = TestNodes.Board(test);
        var second = new NodeBoard(other, TestNodes.Options(test), NullLogger<NodeBoard>.Instance);
        var head = await test.Catalogue.ReadHeadAsync(Stop);

        await first.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head), Stop);
        await first.SaveAsync(Stop);
        await second.RefreshAsync(Stop);

        Assert.Equal(NodeState.Serving, await TestNodes.StateAsync(test, second, "worker-1"));

        // It moves to the second, and the first hears of it there.
        time.Advance(TimeSpan.FromSeconds(1));
        await second.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head, "draining"), Stop);
        await second.SaveAsync(Stop);
        await first.RefreshAsync(Stop);

        Assert.Equal(NodeState.Draining, await TestNodes.StateAsync(test, first, "worker-1"));

        // It falls silent; who heard it knows of the loss first and tells the other, once.
        time.Advance(NodeBoard.LostAfter + TimeSpan.FromMilliseconds(1));
        Assert.Equal(NodeState.Lost, await TestNodes.StateAsync(test, second, "worker-1"));
        Assert.Equal(NodeState.Draining, await TestNodes.StateAsync(test, first, "worker-1"));
        using var heard = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var listening = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var listens = test.Database.ListenAsync(
            word =>
            {
                if (first.HearLoss(word))
                {
                    heard.Cancel();
                }
                else
                {
                    listening.TrySetResult();
                }
            },
            heard.Token
        );
        await Task.WhenAny(SayUntilHeardAsync(), listens);
        await other.Database.TellAsync(Assert.Single(second.TellLosses()), Stop);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => listens);
        Assert.Empty(second.TellLosses());
        Assert.Equal(NodeState.Lost, await TestNodes.StateAsync(test, first, "worker-1"));

        // And is back with its next report.
        await second.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head), Stop);
        await second.SaveAsync(Stop);
        await first.RefreshAsync(Stop);
        Assert.Equal(NodeState.Serving, await TestNodes.StateAsync(test, first, "worker-1"));

        async Task SayUntilHeardAsync()
        {
            while (!listening.Task.IsCompleted)
            {
                await other.Database.TellAsync("", Stop);
                await Task.WhenAny(listening.Task, Task.Delay(20, Stop));
            }
        }

        // Evicted by the one, it is forgotten by the other.
        var registry = new NodeRegistry(test.Catalogue, first, new Environments(test.Catalogue));
        await registry.EvictAsync("worker-1", "gone", null, TestCatalogue.Tester, Stop);
        await second.RefreshAsync(Stop);

        Assert.Null(second.Find("worker-1"));
    }
}
