using System.Net.Security;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Core;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class CertificateRenewalTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_renewed_certificate_serves_new_handshakes_and_cuts_no_stream()
    {
        await using var cluster = new TestCluster();
        using var manager = cluster.Identity(Profile.GatewayManager);
        var server = await cluster.StartAsync(Profile.GatewayManager, identity: manager);
        var data = cluster.NewDataDirectory();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1", data);
        manager.Renew(Reply(cluster, manager));
        var channels = cluster.ChannelAs(worker);
        using var channel = channels.CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);
        using var stream = new Feed.FeedClient(channel).Follow(new(), cancellationToken: Cancellation);
        Assert.True(await stream.ResponseStream.MoveNext(Cancellation));
        var before = worker.Certificate.Identity.SerialNumber;
        await SetManagersAsync(cluster, worker);

        cluster.Time.Advance(TimeSpan.FromDays(21));
        Assert.True(await Renewal(cluster, worker, channels).RenewOnceAsync(Cancellation));
        manager.Renew(Reply(cluster, manager));

        // The old certificates end; the stream that began with them runs on.
        cluster.Time.Advance(TimeSpan.FromDays(10));
        for (var i = 0; i < 20; i++)
        {
            Assert.True(await stream.ResponseStream.MoveNext(Cancellation));
        }

        // A new connection shows the new certificates on both sides.
        using var fresh = channels.CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);
        var reply = await new Feed.FeedClient(fresh).ReportAsync(new(), cancellationToken: Cancellation);
        using var restarted = NodeIdentity.Load(data)!;
        Assert.Equal("worker-1 (gateway-worker)", reply.Node);
        Assert.NotEqual(before, worker.Certificate.Identity.SerialNumber);
        Assert.Equal(worker.Certificate.Identity.SerialNumber, restarted.Certificate.Identity.SerialNumber);
    }

    [Fact]
    public async Task Renewal_waits_for_two_thirds_of_life_then_happens_by_itself()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        var first = worker.Certificate;
        DateTimeOffset? askedAt = null;
        var asked = 0;
        var renewal = new CertificateRenewal(
            worker,
            (request, cancellation) =>
            {
                askedAt ??= cluster.Time.GetUtcNow();
                Interlocked.Increment(ref asked);
                return cluster
                    .Enrolment()
                    .RenewAsync(worker.Identity, worker.Certificate.Certificate, request, cancellation);
            },
            () => TestCluster.SomeFacts(),
            cluster.Time,
            cluster.Log.For<CertificateRenewal>()
        );
        using var stop = new CancellationTokenSource();
        var running = renewal.RunAsync(stop.Token);

        cluster.Time.Advance(TimeSpan.FromDays(19));
        Assert.Equal(0, Volatile.Read(ref asked));
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        bounded.CancelAfter(TimeSpan.FromSeconds(60));
        while (cluster.Time.GetUtcNow() < first.RenewAt)
        {
            cluster.Time.Advance(TimeSpan.FromHours(1));
            await Task.Delay(1, bounded.Token);
        }

        // From here on time goes by only for one who looked just before and waits for another hour; it stands still for what is done.
        for (var waits = 1; worker.Certificate == first; waits++)
        {
            await Task.Delay(10, bounded.Token);
            if (waits % 100 == 0 && Volatile.Read(ref asked) == 0)
            {
                cluster.Time.Advance(TimeSpan.FromHours(1));
            }
        }

        Assert.InRange(askedAt!.Value, first.RenewAt, first.Ends);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_certificate_that_an_operator_wants_replaced_is_renewed_once_and_any_other_is_left()
    {
        await using var cluster = new TestCluster();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        var first = worker.Certificate.Identity.SerialNumber;
        var asked = new List<bool>();
        var renewal = new CertificateRenewal(
            worker,
            (request, cancellation) =>
            {
                asked.Add(request.Keeps);
                return cluster
                    .Enrolment()
                    .RenewAsync(worker.Identity, worker.Certificate.Certificate, request, cancellation);
            },
            () => TestCluster.SomeFacts(),
            cluster.Time,
            cluster.Log.For<CertificateRenewal>()
        );
        using var stop = new CancellationTokenSource();
        var running = renewal.RunAsync(stop.Token);

        renewal.Learn("", "0A0B0C");
        renewal.Learn("", $"0A0B0C {first}");
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        bounded.CancelAfter(TimeSpan.FromSeconds(60));
        await foreach (var certificate in worker.FollowCertificateAsync(bounded.Token))
        {
            if (certificate.Identity.SerialNumber != first)
            {
                break;
            }
        }

        // Said again, by a manager that has not heard of the new one, it asks for nothing.
        renewal.Learn(worker.Trust, $"{first} 0A0B0C");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal([false], asked);
    }

    [Fact]
    public async Task A_renewal_that_fails_raises_an_alert_and_keeps_the_present_certificate()
    {
        await using var cluster = new TestCluster();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        cluster.Managers.Add("127.0.0.1:1");
        await SetManagersAsync(cluster, worker);
        var present = worker.Certificate;
        var renewal = Renewal(cluster, worker, cluster.ChannelAs(worker));

        Assert.False(await renewal.RenewOnceAsync(Cancellation));

        Assert.Same(present, worker.Certificate);
        Assert.Contains("Unavailable", renewal.Failure, StringComparison.Ordinal);
        Assert.Contains(
            "Warning: ALERT: the certificate of worker-1 is due",
            cluster.Log.Text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_node_that_left_or_was_evicted_is_not_renewed()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        await SetManagersAsync(cluster, worker);
        cluster.Ledger.Registered["worker-1"] = false;
        var renewal = Renewal(cluster, worker, cluster.ChannelAs(worker));

        Assert.False(await renewal.RenewOnceAsync(Cancellation));

        Assert.Contains("not registered any more", renewal.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_eviction_that_overtakes_a_renewal_wins()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        await SetManagersAsync(cluster, worker);
        cluster.Ledger.BeforeRenewal = () => cluster.Ledger.Registered["worker-1"] = false;
        var renewal = Renewal(cluster, worker, cluster.ChannelAs(worker));

        Assert.False(await renewal.RenewOnceAsync(Cancellation));

        Assert.False(cluster.Ledger.Registered["worker-1"]);
        Assert.Empty(cluster.Ledger.Registrations);
    }

    [Fact]
    public async Task A_renewal_for_another_key_or_by_an_impostor_manager_is_refused()
    {
        await using var cluster = new TestCluster();
        var manager = await cluster.StartAsync(Profile.GatewayManager);
        var worker2 = await cluster.StartAsync(Profile.GatewayWorker);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        using var otherKey = NodeKey.LoadOrCreate(cluster.NewDataDirectory());
        var channels = cluster.ChannelAs(worker);
        using var channel = channels.CreateGrpc("127.0.0.1", manager.Port, PeerExpectation.Manager);

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Enrolment.EnrolmentClient(channel).RenewAsync(
                new()
                {
                    CertificateRequest = Google.Protobuf.ByteString.CopyFrom(CertificateRequests.Create(otherKey)),
                    Facts = TestCluster.SomeFacts(),
                },
                cancellationToken: Cancellation
            )
        );
        using var wrong = channels.CreateGrpc("127.0.0.1", worker2.Port, PeerExpectation.Manager);
        var impostor = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Enrolment.EnrolmentClient(wrong).RenewAsync(new(), cancellationToken: Cancellation)
        );

        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.Contains(
            "gateway-worker-1",
            PeerRefusedException.Find(impostor.Status.DebugException)!.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task An_evicted_node_loses_the_stream_it_has_open()
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(Profile.GatewayManager);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        using var channel = cluster.ChannelAs(worker).CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);
        using var stream = new Feed.FeedClient(channel).Follow(new(), cancellationToken: Cancellation);
        Assert.True(await stream.ResponseStream.MoveNext(Cancellation));

        Deny(cluster, worker);

        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        bounded.CancelAfter(TimeSpan.FromSeconds(60));
        await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await stream.ResponseStream.MoveNext(bounded.Token)) { }
        });
        Assert.False(bounded.IsCancellationRequested);
        Assert.Contains("Cut the open connection of worker-1", cluster.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_ends_streams_at_once_and_lets_a_request_on_the_data_hop_finish()
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(Profile.AllInOne);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        using var channel = cluster.ChannelAs(worker).CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);
        using var stream = new Feed.FeedClient(channel).Follow(new(), cancellationToken: Cancellation);
        Assert.True(await stream.ResponseStream.MoveNext(Cancellation));

        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await server.StopAsync(patience.Token);

        Assert.False(patience.IsCancellationRequested, "The stream was not ended but cut when patience was over.");
        await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await stream.ResponseStream.MoveNext(Cancellation)) { }
        });
    }

    private static CertificateRenewal Renewal(TestCluster cluster, NodeIdentity node, InternalChannel channels) =>
        new(
            node,
            CertificateRenewal.OverChannel(node, channels),
            () => TestCluster.SomeFacts(),
            cluster.Time,
            cluster.Log.For<CertificateRenewal>()
        );

    // What a deployment helper does with the entity.
    private static void Deny(TestCluster cluster, NodeIdentity node) =>
        cluster
            .Denied.Prepare(
                [
                    new()
                    {
                        Kind = EntityKinds.DeniedCertificate,
                        Name = node.Certificate.Identity.SerialNumber,
                        Epoch = 1,
                        Payload = "not even JSON"u8.ToArray(),
                        Digest = Digest.Of("not even JSON"u8),
                    },
                ],
                replace: false
            )
            .Publish();

    private static Task SetManagersAsync(TestCluster cluster, NodeIdentity node)
    {
        node.Renew(Reply(cluster, node));
        return Task.CompletedTask;
    }

    private static JoinReply Reply(TestCluster cluster, NodeIdentity node)
    {
        using var certificate = cluster.Authority.Issue(
            node.CreateRequest(),
            cluster.Name,
            node.Profile,
            node.Node,
            ["127.0.0.1"]
        );
        return cluster.Facts.ToReply(certificate, [cluster.Authority.Certificate]);
    }
}
