using System.Net;
using System.Net.Sockets;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Gatehouse.Tests.Deployment.Trust;
using Google.Protobuf;
using Grpc.Core;

namespace Gatehouse.Tests.Deployment.Internal;

public sealed class InternalServerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_worker_that_asks_for_the_cluster_key_is_told_who_may_and_so_is_the_operator()
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(Profile.GatewayManager);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        using var channel = cluster.ChannelAs(worker).CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Enrolment.EnrolmentClient(channel).ClusterKeyAsync(new(), cancellationToken: Cancellation)
        );

        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.Equal(
            "a gateway-worker may not ask for this; only all-in-one, gateway-manager, control-plane, api-publisher, api-devportal, api-key-manager, traffic-manager",
            refused.Status.Detail
        );
        Assert.Contains(
            "Warning: Refused /gatehouse.v1.Enrolment/ClusterKey to worker-1 (gateway-worker) at 127.0.0.1: "
                + "only all-in-one, gateway-manager, control-plane, api-publisher, api-devportal, api-key-manager, traffic-manager may",
            cluster.Log.Text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_method_that_a_node_does_not_know_is_called_unimplemented()
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(Profile.GatewayWorker);
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        using var channel = cluster.ChannelAs(worker).CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Worker);

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Feed.FeedClient(channel).ReportAsync(new(), cancellationToken: Cancellation)
        );

        Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
    }

    [Fact]
    public async Task A_taken_port_is_named()
    {
        await using var cluster = new TestCluster();
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;
        await using var server = new InternalServer(
            new() { Address = IPAddress.Loopback, Port = port },
            cluster.Identity(Profile.GatewayManager),
            cluster.Verification(),
            cluster.Denied,
            cluster.Log,
            _ => { },
            _ => { }
        );

        var taken = await Assert.ThrowsAsync<IOException>(() => server.StartAsync(Cancellation));

        Assert.Contains($"127.0.0.1:{port}", taken.Message, StringComparison.Ordinal);
        Assert.Contains("address already in use", taken.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Callers_without_a_certificate_are_few_and_short_lived()
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(
            Profile.GatewayManager,
            new() { MaxAnonymousConnections = 3, AnonymousLifetime = TimeSpan.FromMinutes(10) }
        );
        var brief = await cluster.StartAsync(
            Profile.GatewayManager,
            new() { AnonymousLifetime = TimeSpan.FromSeconds(1) },
            cluster.Identity(Profile.GatewayManager, "manager-2")
        );
        var nobody = cluster.ChannelAs(null);
        var open = new List<Stream>();
        for (var i = 0; i < 3; i++)
        {
            open.Add(await ConnectAsync(server));
        }

        await PollAsync(() => server.Connections == 3);
        await using (var fourth = await ConnectAsync(server))
        {
            Assert.Equal(0, await ReadAsync(fourth));
        }

        // A node with a certificate is not held up by them.
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-1");
        using var channel = cluster.ChannelAs(worker).CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);
        await new Feed.FeedClient(channel).ReportAsync(new(), cancellationToken: Cancellation);

        foreach (var stream in open)
        {
            await stream.DisposeAsync();
        }

        await using (var shortLived = await ConnectAsync(brief))
        {
            Assert.Equal(0, await ReadAsync(shortLived));
        }

        async Task<Stream> ConnectAsync(InternalServer to) =>
            await nobody.ConnectAsync(
                InternalPurpose.Control,
                "127.0.0.1",
                to.Port,
                PeerExpectation.Manager,
                System.Net.Security.SslApplicationProtocol.Http11,
                Cancellation
            );
    }

    [Fact]
    public async Task A_join_request_that_is_far_too_large_is_not_read()
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(Profile.GatewayManager);
        using var channel = cluster.ChannelAs(null).CreateGrpc("127.0.0.1", server.Port, PeerExpectation.Manager);

        await Assert.ThrowsAsync<RpcException>(async () =>
            await new Enrolment.EnrolmentClient(channel).JoinAsync(
                new() { Secret = ByteString.CopyFrom(new byte[1 << 20]) },
                cancellationToken: Cancellation
            )
        );

        Assert.DoesNotContain("Refused to let a node in", cluster.Log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Refused a certificate request", cluster.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_to_the_wrong_node_or_profile_is_not_used()
    {
        await using var cluster = new TestCluster();
        await using var foreign = new TestCluster("test");
        var server = await cluster.StartAsync(Profile.GatewayWorker);
        var strange = await foreign.StartAsync(Profile.GatewayWorker);
        using var balancer = cluster.Identity(Profile.LoadBalancer, "lb-1");
        var channels = cluster.ChannelAs(balancer);

        var profile = await RefusedAsync(server, PeerExpectation.Manager);
        var node = await RefusedAsync(server, new("worker-7", [Profile.GatewayWorker]));
        var authority = await RefusedAsync(strange, PeerExpectation.Worker);

        Assert.Contains(
            "only all-in-one or gateway-manager or control-plane",
            profile.Message,
            StringComparison.Ordinal
        );
        Assert.Contains("worker-7 was expected there", node.Message, StringComparison.Ordinal);
        Assert.Contains("not issued by this cluster's authority", authority.Message, StringComparison.Ordinal);

        async Task<PeerRefusedException> RefusedAsync(InternalServer at, PeerExpectation expectation)
        {
            var failed = await Assert.ThrowsAnyAsync<Exception>(async () =>
                await channels.ConnectAsync(
                    InternalPurpose.Apis,
                    "127.0.0.1",
                    at.Port,
                    expectation,
                    System.Net.Security.SslApplicationProtocol.Http11,
                    Cancellation
                )
            );
            return PeerRefusedException.Find(failed)!;
        }
    }

    [Fact]
    public async Task API_traffic_flows_between_expired_certificates_for_ninety_days_while_control_stops()
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(Profile.GatewayWorker);
        using var balancer = cluster.Identity(Profile.LoadBalancer, "lb-1");

        cluster.Time.Advance(TimeSpan.FromDays(31));
        Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(InternalPurpose.Apis), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() => AskAsync(InternalPurpose.Control));

        cluster.Time.Advance(TimeSpan.FromDays(90));
        await Assert.ThrowsAnyAsync<Exception>(() => AskAsync(InternalPurpose.Apis));

        Assert.Contains(
            "ALERT: the certificate of lb-1 (load-balancer) expired",
            cluster.Log.Text,
            StringComparison.Ordinal
        );

        async Task<string> AskAsync(InternalPurpose purpose)
        {
            await using var stream = await cluster
                .ChannelAs(balancer)
                .ConnectAsync(
                    purpose,
                    "127.0.0.1",
                    server.Port,
                    PeerExpectation.Worker,
                    System.Net.Security.SslApplicationProtocol.Http11,
                    Cancellation
                );
            await stream.WriteAsync(
                "GET /readyz HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n"u8.ToArray(),
                Cancellation
            );
            using var reader = new StreamReader(stream);
            return await reader.ReadToEndAsync(Cancellation);
        }
    }

    // 0 when the other side ended the connection, however it did.
    private static async Task<int> ReadAsync(Stream stream)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        bounded.CancelAfter(TimeSpan.FromSeconds(60));
        try
        {
            return await stream.ReadAsync(new byte[1], bounded.Token);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static async Task PollAsync(Func<bool> condition)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        bounded.CancelAfter(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(10, bounded.Token);
        }
    }
}
