using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Gatehouse.Cluster;

namespace Gatehouse.Tests.Cluster;

/// <summary>Who is kept out, what the operator reads about it, and that nobody inside is hurt by it (R1).</summary>
[Collection(MembershipCollection.Name)]
public sealed class RefusalTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly int _port = TestMember.FreePort();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task A_node_with_a_certificate_of_another_authority_is_refused_and_both_sides_say_why()
    {
        using var foreign = new TestAuthority("Foreign CA");
        var began = Stopwatch.StartNew();
        await using var a = Start("a", "127.0.0.1");
        await a.SeesUpAsync(1);
        var runtime = a.Membership.Runtime;

        await using var b = TestMember.Start(Settings("b", "127.0.0.2"), foreign.TrustOf("intruder"));

        var said = await a.SaysAsync(
            "was refused: its certificate was not issued by this cluster's authority (certificate 'CN=intruder')"
        );
        Assert.Contains("join it with a new token", said, StringComparison.Ordinal);
        await b.SaysAsync($"what listens at 127.0.0.1:{_port} is no member of this cluster");
        Assert.Contains(
            (await a.SeesAsync(v => v.Problems.Length > 0)).Problems,
            p => p.Message.Contains("refused", StringComparison.Ordinal)
        );
        await StaysAsync(() => Assert.Single(a.View.Members));
        Assert.Same(runtime, a.Membership.Runtime);
        // Once a minute, however often it comes.
        Assert.InRange(
            a.Lines.Count(l => l.Contains("was refused: its certificate", StringComparison.Ordinal)),
            1,
            1 + (int)began.Elapsed.TotalMinutes
        );
    }

    [Fact]
    public async Task A_node_of_another_domain_never_joins_and_both_sides_say_so()
    {
        await using var a = Start("a", "127.0.0.1", s => s with { Domain = "wso2.am.domain" });
        await using var b = Start("b", "127.0.0.2", s => s with { Domain = "wso2-am-domain" });

        await a.SaysAsync(
            $"node 'b' at 127.0.0.2:{_port} is of domain 'wso2-am-domain', this node of 'wso2.am.domain'"
        );
        await b.SaysAsync(
            $"node 'a' at 127.0.0.1:{_port} is of domain 'wso2.am.domain', this node of 'wso2-am-domain'"
        );
        await a.SeesUpAsync(1);
        await b.SeesUpAsync(1);
        Assert.NotEqual(a.View.ClusterId, b.View.ClusterId);
    }

    [Fact]
    public async Task Even_a_member_of_another_domain_that_got_past_the_hello_is_put_out()
    {
        await using var a = Start("a", "127.0.0.1");
        await a.SeesUpAsync(1);
        await using var b = TestMember.Start(
            Settings("b", "127.0.0.2") with
            {
                Domain = "other",
                WellKnownMembers = [new("127.0.0.9", _port)],
            },
            _authority.TrustOf("b")
        );
        await b.SeesAsync(v => v.Phase == MembershipPhase.Searching);

        b.Membership.Runtime!.Join([new MemberAddress("127.0.0.1", _port)]);

        await a.SaysAsync("of another domain than 'wso2.am.domain' at 127.0.0.2");
        await a.SeesAsync(v => v.Members.Count(TestMember.IsPresent) == 1);
    }

    [Theory]
    [InlineData("plain HTTP")]
    [InlineData("silence")]
    [InlineData("TLS without our authority")]
    [InlineData("a connection closed at once")]
    public async Task Something_else_at_a_well_known_address_does_not_hurt(string what)
    {
        using var stop = new CancellationTokenSource();
        using var listener = new TcpListener(IPAddress.Parse("127.0.0.9"), _port);
        listener.Start();
        using var foreign = new TestAuthority("Foreign CA");
        var serving = ServeAsync(listener, what, foreign, stop.Token);

        await using var a = Start(
            "a",
            "127.0.0.1",
            s => s with { WellKnownMembers = s.WellKnownMembers.Add(new("127.0.0.9", _port)) }
        );
        await using var b = Start(
            "b",
            "127.0.0.2",
            s => s with { WellKnownMembers = s.WellKnownMembers.Add(new("127.0.0.9", _port)) }
        );

        await b.SeesUpAsync(2);
        await a.SeesUpAsync(2);
        await a.SaysAsync($"what listens at 127.0.0.9:{_port} is no member of this cluster");
        Assert.DoesNotContain(a.Lines, l => l.Contains("starts again", StringComparison.Ordinal));
        await stop.CancelAsync();
        await serving;
    }

    [Theory]
    [InlineData("plain HTTP")]
    [InlineData("nothing and hangs up")]
    [InlineData("TLS without a certificate")]
    public async Task Somebody_else_who_connects_does_not_hurt(string what)
    {
        var began = Stopwatch.StartNew();
        await using var a = Start("a", "127.0.0.1");
        await a.SeesUpAsync(1);
        var runtime = a.Membership.Runtime;

        for (var i = 0; i < 5; i++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, _port, TestContext.Current.CancellationToken);
            if (what == "plain HTTP")
            {
                await client
                    .GetStream()
                    .WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
            }
            else if (what == "TLS without a certificate")
            {
                using var tls = new SslStream(client.GetStream());
                try
                {
                    await tls.AuthenticateAsClientAsync(
                        new SslClientAuthenticationOptions
                        {
                            TargetHost = "a",
                            RemoteCertificateValidationCallback = (_, _, _, _) => true,
                        },
                        TestContext.Current.CancellationToken
                    );
                    await tls.ReadExactlyAsync(new byte[1], TestContext.Current.CancellationToken);
                }
                catch (Exception e) when (e is IOException or AuthenticationException)
                {
                    // refused, as it should be
                }
            }
        }

        await using var b = Start("b", "127.0.0.2");
        await a.SeesUpAsync(2);
        Assert.Same(runtime, a.Membership.Runtime);
        if (what != "nothing and hangs up")
        {
            await a.SaysAsync("a connection from 127.0.0.1 to the membership port was refused");
            Assert.InRange(
                a.Lines.Count(l => l.Contains("was refused", StringComparison.Ordinal)),
                1,
                1 + (int)began.Elapsed.TotalMinutes
            );
        }
    }

    private static async Task ServeAsync(
        TcpListener listener,
        string what,
        TestAuthority foreign,
        CancellationToken stop
    )
    {
        using var certificate = foreign.Issue("foreign");
        var open = new List<TcpClient>();
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(stop);
                open.Add(client);
                switch (what)
                {
                    case "plain HTTP":
                        await client.GetStream().WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), stop);
                        break;
                    case "TLS without our authority":
                        await new SslStream(client.GetStream()).AuthenticateAsServerAsync(
                            new SslServerAuthenticationOptions
                            {
                                ServerCertificate = certificate,
                                ClientCertificateRequired = true,
                            },
                            stop
                        );
                        break;
                    case "a connection closed at once":
                        client.Dispose();
                        break;
                    default:
                        break;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException)
        {
            open.ForEach(c => c.Dispose());
        }
        catch (Exception e) when (e is IOException or AuthenticationException or SocketException)
        {
            await ServeAsync(listener, what, foreign, stop);
        }
    }

    /// <summary>Still so after a few of the other's attempts.</summary>
    private static async Task StaysAsync(Action assertion)
    {
        for (var i = 0; i < 20; i++)
        {
            assertion();
            await Task.Delay(100);
        }
    }

    private MembershipSettings Settings(string node, string host) =>
        TestMember.Settings(node, host, _port, ("127.0.0.1", _port), ("127.0.0.2", _port));

    private TestMember Start(string node, string host, Func<MembershipSettings, MembershipSettings>? change = null) =>
        TestMember.Start(
            change is null ? Settings(node, host) : change(Settings(node, host)),
            _authority.TrustOf(node)
        );
}
