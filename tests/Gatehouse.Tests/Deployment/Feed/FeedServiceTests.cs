using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Feeds;

/// <summary>What a manager sends, message by message.</summary>
public sealed class FeedServiceTests : IDisposable
{
    private readonly CatalogueTwin _catalogue = new();

    [Fact]
    public async Task A_connection_without_a_node_certificate_gets_nothing()
    {
        await using var host = await FeedHost.StartAsync(_catalogue, anonymous: true);
        using var channel = NodeTwin.Connect(host.Address);
        var client = new Gatehouse.Deployment.Wire.Feed.FeedClient(channel);

        Assert.Equal(StatusCode.Unauthenticated, await CodeAsync(client.Follow(new() { Format = 1 })));
        var fault = await Assert.ThrowsAsync<RpcException>(async () => await client.ReportAsync(new()));
        Assert.Equal(StatusCode.Unauthenticated, fault.StatusCode);
    }

    [Fact]
    public async Task A_manager_may_not_follow_and_an_older_form_is_told_to_upgrade()
    {
        await using var host = await FeedHost.StartAsync(
            _catalogue,
            new PeerIdentity("test", Profile.GatewayManager, "m2", "02")
        );
        using var channel = NodeTwin.Connect(host.Address);
        Assert.Equal(
            StatusCode.PermissionDenied,
            await CodeAsync(new Gatehouse.Deployment.Wire.Feed.FeedClient(channel).Follow(new() { Format = 1 }))
        );

        await using var worker = await FeedHost.StartAsync(_catalogue);
        using var other = NodeTwin.Connect(worker.Address);
        Assert.Equal(
            StatusCode.FailedPrecondition,
            await CodeAsync(new Gatehouse.Deployment.Wire.Feed.FeedClient(other).Follow(new()))
        );
    }

    [Fact]
    public async Task A_balancer_is_sent_only_the_kinds_it_needs_and_its_cursor_moves_all_the_same()
    {
        _catalogue.Put("api", "a:1", "for workers");
        _catalogue.Put("node", "w1", "for all");
        _catalogue.Put("definition", "a:1", "for managers");
        await using var host = await FeedHost.StartAsync(
            _catalogue,
            new PeerIdentity("test", Profile.LoadBalancer, "b1", "03")
        );

        var scan = await TakeAsync(host, null, m => m.Footer is not null);
        Assert.Equal("w1", Assert.Single(scan, m => m.Change is not null).Change.Name);
        Assert.Equal(3, scan[^1].Footer.Cursor.Epoch);

        var before = _catalogue.Head;
        _catalogue.Put("api", "a:1", "again for workers");
        var after = await TakeAsync(host, before, m => m.End is not null);
        Assert.DoesNotContain(after, m => m.Change is not null);
        Assert.Equal(4, after[^1].End.Cursor.Epoch);
    }

    [Fact]
    public async Task A_node_that_takes_heartbeats_and_says_nothing_is_heard_of_once()
    {
        await using var host = await FeedHost.StartAsync(
            _catalogue,
            options: new() { Heartbeat = TimeSpan.FromMilliseconds(20) }
        );
        var beats = 0;

        await TakeAsync(host, null, m => m.Heartbeat is not null && ++beats == 5);

        Assert.Equal(1, host.Reports.TimesSeen);
    }

