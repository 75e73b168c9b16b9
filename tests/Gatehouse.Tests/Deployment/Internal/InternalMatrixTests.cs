using System.Net;
using System.Net.Http.Headers;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Gatehouse.Tests.Deployment.Trust;

namespace Gatehouse.Tests.Deployment.Internal;

/// <summary>Every path of port 7443 × every profile that serves × everybody who may come. Written out here, not read from the table it checks.</summary>
public sealed class InternalMatrixTests
{
    // Rows: who serves, path. Columns: all-in-one, gateway-manager, gateway-worker, load-balancer, nobody (no certificate).
    // y: answered. n: refused. A caller without certificate gets no handshake from a node that answers none of them: n too.
    private const string Expected = """
        gateway-manager /authorities                      y y y y y
        gateway-manager /gatehouse.v1.Enrolment/Join       y y y y y
        gateway-manager /gatehouse.v1.Enrolment/Renew      y y y y n
        gateway-manager /gatehouse.v1.Enrolment/ClusterKey y y n n n
        gateway-manager /gatehouse.v1.Feed/Follow          y n y y n
        gateway-manager /gatehouse.v1.Feed/Report          y y y y n
        gateway-manager /readyz                            y y y y n
        gateway-manager /cluster                           y y y y n
        gateway-manager /unlisted                          n n n n n
        gateway-manager /READYZ                            n n n n n
        gateway-manager /readyz/                           n n n n n
        gateway-manager /                                  n n n n n
        all-in-one /authorities                            y y y y y
        all-in-one /gatehouse.v1.Enrolment/Join            y y y y y
        all-in-one /gatehouse.v1.Enrolment/Renew           y y y y n
        all-in-one /gatehouse.v1.Enrolment/ClusterKey      y y n n n
        all-in-one /gatehouse.v1.Feed/Follow               y n y y n
        all-in-one /gatehouse.v1.Feed/Report               y y y y n
        all-in-one /readyz                                 y y y y n
        all-in-one /cluster                                y y y y n
        all-in-one /unlisted                               n n n n n
        gateway-worker /authorities                        n n n n n
        gateway-worker /gatehouse.v1.Enrolment/Join        n n n n n
        gateway-worker /gatehouse.v1.Enrolment/Renew       n n n n n
        gateway-worker /gatehouse.v1.Enrolment/ClusterKey  n n n n n
        gateway-worker /gatehouse.v1.Feed/Follow           y n y y n
        gateway-worker /gatehouse.v1.Feed/Report           n n n n n
        gateway-worker /readyz                             y y y y n
        gateway-worker /cluster                            y y y y n
        gateway-worker /unlisted                           n n n n n
        load-balancer /authorities                         n n n n n
        load-balancer /gatehouse.v1.Enrolment/Join         n n n n n
        load-balancer /gatehouse.v1.Enrolment/Renew        n n n n n
        load-balancer /gatehouse.v1.Enrolment/ClusterKey   n n n n n
        load-balancer /gatehouse.v1.Feed/Follow            n n n n n
        load-balancer /gatehouse.v1.Feed/Report            n n n n n
        load-balancer /readyz                              y y y y n
        load-balancer /cluster                             y y y y n
        load-balancer /unlisted                            n n n n n
        """;

