using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Google.Protobuf;
using Grpc.Core;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class RotationTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_follows_its_authority_through_three_stages_and_what_the_old_one_issued_opens_nothing()
    {
        await using var cluster = new TestCluster();
        using var next = CertificateAuthority.CreateSuccessor(cluster.Name, cluster.Time);
        using var manager = cluster.Identity(Profile.GatewayManager);
        var server = await cluster.StartAsync(Profile.GatewayManager, identity: manager);
        var data = cluster.NewDataDirectory();
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1", data);
        using var former = cluster.Identity(Profile.GatewayWorker, "worker-2");
        var channels = cluster.ChannelAs(worker);
        using var channel = channels.CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);
        using var stream = new Feed.FeedClient(channel).Follow(new(), cancellationToken: Cancellation);
        Assert.True(await stream.ResponseStream.MoveNext(Cancellation));
        using var stop = new CancellationTokenSource();
        var renewal = new CertificateRenewal(
            worker,
            CertificateRenewal.OverChannel(worker, channels),
            () => TestCluster.SomeFacts(),
            cluster.Time,
            cluster.Log.For<CertificateRenewal>()
        );
        var running = renewal.RunAsync(stop.Token);
        var first = worker.Certificate.Identity.SerialNumber;
        var alone = worker.Trust;
        Assert.Equal(new ClusterTrust(cluster.Authority).Id, alone);

        // 1. Both are believed; nobody needs another certificate for that.
        await GoAsync(new(cluster.Authority, next.Certificate));
        Assert.Equal((first, 2), (worker.Certificate.Identity.SerialNumber, worker.Authorities.Count));

        // 2. The next one issues. What is open stays open.
        await GoAsync(new(next, cluster.Authority.Certificate));
        var second = worker.Certificate.Identity.SerialNumber;
        Assert.NotEqual(first, second);
        for (var i = 0; i < 20; i++)
        {
            Assert.True(await stream.ResponseStream.MoveNext(Cancellation));
        }

        Assert.Null(await AskAsync(former));

        // 3. The old one counts no more, not even on a connection that is open.
        await GoAsync(new(next));
        Assert.Equal((second, 1), (worker.Certificate.Identity.SerialNumber, worker.Authorities.Count));
        Assert.NotEqual(alone, worker.Trust);
        await Assert.ThrowsAsync<RpcException>(async () =>
        {
            using var limited = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            limited.CancelAfter(TimeSpan.FromSeconds(60));
            while (await stream.ResponseStream.MoveNext(limited.Token)) { }
        });
        Assert.NotNull(await AskAsync(former));
        Assert.Null(await AskAsync(worker));
        using var restarted = NodeIdentity.Load(data)!;
        Assert.Equal((worker.Trust, second), (restarted.Trust, restarted.Certificate.Identity.SerialNumber));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        async Task GoAsync(ClusterTrust trust)
        {
            cluster.Trust = trust;
            await RenewAsync(cluster, manager);
            renewal.Learn(trust.Id);
            await UntilAsync(() => worker.Trust == trust.Id);
        }

        async Task<RpcException?> AskAsync(NodeIdentity identity)
        {
            using var fresh = cluster.ChannelAs(identity).CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);
            try
            {
                await new Feed.FeedClient(fresh).ReportAsync(new(), cancellationToken: Cancellation);
                return null;
            }
            catch (RpcException e)
            {
                return e;
            }
        }
    }

    [Fact]
    public async Task A_manager_that_has_not_heard_of_the_stage_yet_is_asked_again_soon()
    {
        await using var cluster = new TestCluster();
        using var next = CertificateAuthority.CreateSuccessor(cluster.Name, cluster.Time);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        var wanted = new ClusterTrust(next, cluster.Authority.Certificate);
        var asked = 0;
        var renewal = new CertificateRenewal(
            worker,
            (request, cancellation) =>
            {
                cluster.Trust = Interlocked.Increment(ref asked) < 3 ? null : wanted;
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
        var began = cluster.Time.GetUtcNow();
        var first = worker.Certificate.Identity.SerialNumber;

        renewal.Learn("");
        renewal.Learn(worker.Trust);
        renewal.Learn(wanted.Id);
        await UntilAsync(() =>
        {
            cluster.Time.Advance(TimeSpan.FromMilliseconds(100));
            return worker.Trust == wanted.Id;
        });

        Assert.Equal(3, asked);
        Assert.NotEqual(first, worker.Certificate.Identity.SerialNumber);
        Assert.InRange(cluster.Time.GetUtcNow() - began, TimeSpan.FromSeconds(3), TimeSpan.FromMinutes(10));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_join_token_of_the_rotation_outlives_a_stage_and_one_of_before_does_not()
    {
        await using var cluster = new TestCluster();
        using var next = CertificateAuthority.CreateSuccessor(cluster.Name, cluster.Time);
        using var manager = cluster.Identity(Profile.GatewayManager);
        await cluster.StartAsync(Profile.GatewayManager, identity: manager);
        var before = cluster.NewToken(Profile.GatewayWorker, "worker-1");
        var during = cluster.NewToken(Profile.GatewayWorker, "worker-2") with { OtherPins = [next.Pin] };
        cluster.Trust = new(cluster.Authority, next.Certificate);
        await RenewAsync(cluster, manager);
        cluster.Trust = new(next, cluster.Authority.Certificate);
        await RenewAsync(cluster, manager);

        using var joined = await JoinAsync(cluster, during);
        Assert.Equal(cluster.Trust.Id, joined.Trust);
        var refused = await Assert.ThrowsAsync<JoinException>(() => JoinAsync(cluster, before));
        Assert.Equal(JoinFailure.WrongAuthority, refused.Failure);

        cluster.Trust = new(next);
        await RenewAsync(cluster, manager);
        refused = await Assert.ThrowsAsync<JoinException>(() => JoinAsync(cluster, before));
        Assert.Contains("rotated", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, cluster.Ledger.Tokens[before.Id].Attempts);
    }

    private static Task<NodeIdentity> JoinAsync(TestCluster cluster, JoinToken token) =>
        new JoinClient(cluster.Time, cluster.Log) { AddressTimeout = TimeSpan.FromSeconds(60) }.JoinAsync(
            cluster.NewDataDirectory(),
            JoinToken.Decode(token.Encode()),
            TestCluster.SomeFacts(),
            "0",
            Cancellation
        );

    private static async Task RenewAsync(TestCluster cluster, NodeIdentity node) =>
        node.Renew(
            await cluster
                .Enrolment()
                .RenewAsync(
                    node.Identity,
                    node.Certificate.Certificate,
                    new()
                    {
                        CertificateRequest = ByteString.CopyFrom(node.CreateRequest()),
                        Facts = TestCluster.SomeFacts(),
                        Keeps = true,
                    },
                    Cancellation
                )
        );

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        bounded.CancelAfter(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(5, bounded.Token);
        }
    }
}