    [Fact]
    public async Task The_reset_says_why()
    {
        _catalogue.Put("api", "a:1", "one");
        var old = _catalogue.Head;
        _catalogue.Put("api", "a:1", "two");
        var head = _catalogue.Head;
        await using var host = await FeedHost.StartAsync(_catalogue);

        Assert.Contains("no cursor", await ReasonAsync(host, null), StringComparison.Ordinal);
        Assert.Contains(
            "history is h1",
            await ReasonAsync(host, head with { History = "other" }),
            StringComparison.Ordinal
        );
        Assert.Contains("newest epoch", await ReasonAsync(host, head with { Epoch = 99 }), StringComparison.Ordinal);
        Assert.Contains(
            "other changes",
            await ReasonAsync(host, old with { Chain = Digest.Of("x"u8) }),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "other changes",
            await ReasonAsync(host, head with { Chain = Digest.Of("x"u8) }),
            StringComparison.Ordinal
        );
        _catalogue.PurgeTombstones();
        Assert.Contains("deletions after epoch 1", await ReasonAsync(host, old), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_second_a_signed_heartbeat_says_where_the_head_is()
    {
        _catalogue.Put("api", "a:1", "one");
        var time = new FakeTimeProvider();
        await using var host = await FeedHost.StartAsync(_catalogue, time: time);
        using var verifier = new CatalogueVerifier(_catalogue.Key.PublicHalf.Span);

        var beats = 0;
        var messages = await TakeAsync(
            host,
            _catalogue.Head,
            m =>
            {
                beats += m.Heartbeat is null ? 0 : 1;
                if (m.Heartbeat is not null && beats == 1)
                {
                    // The next one is not due yet: what is changed now comes without it.
                    time.Advance(TimeSpan.FromSeconds(0.9));
                    _catalogue.Put("api", "b:1", "two");
                }
                else if (m.End is not null)
                {
                    time.Advance(TimeSpan.FromSeconds(0.1));
                }

                return beats == 2;
            }
        );

        Assert.Equal(
            [
                FeedMessage.KindOneofCase.Heartbeat,
                FeedMessage.KindOneofCase.Change,
                FeedMessage.KindOneofCase.End,
                FeedMessage.KindOneofCase.Heartbeat,
            ],
            messages.Select(m => m.KindCase)
        );
        Assert.All(
            messages.Where(m => m.Heartbeat is not null),
            m => Assert.True(verifier.Verify(WireForm.Read(m.Heartbeat)))
        );
        Assert.Equal(_catalogue.Head.Epoch, messages[^1].Heartbeat.Head.Epoch);
    }

    [Fact]
    public async Task A_receiver_that_takes_nothing_is_dropped()
    {
        for (var i = 0; i < 40; i++)
        {
            _catalogue.Put("api", $"a{i}:1", new string('x', 900_000));
        }

        await using var host = await FeedHost.StartAsync(
            _catalogue,
            options: new() { WriteTimeout = TimeSpan.FromMilliseconds(500) }
        );
        using var channel = NodeTwin.Connect(host.Address);
        using var call = new Gatehouse.Deployment.Wire.Feed.FeedClient(channel).Follow(new() { Format = 1 });

        // Read a little, then nothing until the manager has lost patience.
        await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken);
        await SynchronizerTests.EventuallyAsync(() => host.Ended == 1);

        var fault = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while (await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken)) { }
        });
        Assert.IsType<RpcException>(fault);
    }

    [Fact]
    public async Task Streams_that_need_a_scan_at_the_same_head_share_one()
    {
        _catalogue.Put("api", "a:1", "one");
        using var scans = new SharedScans();
        var kinds = FeedScope.Of(EntityKinds.For(Profile.GatewayWorker));

        var first = await scans.TakeAsync(_catalogue, kinds, _catalogue.Head, default);
        var second = await scans.TakeAsync(_catalogue, kinds, _catalogue.Head, default);
        _catalogue.Put("api", "b:1", "newer");
        var third = await scans.TakeAsync(_catalogue, kinds, _catalogue.Head, default);

        Assert.Same(first, second);
        Assert.NotSame(first, third);
        Assert.Equal(2, third.Changes.Length);
    }

    [Fact]
    public async Task A_peer_takes_no_reports()
    {
        await using var host = await FeedHost.StartAsync(_catalogue, isManager: false);
        using var channel = NodeTwin.Connect(host.Address);

        var fault = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Gatehouse.Deployment.Wire.Feed.FeedClient(channel).ReportAsync(new())
        );

        Assert.Equal(StatusCode.Unimplemented, fault.StatusCode);
    }

    public void Dispose() => _catalogue.Dispose();

    private static async Task<string> ReasonAsync(FeedHost host, CatalogueHead? cursor) =>
        (await TakeAsync(host, cursor, m => m.Reset is not null))[^1].Reset.Reason;

    private static async Task<List<FeedMessage>> TakeAsync(
        FeedHost host,
        CatalogueHead? cursor,
        Func<FeedMessage, bool> isLast
    )
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var channel = NodeTwin.Connect(host.Address);
        using var call = new Gatehouse.Deployment.Wire.Feed.FeedClient(channel).Follow(
            new() { Format = 1, Cursor = cursor is null ? null : WireForm.Write(cursor) },
            cancellationToken: deadline.Token
        );
        var messages = new List<FeedMessage>();
        await foreach (var message in call.ResponseStream.ReadAllAsync(deadline.Token))
        {
            messages.Add(message);
            if (isLast(message))
            {
                break;
            }
        }

        return messages;
    }

    private static async Task<StatusCode> CodeAsync(AsyncServerStreamingCall<FeedMessage> call)
    {
        using (call)
        {
            return (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default))).StatusCode;
        }
    }
}