    private static readonly Profile?[] s_callers =
    [
        Profile.AllInOne,
        Profile.GatewayManager,
        Profile.GatewayWorker,
        Profile.LoadBalancer,
        null,
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_control_path_answers_exactly_the_profiles_it_is_for()
    {
        await using var cluster = new TestCluster();
        var servers = await StartAllAsync(cluster);
        var wrong = new List<string>();
        foreach (var caller in s_callers)
        {
            using var identity = caller is { } profile ? cluster.Identity(profile, $"caller-{profile.Name()}") : null;
            foreach (var (served, path, expected) in Rows(caller))
            {
                var answered = await AnswersAsync(cluster, identity, servers[served], path);
                if (answered != expected)
                {
                    wrong.Add(
                        $"{caller?.Name() ?? "nobody"} asks {served.Name()} for {path}: {(answered ? "answered" : "refused")}"
                    );
                }
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_a_denied_and_an_expired_one_reach_nothing_not_even_Join()
    {
        await using var cluster = new TestCluster();
        await using var foreign = new TestCluster("test"); // the same name, so that only the authority tells them apart
        await using var elsewhere = new TestCluster("elsewhere");
        var servers = await StartAllAsync(cluster);
        using var stranger = foreign.Identity(Profile.GatewayManager, "manager-1");
        using var neighbour = elsewhere.Identity(Profile.GatewayManager, "manager-1");
        using var denied = cluster.Identity(Profile.GatewayManager, "evicted");
        using var expired = cluster.Identity(Profile.GatewayManager, "expired");
        using var selfSigned = cluster.Identity(Profile.GatewayManager, "manager-2");
        cluster.Denied.Set([denied.Certificate.Identity.SerialNumber.ToLowerInvariant()]);
        var wrong = new List<string>();

        foreach (var identity in new[] { stranger, neighbour, denied })
        {
            await AssertNothingAsync(identity);
        }

        cluster.Time.Advance(TimeSpan.FromDays(30.1));
        await AssertNothingAsync(expired);

        Assert.Empty(wrong);
        Assert.Contains("was not issued by this cluster's authority", cluster.Log.Text, StringComparison.Ordinal);
        Assert.Contains("belongs to the cluster 'elsewhere'", cluster.Log.Text, StringComparison.Ordinal);
        Assert.Contains("evicted (gateway-manager) was evicted", cluster.Log.Text, StringComparison.Ordinal);
        Assert.Contains("expired on 2026-03-31", cluster.Log.Text, StringComparison.Ordinal);

        async Task AssertNothingAsync(NodeIdentity identity)
        {
            foreach (var (served, path, _) in Rows(null))
            {
                if (await AnswersAsync(cluster, identity, servers[served], path, believeServer: true))
                {
                    wrong.Add($"{identity} asks {served.Name()} for {path}: answered");
                }
            }
        }
    }

    [Theory]
    [InlineData(InternalPurpose.Apis, Profile.GatewayWorker, true)]
    [InlineData(InternalPurpose.Apis, Profile.AllInOne, true)]
    [InlineData(InternalPurpose.Apis, Profile.GatewayManager, false)]
    [InlineData(InternalPurpose.Apis, Profile.LoadBalancer, false)]
    [InlineData(InternalPurpose.Management, Profile.GatewayManager, true)]
    [InlineData(InternalPurpose.Management, Profile.AllInOne, true)]
    [InlineData(InternalPurpose.Management, Profile.GatewayWorker, false)]
    [InlineData(InternalPurpose.Management, Profile.LoadBalancer, false)]
    public async Task Hops_are_for_who_passes_requests_on_and_only_where_the_profile_serves_them(
        InternalPurpose purpose,
        Profile served,
        bool serves
    )
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(served);
        foreach (var caller in s_callers)
        {
            using var identity = caller is { } profile ? cluster.Identity(profile, $"caller-{profile.Name()}") : null;
            foreach (var path in new[] { "/", "/readyz", "/gatehouse.v1.Enrolment/ClusterKey", "/any/thing" })
            {
                var answer = await AskAsync(cluster, identity, server, path, purpose);
                // Workers pass the key manager's paths on.
                var passesOn =
                    caller == Profile.LoadBalancer
                    || (purpose == InternalPurpose.Management && caller is (Profile.GatewayWorker or Profile.AllInOne));
                if (serves && passesOn)
                {
                    // Also for the paths of control: it is the purpose's own pipeline that answered.
                    Assert.Equal(
                        (HttpStatusCode.OK, true),
                        (
                            answer!.Value.Status,
                            answer.Value.Body.StartsWith($"{purpose}".ToLowerInvariant(), StringComparison.Ordinal)
                        )
                    );
                    Assert.Contains($"caller-{caller!.Value.Name()}", answer.Value.Body, StringComparison.Ordinal);
                }
                else
                {
                    // Without a certificate, or for what the node does not serve, there is no handshake to begin with.
                    var expected = serves && caller is not null ? HttpStatusCode.Forbidden : (HttpStatusCode?)null;
                    Assert.True(expected == answer?.Status, $"{caller} {path}: {answer}");
                }
            }
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("localhost")]
    [InlineData("gatehouse.internal")]
    [InlineData("apis.gatehouse.internal.evil.example")]
    public async Task Another_server_name_gets_no_handshake(string? name)
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(Profile.AllInOne);
        using var balancer = cluster.Identity(Profile.LoadBalancer);
        var options = cluster.ChannelAs(balancer).ClientOptions(InternalPurpose.Control, PeerExpectation.Manager);
        options.TargetHost = name ?? "";
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, server.Port, Cancellation);
        await using var stream = new System.Net.Security.SslStream(socket.GetStream());

        await Assert.ThrowsAnyAsync<Exception>(() => stream.AuthenticateAsClientAsync(options, Cancellation));

        Assert.Contains("which the profile all-in-one does not answer", cluster.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_hop_connection_reaches_no_control_method_whatever_host_and_path_a_request_names()
    {
        await using var cluster = new TestCluster();
        var server = await cluster.StartAsync(Profile.AllInOne);
        using var balancer = cluster.Identity(Profile.LoadBalancer);
        foreach (
            var target in new[]
            {
                "/readyz",
                "/cluster",
                "https://control.gatehouse.internal/readyz",
                "/gatehouse.v1.Enrolment/ClusterKey",
                "*",
            }
        )
        {
            await using var stream = await cluster
                .ChannelAs(balancer)
                .ConnectAsync(
                    InternalPurpose.Apis,
                    "127.0.0.1",
                    server.Port,
                    PeerExpectation.Worker,
                    System.Net.Security.SslApplicationProtocol.Http11,
                    Cancellation
                );
            var method = target == "*" ? "OPTIONS" : "GET";
            await stream.WriteAsync(
                System.Text.Encoding.ASCII.GetBytes(
                    $"{method} {target} HTTP/1.1\r\nHost: control.gatehouse.internal\r\nConnection: close\r\n\r\n"
                ),
                Cancellation
            );
            using var reader = new StreamReader(stream);
            var answer = await reader.ReadToEndAsync(Cancellation);

            Assert.DoesNotContain("ready\r", answer, StringComparison.Ordinal);
            Assert.Contains("apis for", answer, StringComparison.Ordinal);
        }
    }

    private static IEnumerable<(Profile Served, string Path, bool Expected)> Rows(Profile? caller)
    {
        foreach (var line in Expected.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            Assert.True(Profiles.TryParse(words[0], out var served), line);
            yield return (served, words[1], words[2 + Array.IndexOf(s_callers, caller)] == "y");
        }
    }

    private static async Task<Dictionary<Profile, InternalServer>> StartAllAsync(TestCluster cluster)
    {
        var servers = new Dictionary<Profile, InternalServer>();
        foreach (var profile in Enum.GetValues<Profile>())
        {
            servers[profile] = await cluster.StartAsync(profile);
        }

        return servers;
    }

    private static async Task<bool> AnswersAsync(
        TestCluster cluster,
        NodeIdentity? identity,
        InternalServer server,
        string path,
        bool believeServer = false
    ) =>
        await AskAsync(cluster, identity, server, path, InternalPurpose.Control, believeServer) is { } answer
        && answer.Status is not (HttpStatusCode.Forbidden or HttpStatusCode.NotFound);

    // Null when there was no connection to ask on.
    private static async Task<(HttpStatusCode Status, string Body)?> AskAsync(
        TestCluster cluster,
        NodeIdentity? identity,
        InternalServer server,
        string path,
        InternalPurpose purpose,
        bool believeServer = false
    )
    {
        var anyone = new PeerExpectation(null, [.. Enum.GetValues<Profile>()]);
        using var handler = cluster.ChannelAs(identity).CreateHandler("127.0.0.1", server.Port, anyone);
        if (believeServer)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        }

        using var client = new HttpClient(handler);
        var grpc = path.StartsWith("/gatehouse.", StringComparison.Ordinal);
        using var request = new HttpRequestMessage(
            grpc ? HttpMethod.Post : HttpMethod.Get,
            $"https://{purpose.ServerName()}{path}"
        )
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (grpc)
        {
            request.Content = new ByteArrayContent([0, 0, 0, 0, 0]);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
            request.Headers.TE.Add(new("trailers"));
        }

        try
        {
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
            return (
                answer.StatusCode,
                grpc && purpose == InternalPurpose.Control ? "" : await answer.Content.ReadAsStringAsync(Cancellation)
            );
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
