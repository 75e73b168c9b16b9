using Gatehouse.Deployment.Wire;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management;

public abstract class NodeBoardTests(Product product)
{
    public sealed class OnSqlite() : NodeBoardTests(Product.Sqlite);

    public sealed class OnPostgreSql() : NodeBoardTests(Product.PostgreSql);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_goes_from_never_seen_to_serving_to_lost_and_comes_back()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var worker = TestNodes.Identity("worker-1");
        var head = await test.Catalogue.ReadHeadAsync(Stop);
        Assert.Equal(NodeState.NeverSeen, await TestNodes.StateAsync(test, board, "worker-1"));

        board.Seen(worker);
        Assert.Equal(NodeState.Starting, await TestNodes.StateAsync(test, board, "worker-1"));

        await board.RecordAsync(worker, TestNodes.Report(head), Stop);
        Assert.Equal(NodeState.Serving, await TestNodes.StateAsync(test, board, "worker-1"));

        _time.Advance(NodeBoard.LostAfter);
        Assert.Equal(NodeState.Serving, await TestNodes.StateAsync(test, board, "worker-1"));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(NodeState.Lost, await TestNodes.StateAsync(test, board, "worker-1"));

        board.Seen(worker);
        Assert.Equal(NodeState.Serving, await TestNodes.StateAsync(test, board, "worker-1"));
    }

    [Fact]
    public async Task A_node_that_holds_is_shown_held_and_a_proxy_that_is_not_trusted_is_named()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var report = TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop), "held");
        report.IgnoredHops.Add("10.0.0.9");
        await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop);

        Assert.Equal(NodeState.Held, await TestNodes.StateAsync(test, board, "worker-1"));
        var alerts = await AlertsAsync(test, board);
        Assert.Equal(["held", "proxy"], alerts.Select(a => a.Kind).Order());
        Assert.Contains("10.0.0.9", alerts.Single(a => a.Kind == "proxy").Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restarted_manager_gives_its_nodes_the_usual_time_and_then_shows_who_is_gone()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        await TestNodes.RegisterAsync(test, "worker-2");
        var head = await test.Catalogue.ReadHeadAsync(Stop);
        var before = TestNodes.Board(test);
        await before.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head), Stop);
        await before.RecordAsync(TestNodes.Identity("worker-2"), TestNodes.Report(head), Stop);
        await before.SaveAsync(Stop);
        _time.Advance(TimeSpan.FromMinutes(10));

        var board = TestNodes.Board(test);
        await board.LoadAsync(Stop);
        Assert.Equal(NodeState.Serving, await TestNodes.StateAsync(test, board, "worker-1"));

        _time.Advance(TimeSpan.FromSeconds(1));
        await board.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head), Stop);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(NodeState.Serving, await TestNodes.StateAsync(test, board, "worker-1"));
        Assert.Equal(NodeState.Lost, await TestNodes.StateAsync(test, board, "worker-2"));
    }

    [Fact]
    public async Task A_clock_that_is_set_back_hides_no_loss()
    {
        var clock = new SettableClock(_time);
        await using var test = await TestCatalogue.CreateAsync(clock, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        await board.RecordAsync(
            TestNodes.Identity("worker-1"),
            TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop)),
            Stop
        );

        clock.SetBack = TimeSpan.FromHours(1);
        _time.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(NodeState.Lost, await TestNodes.StateAsync(test, board, "worker-1"));
    }

    [Theory]
    [InlineData("starting", NodeState.Starting)]
    [InlineData("serving", NodeState.Serving)]
    [InlineData("draining", NodeState.Draining)]
    [InlineData("stopping", NodeState.Draining)]
    public async Task What_a_node_says_is_how_it_stands(string said, NodeState state)
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);

        await board.RecordAsync(
            TestNodes.Identity("worker-1"),
            TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop), said),
            Stop
        );

        Assert.Equal(state, await TestNodes.StateAsync(test, board, "worker-1"));
    }

    [Fact]
    public async Task A_node_that_said_it_stops_is_stopped_not_lost()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var head = await test.Catalogue.ReadHeadAsync(Stop);
        await board.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head, "stopping"), Stop);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(NodeState.Stopped, await TestNodes.StateAsync(test, board, "worker-1"));
    }

    [Fact]
    public async Task A_table_from_a_peer_is_stale_until_a_manager_confirms_it()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var report = TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop));
        report.FreshnessUnverified = true;

        await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop);

        Assert.Equal(NodeState.Stale, await TestNodes.StateAsync(test, board, "worker-1"));
    }

    [Fact]
    public async Task A_drained_node_hears_it_in_the_reply_to_its_report()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var report = TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop));
        Assert.False((await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop)).Draining);

        await TestNodes.Registry(test).DrainAsync("worker-1", true, null, TestCatalogue.Tester, Stop);

        Assert.True((await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop)).Draining);
        Assert.Equal(NodeState.Draining, await TestNodes.StateAsync(test, board, "worker-1"));
    }

    [Fact]
    public async Task An_entity_is_pending_then_applied_refused_or_stale_on_each_worker()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        foreach (var name in new[] { "a-applied", "b-refused", "c-pending", "d-lost", "e-silent" })
        {
            await TestNodes.RegisterAsync(test, name);
        }

        await TestNodes.RegisterAsync(test, "balancer-1", Profile.LoadBalancer);
        var board = TestNodes.Board(test);
        var before = await test.Catalogue.ReadHeadAsync(Stop);
        await board.RecordAsync(TestNodes.Identity("d-lost"), TestNodes.Report(before), Stop);
        _time.Advance(TimeSpan.FromSeconds(3));
        var commit = await test.PutAsync("app_1");

        await board.RecordAsync(TestNodes.Identity("a-applied"), TestNodes.Report(commit.Head), Stop);
        await board.RecordAsync(TestNodes.Identity("c-pending"), TestNodes.Report(before), Stop);
        var refusing = TestNodes.Report(commit.Head);
        refusing.Refusals.Add(
            new RefusedChange
            {
                Kind = EntityKinds.Application,
                Name = "app_1",
                Epoch = commit.Epoch,
                Field = "/owner",
                Reason = "nobody knows ann",
            }
        );
        await board.RecordAsync(TestNodes.Identity("b-refused"), refusing, Stop);

        var states = await board.OfAsync(EntityKinds.Application, "app_1", commit.Epoch, Stop);

        Assert.Equal(
            [
                ("a-applied", DeploymentState.Applied),
                ("b-refused", DeploymentState.Refused),
                ("c-pending", DeploymentState.Pending),
                ("d-lost", DeploymentState.Stale),
                ("e-silent", DeploymentState.Pending),
            ],
            states.Select(s => (s.Node, s.State))
        );
        Assert.Equal(("/owner", "nobody knows ann"), (states[1].Field, states[1].Reason));
    }

    [Fact]
    public async Task A_refusal_of_an_older_change_says_nothing_of_the_newer()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var first = await test.PutAsync("app_1", "ann");
        var second = await test.PutAsync("app_1", "bob");
        var report = TestNodes.Report(first.Head);
        report.Refusals.Add(
            new RefusedChange
            {
                Kind = EntityKinds.Application,
                Name = "app_1",
                Epoch = first.Epoch,
            }
        );

        await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop);

        var state = Assert.Single(await board.OfAsync(EntityKinds.Application, "app_1", second.Epoch, Stop));
        Assert.Equal(DeploymentState.Pending, state.State);
    }

    [Fact]
    public async Task Who_follows_the_readings_sees_a_report_arrive()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var arrived = board.Readings.WhenAsync(r => r.ContainsKey("worker-1"), Stop);
        Assert.False(arrived.IsCompleted);

        board.Seen(TestNodes.Identity("worker-1"));

        await arrived.WaitAsync(TimeSpan.FromSeconds(60), Stop);
    }

    [Fact]
    public async Task A_node_that_moved_is_registered_at_its_new_place_once()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var report = TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop));
        report.Facts = new()
        {
            Host = "10.0.0.8",
            InternalPort = 7444,
            SubDomain = "worker",
            Ports = { ["https"] = 8243 },
        };

        await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop);
        var moved = await test.Catalogue.FindAsync(EntityKinds.Node, "worker-1", ModelJson.Default.Node, Stop);
        await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop);

        Assert.Equal(
            ("10.0.0.8", 7444, 8243),
            (moved!.Value.Host, moved.Value.InternalPort, moved.Value.Ports["https"])
        );
        Assert.Equal(moved.Epoch, (await test.Catalogue.ReadHeadAsync(Stop)).Epoch);
    }

    [Fact]
    public async Task Hostile_facts_are_not_taken_and_the_report_still_counts()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var head = await test.Catalogue.ReadHeadAsync(Stop);
        var report = TestNodes.Report(head);
        report.Facts = new() { Host = "evil host\r\n", InternalPort = 99999 };

        await board.RecordAsync(TestNodes.Identity("worker-1"), report, Stop);

        Assert.Equal(head, await test.Catalogue.ReadHeadAsync(Stop));
        Assert.Equal(NodeState.Serving, await TestNodes.StateAsync(test, board, "worker-1"));
    }

    [Fact]
    public async Task A_node_that_is_not_registered_leaves_no_trace()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var board = TestNodes.Board(test);

        await board.RecordAsync(
            TestNodes.Identity("ghost"),
            TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop)),
            Stop
        );

        Assert.Empty(board.Readings.Value);
    }

    [Fact]
    public async Task Many_reports_are_saved_in_one_row_a_node_and_read_back()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var head = await test.Catalogue.ReadHeadAsync(Stop);
        for (var i = 0; i < 50; i++)
        {
            await board.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head), Stop);
        }

        await using (var context = test.Catalogue.Open())
        {
            Assert.Equal(0, await context.NodeStatus.CountAsync(Stop));
        }

        await board.SaveAsync(Stop);
        var restarted = TestNodes.Board(test);
        await restarted.LoadAsync(Stop);

        Assert.Equal(4711, restarted.Find("worker-1")!.Report!.ProcessId);
        Assert.Equal(head, await test.Catalogue.ReadHeadAsync(Stop));
    }

    [Theory]
    [InlineData("another history")]
    [InlineData("an epoch above the head")]
    [InlineData("another chain")]
    public async Task A_cursor_this_catalogue_never_gave_out_raises_an_alert(string what)
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var head = await test.Catalogue.ReadHeadAsync(Stop);
        var held = what switch
        {
            "another history" => head with { History = "other" },
            "an epoch above the head" => head with { Epoch = head.Epoch + 5 },
            _ => head with { Chain = Digest.Of("x"u8) },
        };

        await board.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(held), Stop);
        await board.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head), Stop);

        Assert.Equal("reset", Assert.Single(await AlertsAsync(test, board)).Kind);
    }

    [Fact]
    public async Task A_good_cursor_that_moves_on_raises_none()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var worker = TestNodes.Identity("worker-1");

        await board.RecordAsync(worker, TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop)), Stop);
        await board.RecordAsync(worker, TestNodes.Report((await test.PutAsync("app_1")).Head), Stop);

        Assert.Empty(await AlertsAsync(test, board));
    }

    [Fact]
    public async Task A_lost_node_and_a_restored_catalogue_are_alerts_until_they_are_over()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        await test.Catalogue.BeginNewHistoryAsync("restored from monday.tar", TestCatalogue.Tester, Stop);
        var head = await test.Catalogue.ReadHeadAsync(Stop);
        await board.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head), Stop);
        _time.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(["restored", "node-lost"], (await AlertsAsync(test, board)).Select(a => a.Kind));

        _time.Advance(TimeSpan.FromHours(25));
        board.Seen(TestNodes.Identity("worker-1"));
        Assert.Empty(await AlertsAsync(test, board));
    }

    [Fact]
    public async Task A_certificate_whose_renewal_fails_is_an_alert_at_once_and_when_its_last_quarter_begins_and_after_its_end()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var board = TestNodes.Board(test);
        var worker = TestNodes.Identity("worker-1");
        var report = TestNodes.Report(await test.Catalogue.ReadHeadAsync(Stop));
        await board.RecordAsync(worker, report, Stop);
        Assert.Empty(await AlertsAsync(test, board));

        report.CertificateTrouble = "Unavailable: no manager answers";
        await board.RecordAsync(worker, report, Stop);
        var failing = Assert.Single(await AlertsAsync(test, board));
        Assert.Equal(("certificate", "worker-1"), (failing.Kind, failing.Node));
        Assert.Contains("renewal fails", failing.Message, StringComparison.Ordinal);
        Assert.Contains("no manager answers", failing.Message, StringComparison.Ordinal);

        report.CertificateTrouble = "";
        _time.Advance(TimeSpan.FromDays(22));
        await board.RecordAsync(worker, report, Stop);
        Assert.Empty(await AlertsAsync(test, board));
        _time.Advance(TimeSpan.FromDays(1));
        await board.RecordAsync(worker, report, Stop);
        Assert.Equal("certificate", Assert.Single(await AlertsAsync(test, board)).Kind);

        _time.Advance(TimeSpan.FromDays(7));
        await board.RecordAsync(worker, report, Stop);
        var over = Assert.Single(await AlertsAsync(test, board));
        Assert.Contains("join it with a new token", over.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reset_is_still_told_after_the_manager_restarted()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        await TestNodes.RegisterAsync(test, "worker-1");
        var before = TestNodes.Board(test);
        var foreign = await test.Catalogue.ReadHeadAsync(Stop) with { History = "another" };
        await before.RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(foreign), Stop);
        await before.SaveAsync(Stop);

        var board = TestNodes.Board(test);
        await board.LoadAsync(Stop);

        var alert = Assert.Single(await AlertsAsync(test, board), a => a.Kind == "reset");
        Assert.Contains("of history another", alert.Message, StringComparison.Ordinal);
    }

    /// <summary>A clock whose wall time somebody sets, as NTP does; the time that has passed goes on.</summary>
    [Fact]
    public async Task A_node_that_is_forgotten_takes_nothing_of_the_others_with_it()
    {
        await using var test = await TestCatalogue.CreateAsync(_time, product);
        var board = TestNodes.Board(test);
        var names = Enumerable.Range(0, 20_000).Select(i => $"worker-{i}").ToList();

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var forgetting = Task.Run(
            () =>
            {
                while (!enough.IsCancellationRequested)
                {
                    board.Seen(TestNodes.Identity("gone"));
                    board.Forget("gone");
                    begun.TrySetResult();
                }
            },
            Stop
        );
        await begun.Task;
        names.ForEach(name => board.Seen(TestNodes.Identity(name)));
        await enough.CancelAsync();
        await forgetting;

        Assert.Equal(names.Order(StringComparer.Ordinal), board.Readings.Value.Keys.Order(StringComparer.Ordinal));
    }

    private sealed class SettableClock(TimeProvider real) : TimeProvider
    {
        public TimeSpan SetBack { get; set; }

        public override long TimestampFrequency => real.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => real.GetUtcNow() - SetBack;

        public override long GetTimestamp() => real.GetTimestamp();
    }

    private static async Task<IReadOnlyList<Alert>> AlertsAsync(TestCatalogue test, NodeBoard board)
    {
        await using var context = test.Catalogue.Open();
        var nodes = await test.Catalogue.ListAsync(EntityKinds.Node, ModelJson.Default.Node, Stop);
        return new Alerts(test.Catalogue, board).Of(
            await context.Head.SingleAsync(Stop),
            [.. nodes.Select(n => n.Value)],
            await context.NodeCertificates.ToListAsync(Stop)
        );
    }
}
