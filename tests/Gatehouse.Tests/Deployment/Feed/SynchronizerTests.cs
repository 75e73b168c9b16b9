using System.Diagnostics;
using System.Text;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Feeds;

/// <summary>The promises of the synchronizer, over real sockets and a real store.</summary>
public sealed class SynchronizerTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-feed-").FullName;
    private readonly CatalogueTwin _catalogue = new();
    private readonly List<IAsyncDisposable> _running = [];
    private FeedHost? _manager;

    private string Store => Path.Combine(_folder, "store");

    [Fact]
    public async Task A_worker_that_joins_late_gets_the_newest_state()
    {
        _catalogue.Put("api", "a:1", "old");
        _catalogue.Put("api", "b:1", "gone");
        _catalogue.Delete("api", "b:1");
        var head = _catalogue.Put("api", "a:1", "new");

        var node = await StartAsync();
        await node.ReachesAsync(head);

        Assert.Equal(_catalogue.Live, node.Target.Served);
        Assert.Equal(1, node.Target.Publishes);
    }

    [Fact]
    public async Task A_change_is_served_and_reported_by_whoever_follows()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Head);

        var head = _catalogue.Put("api", "a:1", "new");
        await node.ReachesAsync(head);

        Assert.Equal("new", node.Target.Served[("api", "a:1")]);
        await EventuallyAsync(() =>
            _manager!.Reports.Last is { State: "serving" } last && last.Applied?.Epoch == head.Epoch
        );
        Assert.Equal("1.2.3", _manager!.Reports.Last!.Version);
        Assert.Equal(Environment.ProcessId, _manager.Reports.Last.ProcessId);
    }

    [Fact]
    public async Task A_worker_that_holds_takes_its_first_table_and_no_change_after_it_and_says_so()
    {
        var first = _catalogue.Put("api", "a:1", "old");
        var node = await StartAsync(o => o with { Hold = true, IgnoredHops = () => ["10.0.0.9"] });
        await node.WhenAsync(s => s.State == SyncState.Held);

        _catalogue.Put("api", "a:1", "new");
        await EventuallyAsync(() => _manager!.Reports.Last?.State == "held");

        Assert.Equal(first.Epoch, _manager!.Reports.Last!.Applied.Epoch);
        Assert.Equal(["10.0.0.9"], _manager.Reports.Last.IgnoredHops);
        Assert.Equal("old", node.Target.Served[("api", "a:1")]);

        // Let go, it takes what it missed.
        await StopAsync(node);
        var follower = await StartAsync();
        await follower.ReachesAsync(_catalogue.Head);
        Assert.Equal("new", follower.Target.Served[("api", "a:1")]);
    }

    [Fact]
    public async Task An_empty_catalogue_is_a_valid_table()
    {
        var node = await StartAsync();

        var status = await node.WhenAsync(s => s.State == SyncState.Serving);

        Assert.True(status.HasTable);
        Assert.Empty(node.Target.Served);
    }

    [Fact]
    public async Task A_change_during_a_full_scan_is_not_lost()
    {
        for (var i = 0; i < 200; i++)
        {
            _catalogue.Put("api", $"a{i}:1", new string('x', 2000));
        }

        var during = 0;
        _catalogue.Tamper = change =>
        {
            // Commits while the scan is being read, through the back door of the twin's own lock being re-entrant.
            if (Interlocked.Exchange(ref during, 1) == 0)
            {
                ThreadPool.UnsafeQueueUserWorkItem(_ => _catalogue.Put("api", "a7:1", "changed during the scan"), null);
            }

            return change;
        };
        var node = await StartAsync();
        await EventuallyAsync(() => node.Target.Served.GetValueOrDefault(("api", "a7:1")) == "changed during the scan");

        Assert.Equal(_catalogue.Live, node.Target.Served);
    }

    [Fact]
    public async Task An_older_epoch_of_the_same_history_is_never_applied()
    {
        _catalogue.Put("api", "a:1", "one");
        var backup = _catalogue.Save();
        var head = _catalogue.Put("api", "a:1", "two");
        var node = await StartAsync();
        await node.ReachesAsync(head);

        _catalogue.CopyBack(backup);
        var status = await node.WhenAsync(s =>
            s.Trouble is { } t && t.Contains("older state", StringComparison.Ordinal)
        );

        Assert.Equal(head, status.Cursor);
        Assert.Equal("two", node.Target.Served[("api", "a:1")]);
        Assert.Contains("gatehouse setup --new-history", status.Trouble, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_broken_entity_is_refused_and_named_and_the_other_9999_are_served()
    {
        _catalogue.Commit([
            .. Enumerable
                .Range(0, 10_000)
                .Select(i => CatalogueTwin.Change("api", $"a{i}:1", i == 4711 ? "broken" : $"content {i}")),
        ]);

        var node = await StartAsync();
        var status = await node.ReachesAsync(_catalogue.Head);

        Assert.Equal(9_999, node.Target.Served.Count);
        var refusal = Assert.Single(status.Refusals);
        Assert.Equal(("api", "a4711:1", 4712), (refusal.Kind, refusal.Name, refusal.Epoch));
        await EventuallyAsync(() => _manager!.Reports.Last?.Refusals.Count == 1);
        Assert.Equal("is broken", _manager!.Reports.Last!.Refusals[0].Reason);
    }

    [Fact]
    public async Task The_refused_one_keeps_its_last_good_self_and_so_it_does_after_a_restart_without_a_manager()
    {
        _catalogue.Put("api", "a:1", "good");
        var head = _catalogue.Head;
        var node = await StartAsync();
        await node.ReachesAsync(head);
        var status = await node.ReachesAsync(_catalogue.Put("api", "a:1", "broken"));

        Assert.Equal("good", node.Target.Served[("api", "a:1")]);
        Assert.Single(status.Refusals);

        await StopAsync(node);
        await StopManagerAsync();
        var again = await NodeAsync("127.0.0.1:1");
        Assert.Equal("good", again.Target.Served[("api", "a:1")]);
        Assert.Equal(2, Assert.Single(again.Status.Refusals).Epoch);
    }

    [Fact]
    public async Task A_newer_build_takes_up_what_the_older_one_refused()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "good"));
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "broken"));
        await StopAsync(node);
        await StopManagerAsync();

        var newer = await NodeAsync("127.0.0.1:1", new TargetTwin { Unreadable = "nothing" });
        Assert.Equal("broken", newer.Target.Served[("api", "a:1")]);
        Assert.Empty(newer.Status.Refusals);

        await StopAsync(newer);
        var (store, table) = await OpenStoreAsync();
        store.Dispose();
        Assert.Null(Assert.Single(table.Rows).Refusal);
    }

    [Fact]
    public async Task A_refused_entity_is_served_once_it_is_mended_and_forgotten_once_it_is_deleted()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "broken"));
        await node.ReachesAsync(_catalogue.Put("api", "b:1", "broken"));

        await node.ReachesAsync(_catalogue.Put("api", "a:1", "mended"));
        var status = await node.ReachesAsync(_catalogue.Delete("api", "b:1"));

        Assert.Empty(status.Refusals);
        Assert.Equal(_catalogue.Live, node.Target.Served);
        Assert.Equal(1, node.Store.Count);
    }

    [Fact]
    public async Task What_was_refused_for_another_in_its_place_is_served_once_that_other_is_gone()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "first"));
        var status = await node.ReachesAsync(_catalogue.Put("api", "b:1", "unless a:1"));
        Assert.Single(status.Refusals);

        await node.ReachesAsync(_catalogue.Delete("api", "a:1"));
        status = await node.WhenAsync(s => s.Refusals.IsEmpty);

        Assert.Equal(_catalogue.Live, node.Target.Served);
        await StopAsync(node);
        var (store, table) = await OpenStoreAsync();
        store.Dispose();
        Assert.Null(Assert.Single(table.Rows).Refusal);
    }

    [Fact]
    public async Task A_worker_restarted_without_a_manager_serves_what_it_had()
    {
        _catalogue.Put("api", "a:1", "one");
        _catalogue.Put("key", "k1", "two");
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Head);
        await StopAsync(node);
        await StopManagerAsync();

        var again = await NodeAsync("127.0.0.1:1");

        Assert.Equal(_catalogue.Live, again.Target.Served);
        Assert.True(again.Status.HasTable);
        Assert.Equal(SyncState.Stale, again.Status.State);
        Assert.Equal(_catalogue.Head, again.Status.Cursor);
    }

    [Fact]
    public async Task A_worker_that_catches_up_after_a_restart_is_sent_only_what_it_missed()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        await StopAsync(node);
        var scans = _catalogue.Scans;
        _catalogue.Put("api", "b:1", "two");

        var again = await NodeAsync(_manager!.Address);
        await again.ReachesAsync(_catalogue.Head);

        Assert.Equal(scans, _catalogue.Scans);
        Assert.Equal(_catalogue.Live, again.Target.Served);
    }

    [Fact]
    public async Task A_body_cut_short_is_not_stored_and_is_fetched_again()
    {
        var cut = int.MaxValue;
        var node = await StartAsync(o => o with { Connect = a => NodeTwin.Connect(a, () => cut) });
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        await StopAsync(node);

        // Cut within the entity's content, at every thousandth byte, then let it through.
        _catalogue.Put("api", "b:1", new string('b', 20_000));
        cut = 1_000;
        var attempts = 0;
        var again = await StartAsync(o =>
            o with
            {
                Connect = a =>
                {
                    attempts++;
                    cut += 2_000;
                    return NodeTwin.Connect(a, () => cut);
                },
            }
        );
        await again.ReachesAsync(_catalogue.Head);

        Assert.InRange(attempts, 5, 20);
        Assert.Equal(_catalogue.Live, again.Target.Served);
        Assert.All(again.Target.Tables, t => Assert.True(t.Count == 1 || t[("api", "b:1")].Length == 20_000));
    }

    [Fact]
    public async Task A_body_damaged_on_the_way_is_not_stored_and_is_fetched_again()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        var damaged = 0;
        _catalogue.Tamper = c =>
            c.Name == "b:1" && Interlocked.Increment(ref damaged) <= 3
                ? c with
                {
                    Payload = Encoding.UTF8.GetBytes("twp"),
                }
                : c;

        await node.ReachesAsync(_catalogue.Put("api", "b:1", "two"));

        Assert.True(damaged > 3);
        Assert.Equal("two", node.Target.Served[("api", "b:1")]);
        Assert.All(node.Target.Tables, t => Assert.NotEqual("twp", t.GetValueOrDefault(("api", "b:1"))));
    }

    [Fact]
    public async Task Equal_content_published_twice_moves_no_worker()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "same"));
        var (publishes, prepared) = (node.Target.Publishes, node.Target.Prepared);

        await node.ReachesAsync(_catalogue.Put("api", "a:1", "same"));

        Assert.Equal((publishes, prepared), (node.Target.Publishes, node.Target.Prepared));
        // What a peer would be lent is the newest all the same: its signature holds the epoch.
        var scan = await node.Store.ScanAsync(FeedScope.Of(EntityKinds.For(Profile.GatewayWorker)));
        Assert.Equal(2, Assert.Single(scan!.Changes).Epoch);
    }

    [Fact]
    public async Task A_restored_catalogue_with_the_same_content_moves_no_worker_but_its_cursor()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "same"));
        var publishes = node.Target.Publishes;

        _catalogue.Restore(_catalogue.Save(), "h2");
        await node.ReachesAsync(_catalogue.Head);

        Assert.Equal(publishes, node.Target.Publishes);
    }

    [Fact]
    public async Task A_slow_worker_does_not_delay_another()
    {
        var gate = new TaskCompletionSource();
        var slow = new StallingTarget(gate.Task);
        var (store, table) = await OpenStoreAsync("slow");
        await StartManagerAsync();
        var synchronizer = new Synchronizer(
            store,
            slow,
            NodeTwin.Options(_manager!.Address),
            TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<Synchronizer>.Instance
        );
        await synchronizer.ServeStoredAsync(table);
        using var stop = new CancellationTokenSource();
        var running = Task.Run(() => synchronizer.RunAsync(stop.Token));
        var fast = await NodeAsync(_manager.Address);

        // Far more than buffers on the way hold: the slow one's stream stands still.
        for (var i = 0; i < 60; i++)
        {
            await fast.ReachesAsync(_catalogue.Put("api", $"a{i}:1", new string('x', 500_000)));
        }

        gate.SetResult();
        await synchronizer.Status.WhenAsync(s => s.Cursor == _catalogue.Head, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        store.Dispose();
    }

    [Fact]
    public async Task A_request_in_flight_finishes_on_the_table_it_began_with()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        var began = node.Target.Served;

        await node.ReachesAsync(_catalogue.Put("api", "a:1", "two"));

        Assert.Equal("one", began[("api", "a:1")]);
        Assert.Equal("two", node.Target.Served[("api", "a:1")]);
    }

    [Fact]
    public async Task An_unreachable_source_deletes_nothing()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        var publishes = node.Target.Publishes;

        await StopManagerAsync();
        await node.WhenAsync(s => s.State == SyncState.Stale);

        Assert.Equal("one", node.Target.Served[("api", "a:1")]);
        Assert.Equal(publishes, node.Target.Publishes);
        Assert.Null(node.Status.Manager);
        Assert.NotNull(node.Status.Trouble);
    }

    [Fact]
    public async Task An_empty_source_without_its_footer_deletes_nothing_and_with_it_everything()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        await StopAsync(node);

        var silent = new ScriptedFeed(m => m.Reset("h2"));
        await using var empty = await silent.StartAsync();
        var cut = await NodeAsync(empty.Address);
        await EventuallyAsync(() => silent.Follows >= 3);
        Assert.Equal("one", cut.Target.Served[("api", "a:1")]);
        await StopAsync(cut);

        var honest = new ScriptedFeed(m => m.Reset("h2").Footer("h2", 0, count: 0));
        await using var valid = await honest.StartAsync();
        var node2 = await NodeAsync(valid.Address);
        await node2.WhenAsync(s => s.Cursor is { History: "h2" });
        Assert.Empty(node2.Target.Served);
        Assert.Equal(0, node2.Store.Count);
    }

    [Fact]
    public async Task A_full_scan_cut_before_its_footer_deletes_nothing()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        await StopAsync(node);

        var scripted = new ScriptedFeed(m => m.Reset("h2").Change("api", "b:1", 1, "two"));
        await using var host = await scripted.StartAsync();
        var again = await NodeAsync(host.Address);
        await EventuallyAsync(() => scripted.Follows >= 3);

        Assert.Equal("one", Assert.Single(again.Target.Served).Value);
        Assert.Equal("h1", again.Status.Cursor!.History);
    }

    [Fact]
    public async Task A_scan_with_a_hole_in_it_deletes_nothing()
    {
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        await StopAsync(node);

        var scripted = new ScriptedFeed(m => m.Reset("h2").Change("api", "b:1", 1, "two").Footer("h2", 9, count: 2));
        await using var host = await scripted.StartAsync();
        var again = await NodeAsync(host.Address);
        var status = await again.WhenAsync(s => s.Trouble is { } t && t.Contains("entities", StringComparison.Ordinal));

        Assert.Equal("one", Assert.Single(again.Target.Served).Value);
        Assert.Contains("should have 2 entities and has 1", status.Trouble, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Half_a_transaction_is_never_served()
    {
        var scripted = new ScriptedFeed(m =>
            m.Reset("h1").Footer("h1", 0, count: 0).Change("key", "k", 1, "key").Change("api", "a:1", 2, "api")
        );
        await using var host = await scripted.StartAsync();
        var node = await NodeAsync(host.Address);
        await EventuallyAsync(() => scripted.Follows >= 3);

        Assert.Empty(node.Target.Served);
        Assert.Equal(0, node.Status.Cursor!.Epoch);
    }

    [Fact]
    public async Task Two_writers_the_first_to_begin_commits_last_and_nobody_misses_it()
    {
        // The twin numbers at commit, as the catalogue does under its head row's lock: what a reader has passed is never filled in.
        var node = await StartAsync();
        var first = CatalogueTwin.Change("api", "first:1", "began first");
        var second = CatalogueTwin.Change("api", "second:1", "began second");
        await node.ReachesAsync(_catalogue.Commit(second));
        await node.ReachesAsync(_catalogue.Commit(first));

        Assert.Equal(_catalogue.Live, node.Target.Served);
        Assert.Equal(2, node.Target.Served.Count);
    }

    [Fact]
    public async Task A_worker_whose_tombstones_were_purged_forgets_the_deleted_key()
    {
        _catalogue.Put("key", "k1", "one");
        _catalogue.Put("key", "k2", "two");
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Head);
        await StopAsync(node);

        _catalogue.Delete("key", "k1");
        _catalogue.PurgeTombstones();
        var again = await NodeAsync(_manager!.Address);
        await again.ReachesAsync(_catalogue.Head);
        // What it began with, from its own store.
        Assert.True(again.Target.Tables[0].ContainsKey(("key", "k1")));

        Assert.Equal(("key", "k2"), Assert.Single(again.Target.Served).Key);
    }

    [Fact]
    public async Task A_catalogue_restored_from_a_backup_resets_every_worker_and_raises_an_alert()
    {
        _catalogue.Put("api", "a:1", "one");
        var backup = _catalogue.Save();
        var first = await StartAsync();
        var second = await NodeAsync(_manager!.Address, store: "other");
        var head = _catalogue.Put("api", "b:1", "after the backup");
        await Task.WhenAll(first.ReachesAsync(head), second.ReachesAsync(head));

        _catalogue.Restore(backup, "h2");
        await Task.WhenAll(first.ReachesAsync(_catalogue.Head), second.ReachesAsync(_catalogue.Head));

        foreach (var node in new[] { first, second })
        {
            Assert.Equal(_catalogue.Live, node.Target.Served);
            Assert.Equal(("h1", "h2"), (node.Status.HistoryChange!.From, node.Status.HistoryChange.To));
            Assert.Contains(node.Status.Faults, f => f.What == "history");
        }

        await EventuallyAsync(() => _manager!.Reports.Last?.StoreFaults.Any(f => f.What == "history") == true);
    }

    [Fact]
    public async Task An_undecodable_revocation_closes_and_never_opens()
    {
        _catalogue.Put("key", "k1", "one");
        var node = await StartAsync();
        await node.ReachesAsync(_catalogue.Head);

        var status = await node.ReachesAsync(_catalogue.Put("revocation", "key/k1", "broken"));
        Assert.Contains("key/k1", node.Target.Closed);
        Assert.Equal("revocation", Assert.Single(status.Refusals).Kind);

        // Nor does a restart open it, nor a scan.
        await StopAsync(node);
        var again = await NodeAsync(_manager!.Address);
        Assert.Contains("key/k1", again.Target.Closed);
        Assert.Single(again.Status.Refusals);
        _catalogue.Restore(_catalogue.Save(), "h2");
        status = await again.ReachesAsync(_catalogue.Head);
        Assert.Contains("key/k1", again.Target.Closed);
        Assert.Single(status.Refusals);

        await again.ReachesAsync(_catalogue.Delete("revocation", "key/k1"));
        Assert.Empty(again.Target.Closed);
    }

    [Fact]
    public async Task A_frozen_manager_is_left_for_another_after_3_s_of_silence()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var stopping = new FreezingSource(_catalogue);
        // By its clock no heartbeat is due: there is none on the way when it freezes.
        await using var frozen = await FeedHost.StartAsync(stopping, time: time);
        await using var other = await FeedHost.StartAsync(_catalogue);
        DateTimeOffset? leftAt = null;
        var node = await NodeAsync(
            frozen.Address,
            time: time,
            change: o =>
                o with
                {
                    Silence = TimeSpan.FromSeconds(3),
                    Connect = address =>
                    {
                        if (address == other.Address)
                        {
                            leftAt ??= time.GetUtcNow();
                        }

                        return NodeTwin.Connect(address);
                    },
                }
        );
        await node.ReachesAsync(_catalogue.Put("api", "a:1", "one"));
        node.Managers.Set([frozen.Address, other.Address]);

        stopping.Freeze();
        await stopping.Stands;
        var silentSince = time.GetUtcNow();
        var head = _catalogue.Put("api", "a:1", "two");
        for (var waits = 0; node.Status.Cursor != head; waits++)
        {
            // The node's own time: three seconds of it, and then hardly more while it does what is due.
            var isOver = time.GetUtcNow() - silentSince >= TimeSpan.FromSeconds(3);
            if (!isOver || waits % 100 == 99)
            {
                time.Advance(TimeSpan.FromSeconds(0.2));
            }

            Assert.True(waits < 6000, $"not left: {node.Status}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal(other.Address, node.Status.Manager);
        Assert.InRange(leftAt!.Value - silentSince, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(4.5));
    }

    [Fact]
    public async Task A_manager_that_accepts_and_never_answers_is_left_after_the_silence_limit()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var stopped = new FreezingSource(_catalogue);
        stopped.Freeze();
        await using var silent = await FeedHost.StartAsync(stopped);
        var node = await NodeAsync(
            silent.Address,
            time: time,
            change: o => o with { Silence = TimeSpan.FromSeconds(3) }
        );

        time.Advance(TimeSpan.FromSeconds(2.9));
        await Task.Yield();
        Assert.Null(node.Status.Trouble);
        await EventuallyAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(0.2));
            return node.Status.Trouble?.Contains("no sign of life for 3 s", StringComparison.Ordinal) == true;
        });
    }

    [Fact]
    public async Task A_newer_managers_kind_is_kept_and_reported()
    {
        var scripted = new ScriptedFeed(m =>
            m.Reset("h1").Change("quota", "q1", 1, "of tomorrow").Footer("h1", 1, count: 1).Hold()
        );
        await using var host = await scripted.StartAsync();
        var node = await NodeAsync(host.Address);
        var status = await node.WhenAsync(s => s.Cursor is { Epoch: 1 });

        Assert.Contains("upgrade the node", Assert.Single(status.Refusals).Reason, StringComparison.Ordinal);
        Assert.Empty(node.Target.Served);
        await StopAsync(node);

        var (store, table) = await OpenStoreAsync();
        store.Dispose();
        Assert.Equal("of tomorrow", Encoding.UTF8.GetString(Assert.Single(table.Rows).Change.Payload.Span));
    }

    [Fact]
    public async Task A_manager_that_drains_a_node_tells_it_in_the_reply_to_its_report()
    {
        var node = await StartAsync();
        await node.WhenAsync(s => s.State == SyncState.Serving);
        _manager!.Reports.Draining = true;

        await node.WhenAsync(s => s.Draining);
    }

    [Fact]
    public async Task Reports_come_at_least_every_second_and_at_most_four_times()
    {
        var node = await StartAsync();
        await node.WhenAsync(s => s.State == SyncState.Serving);
        var since = Stopwatch.StartNew();
        var before = _manager!.Reports.All.Count;
        // Changes all the time, for two seconds or as long as two reports take.
        await EventuallyAsync(() =>
        {
            _catalogue.Put("api", "a:1", $"{since.ElapsedTicks}");
            return since.Elapsed > TimeSpan.FromSeconds(2) && _manager.Reports.All.Count - before >= 2;
        });

        var came = _manager.Reports.All.Count - before;
        Assert.InRange(came, 2, 2 + (4 * since.Elapsed.TotalSeconds));

        // And without any change they go on.
        var quiet = _manager.Reports.All.Count;
        await EventuallyAsync(() => _manager.Reports.All.Count >= quiet + 2);
    }

    [Fact]
    public async Task Every_manager_forgotten_and_named_again_is_followed_again()
    {
        var node = await StartAsync(o => o with { Managers = new([]) });
        await node.WhenAsync(s => s.Trouble == "No manager's address is known.");

        node.Managers.Set([_manager!.Address]);

        await node.ReachesAsync(_catalogue.Head);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var running in _running)
        {
            await running.DisposeAsync();
        }

        await StopManagerAsync();
        _catalogue.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartManagerAsync() => _manager ??= await FeedHost.StartAsync(_catalogue);

    private async Task StopManagerAsync()
    {
        if (_manager is { } manager)
        {
            _manager = null;
            await manager.DisposeAsync();
        }
    }

    private async Task<NodeTwin> StartAsync(Func<SynchronizerOptions, SynchronizerOptions>? change = null)
    {
        await StartManagerAsync();
        var options = NodeTwin.Options(_manager!.Address);
        var node = await NodeTwin.StartAsync(Store, change is null ? options : change(options));
        _running.Add(node);
        return node;
    }

    private async Task<NodeTwin> NodeAsync(
        string manager,
        TargetTwin? target = null,
        string store = "store",
        TimeProvider? time = null,
        Func<SynchronizerOptions, SynchronizerOptions>? change = null
    )
    {
        var options = NodeTwin.Options(manager);
        var node = await NodeTwin.StartAsync(
            Path.Combine(_folder, store),
            change is null ? options : change(options),
            target,
            time
        );
        _running.Add(node);
        return node;
    }

    private async Task StopAsync(NodeTwin node)
    {
        _running.Remove(node);
        await node.DisposeAsync();
    }

    private Task<(WorkerStore Store, StoredTable Table)> OpenStoreAsync(string name = "store") =>
        WorkerStore.OpenAsync(
            Path.Combine(_folder, name),
            TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<WorkerStore>.Instance
        );

    internal static async Task EventuallyAsync(Func<bool> condition)
    {
        var since = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(since.Elapsed < TimeSpan.FromSeconds(60), "not within 60 s");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private sealed class StallingTarget(Task gate) : IEntityTarget
    {
        private readonly TargetTwin _target = new();

        public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace)
        {
            if (changes.Count > 0)
            {
                gate.Wait();
            }

            return _target.Prepare(changes, replace);
        }
    }
}
