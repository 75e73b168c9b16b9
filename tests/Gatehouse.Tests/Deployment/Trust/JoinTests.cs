using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class JoinTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_worker_joins_with_its_token_and_finds_its_identity_again_after_a_restart()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        var token = cluster.NewToken(Profile.GatewayWorker, "worker-1");
        var data = cluster.NewDataDirectory();

        using var joined = await JoinAsync(cluster, data, token);
        using var restarted = NodeIdentity.Load(data)!;

        Assert.Equal(("test", Profile.GatewayWorker, "worker-1"), (joined.Cluster, joined.Profile, joined.Node));
        Assert.Equal(joined.Certificate.Certificate.RawData, restarted.Certificate.Certificate.RawData);
        Assert.Equal(cluster.Managers, restarted.Facts.Managers);
        Assert.Equal(cluster.CatalogueKey.PublicHalf.ToArray(), restarted.Facts.CatalogueKey.ToArray());
        var (node, serial) = Assert.Single(cluster.Ledger.Registrations);
        Assert.Equal(("worker-1", "worker", 7443), (node.Name, node.SubDomain, node.InternalPort));
        Assert.Equal(joined.Certificate.Identity.SerialNumber, serial);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            TestCluster.ModeOf(Path.Combine(data, "pki", "node.key"))
        );
        Assert.False(File.Exists(Path.Combine(data, "pki", "cluster.key")));
    }

    [Fact]
    public async Task An_identity_in_the_data_directory_wins_over_a_token_and_does_not_spend_it()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        var data = cluster.NewDataDirectory();
        using var present = cluster.Identity(Profile.GatewayWorker, "worker-1", data);
        var token = cluster.NewToken(Profile.GatewayWorker, "worker-2");

        using var joined = await JoinAsync(cluster, data, token);

        Assert.Equal("worker-1", joined.Node);
        Assert.Equal(0, cluster.Ledger.Tokens[token.Id].Attempts);
    }

    [Fact]
    public async Task A_manager_that_joins_gets_the_cluster_key()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        var data = cluster.NewDataDirectory();

        using var joined = await JoinAsync(cluster, data, cluster.NewToken(Profile.GatewayManager, "manager-2"));

        using var key = ClusterKey.Load(data);
        Assert.Equal(cluster.Key.Export(), key.Export());
    }

    [Fact]
    public async Task Every_balancer_gets_the_same_key_for_cookies_and_nobody_else_gets_it()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        string[] data = [cluster.NewDataDirectory(), cluster.NewDataDirectory(), cluster.NewDataDirectory()];

        using var one = await JoinAsync(cluster, data[0], cluster.NewToken(Profile.LoadBalancer, "balancer-1"));
        using var two = await JoinAsync(cluster, data[1], cluster.NewToken(Profile.LoadBalancer, "balancer-2"));
        using var worker = await JoinAsync(cluster, data[2], cluster.NewToken(Profile.GatewayWorker, "worker-1"));

        var key = await File.ReadAllBytesAsync(NodeIdentity.BalancerKeyPath(data[0]), Cancellation);
        Assert.Equal(32, key.Length);
        Assert.Equal(key, await File.ReadAllBytesAsync(NodeIdentity.BalancerKeyPath(data[1]), Cancellation));
        Assert.False(File.Exists(NodeIdentity.BalancerKeyPath(data[2])));
        Assert.NotEqual(cluster.Key.Export(), key);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            TestCluster.ModeOf(NodeIdentity.BalancerKeyPath(data[0]))
        );
    }

    [Fact]
    public async Task The_same_key_may_come_again_when_the_answer_was_lost_and_another_key_may_not()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        var token = cluster.NewToken(Profile.GatewayWorker, "worker-1");
        var data = cluster.NewDataDirectory();
        cluster.Ledger.FailNextRegistration = new IOException("the disk is full");

        var lost = await Assert.ThrowsAsync<JoinException>(() => JoinAsync(cluster, data, token));
        using var joined = await JoinAsync(cluster, data, token);
        var stolen = await Assert.ThrowsAsync<JoinException>(() =>
            JoinAsync(cluster, cluster.NewDataDirectory(), token)
        );

        Assert.Equal(JoinFailure.ManagerFailed, lost.Failure);
        Assert.Contains("tried again", lost.Message, StringComparison.Ordinal);
        Assert.Equal("worker-1", joined.Node);
        Assert.Equal(JoinFailure.TokenRefused, stolen.Failure);
        Assert.Contains("used by another node", stolen.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_an_unknown_and_a_guessed_token_are_refused_with_the_reason()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        var token = cluster.NewToken(Profile.GatewayWorker, "worker-1");
        var data = cluster.NewDataDirectory();

        var unknown = await RefusedAsync(cluster, data, token with { Id = "nobody" });
        for (var i = 0; i < 10; i++)
        {
            var guess = await RefusedAsync(cluster, data, token with { Secret = JoinToken.NewSecret() });
            Assert.Contains("secret is wrong", guess.Message, StringComparison.Ordinal);
        }

        var exhausted = await RefusedAsync(cluster, data, token);
        var late = cluster.NewToken(Profile.GatewayWorker, "worker-2");
        cluster.Time.Advance(TimeSpan.FromHours(1.1));
        var expired = await RefusedAsync(cluster, data, late);

        Assert.Contains("unknown", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("too often", exhausted.Message, StringComparison.Ordinal);
        Assert.Contains("expired", expired.Message, StringComparison.Ordinal);
        Assert.Empty(cluster.Ledger.Registrations);
        Assert.Null(NodeIdentity.Load(data));
    }

    [Fact]
    public async Task The_ledger_decides_profile_and_name_whatever_the_token_says()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        var token = cluster.NewToken(Profile.GatewayWorker, "worker-1");

        using var joined = await JoinAsync(
            cluster,
            cluster.NewDataDirectory(),
            token with
            {
                Profile = Profile.GatewayManager,
                Node = "manager-9",
            }
        );

        Assert.Equal((Profile.GatewayWorker, "worker-1"), (joined.Profile, joined.Node));
    }

    [Fact]
    public async Task A_token_of_another_cluster_is_not_sent_to_this_one()
    {
        await using var mine = new TestCluster("mine");
        await using var other = new TestCluster("other");
        await mine.StartAsync(Profile.GatewayManager);
        await using var recorder = await RecorderAsync(mine);
        var token = other.NewToken(Profile.GatewayWorker, "worker-1", $"127.0.0.1:{recorder.Port}");

        var refused = await RefusedAsync(mine, mine.NewDataDirectory(), token);

        Assert.Equal(JoinFailure.WrongAuthority, refused.Failure);
        Assert.Contains("another cluster", refused.Message, StringComparison.Ordinal);
        AssertNotSent(token, recorder.Received);
        Assert.True(recorder.Received.Length > 0, "the recorder saw the connection");
    }

    [Fact]
    public async Task Somebody_in_between_who_shows_the_right_authority_but_is_no_manager_gets_no_secret()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);

        // A worker, with a certificate of the cluster, poses as a manager and serves the true authorities.
        using var worker = cluster.Identity(Profile.GatewayWorker, "worker-9");
        await using var recorder = await Recorder.StartAsync(worker.Certificate, cluster.Enrolment().AuthoritiesPem);
        var token = cluster.NewToken(Profile.GatewayWorker, "worker-1", $"127.0.0.1:{recorder.Port}");

        var refused = await RefusedAsync(cluster, cluster.NewDataDirectory(), token);

        Assert.Equal(JoinFailure.WrongAuthority, refused.Failure);
        Assert.Contains("worker-9 (gateway-worker)", refused.Message, StringComparison.Ordinal);
        Assert.Contains("not sent", refused.Message, StringComparison.Ordinal);
        AssertNotSent(token, recorder.Received);
    }

    [Fact]
    public async Task Addresses_that_are_dead_or_silent_are_passed_over_in_bounded_time()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;
        var token = cluster.NewToken(
            Profile.GatewayWorker,
            "worker-1",
            "127.0.0.1:1",
            $"127.0.0.1:{port}",
            cluster.Managers[0]
        );

        var patience = TimeSpan.FromSeconds(5);
        using var joined = await JoinAsync(cluster, cluster.NewDataDirectory(), token, patience);
        var nobody = await Assert.ThrowsAsync<JoinException>(() =>
            JoinAsync(
                cluster,
                cluster.NewDataDirectory(),
                token with
                {
                    Addresses = ["127.0.0.1:1", $"127.0.0.1:{port}"],
                },
                patience
            )
        );

        Assert.Equal("worker-1", joined.Node);
        Assert.Equal(JoinFailure.CannotReach, nobody.Failure);
        Assert.Contains("127.0.0.1:1", nobody.Message, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.1:{port}", nobody.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_asked_to_let_somebody_join_says_that_it_is_no_manager()
    {
        await using var cluster = new TestCluster();
        var worker = await cluster.StartAsync(Profile.GatewayWorker);
        var token = cluster.NewToken(Profile.GatewayWorker, "worker-2", $"127.0.0.1:{worker.Port}");

        var refused = await RefusedAsync(cluster, cluster.NewDataDirectory(), token);

        // It has nothing for callers without a certificate, so it ends the handshake.
        Assert.Equal(JoinFailure.ManagerFailed, refused.Failure);
        Assert.Contains("Is it a manager's", refused.Message, StringComparison.Ordinal);
        Assert.Contains("showed no certificate", cluster.Log.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("evil\nhost")]
    [InlineData("-")]
    public async Task Facts_that_no_node_could_be_reached_by_are_refused(string host)
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        var token = cluster.NewToken(Profile.GatewayWorker, "worker-1");

        var refused = await Assert.ThrowsAsync<JoinException>(() =>
            new JoinClient(cluster.Time, cluster.Log) { AddressTimeout = TimeSpan.FromSeconds(60) }.JoinAsync(
                cluster.NewDataDirectory(),
                token,
                TestCluster.SomeFacts(host),
                "0",
                Cancellation
            )
        );

        Assert.Equal(JoinFailure.FactsRefused, refused.Failure);
        Assert.Empty(cluster.Ledger.Registrations);
    }

    [Fact]
    public async Task No_secret_reaches_log_message_or_text()
    {
        await using var cluster = new TestCluster();
        await cluster.StartAsync(Profile.GatewayManager);
        var token = cluster.NewToken(Profile.GatewayManager, "manager-2");
        var data = cluster.NewDataDirectory();
        var wrong = JoinToken.NewSecret();

        var refused = await RefusedAsync(cluster, data, token with { Secret = wrong });
        using var joined = await JoinAsync(cluster, data, token);

        var told = cluster.Log.Text + refused + token + joined + cluster.Key + cluster.CatalogueKey + joined.Facts;
        foreach (var secret in new[] { token.Secret.ToArray(), wrong, cluster.Key.Export() })
        {
            Assert.DoesNotContain(Convert.ToBase64String(secret)[..12], told, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToHexString(secret)[..12], told, StringComparison.OrdinalIgnoreCase);
        }

        Assert.DoesNotContain(token.Encode()[..40], told, StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE KEY", told, StringComparison.Ordinal);
    }

    private static Task<NodeIdentity> JoinAsync(
        TestCluster cluster,
        string data,
        JoinToken token,
        TimeSpan? addressTimeout = null
    ) =>
        new JoinClient(cluster.Time, cluster.Log)
        {
            AddressTimeout = addressTimeout ?? TimeSpan.FromSeconds(60),
        }.JoinAsync(data, JoinToken.Decode(token.Encode()), TestCluster.SomeFacts(), "0", Cancellation);

    private static Task<JoinException> RefusedAsync(TestCluster cluster, string data, JoinToken token) =>
        Assert.ThrowsAsync<JoinException>(() => JoinAsync(cluster, data, token));

    private static Task<Recorder> RecorderAsync(TestCluster cluster) =>
        Recorder.StartAsync(
            cluster.Identity(Profile.GatewayManager, "manager-r").Certificate,
            cluster.Enrolment().AuthoritiesPem
        );

    private static void AssertNotSent(JoinToken token, byte[] received)
    {
        Assert.Equal(-1, received.AsSpan().IndexOf(token.Secret.Span));
        Assert.Equal(-1, received.AsSpan().IndexOf(token.Secret.Span[..8]));
        Assert.Equal(
            -1,
            received.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(token.Secret.Span)))
        );
    }

    /// <summary>A TLS server that keeps every byte it is told and answers any request with the given authorities.</summary>
    private sealed class Recorder : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly MemoryStream _received = new();
        private readonly CancellationTokenSource _stop = new();
        private Task _running = Task.CompletedTask;

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public byte[] Received
        {
            get
            {
                lock (_received)
                {
                    return _received.ToArray();
                }
            }
        }

        public static Task<Recorder> StartAsync(NodeCertificate certificate, string pem)
        {
            var recorder = new Recorder();
            recorder._listener.Start();
            recorder._running = recorder.RunAsync(certificate, pem);
            return Task.FromResult(recorder);
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _listener.Stop();
            _stop.Dispose();
        }

        private async Task RunAsync(NodeCertificate certificate, string pem)
        {
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                    await using var tls = new SslStream(client.GetStream());
                    await tls.AuthenticateAsServerAsync(
                        new SslServerAuthenticationOptions
                        {
                            ServerCertificateContext = certificate.Context,
                            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                        },
                        _stop.Token
                    );
                    var buffer = new byte[4096];
                    var read = await tls.ReadAsync(buffer, _stop.Token);
                    lock (_received)
                    {
                        _received.Write(buffer, 0, read);
                    }

                    var head = $"HTTP/1.1 200 OK\r\nContent-Length: {pem.Length}\r\nConnection: close\r\n\r\n{pem}";
                    await tls.WriteAsync(System.Text.Encoding.ASCII.GetBytes(head), _stop.Token);
                    while ((read = await tls.ReadAsync(buffer, _stop.Token)) > 0)
                    {
                        lock (_received)
                        {
                            _received.Write(buffer, 0, read);
                        }
                    }
                }
                catch (Exception e)
                    when (e
                            is IOException
                                or SocketException
                                or OperationCanceledException
                                or ObjectDisposedException
                                or System.Security.Authentication.AuthenticationException
                    ) { }
            }
        }
    }
}
