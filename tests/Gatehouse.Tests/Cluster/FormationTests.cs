using System.Net;
using System.Net.Sockets;
using Gatehouse.Cluster;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.Tests.Cluster;

[Collection(MembershipCollection.Name)]
public sealed class FormationTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly int _port = TestMember.FreePort();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task Three_members_started_together_form_one_cluster_and_see_each_other()
    {
        await using var a = Start("a", "127.0.0.1");
        await using var b = Start("b", "127.0.0.2");
        await using var c = Start("c", "127.0.0.3");

        var views = await Task.WhenAll(a.SeesUpAsync(3), b.SeesUpAsync(3), c.SeesUpAsync(3));

        Assert.Single(views.Select(v => v.ClusterId).Distinct());
        Assert.All(views, v => Assert.Equal(1, v.Members.Count(m => m.IsSelf)));
    }

    [Theory]
    [InlineData("cba")]
    [InlineData("bca")]
    [InlineData("acb")]
    public async Task Whatever_the_order_of_their_start_they_form_one_cluster(string order)
    {
        var members = new List<TestMember>();
        try
        {
            foreach (var name in order)
            {
                var member = Start($"{name}", $"127.0.0.{name - 'a' + 1}");
                members.Add(member);
                // The next comes when this one has nothing more to do alone.
                await member.SeesAsync(v => v.Phase == MembershipPhase.Searching || v.Phase == MembershipPhase.Up);
            }

            var views = await Task.WhenAll(members.Select(m => m.SeesUpAsync(3)));

            Assert.Single(views.Select(v => v.ClusterId).Distinct());
        }
        finally
        {
            foreach (var member in members)
            {
                await member.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_member_shows_the_others_what_it_is()
    {
        await using var a = Start("a", "127.0.0.1");
        await using var b = Start(
            "b",
            "127.0.0.2",
            s =>
                s with
                {
                    Profile = Gatehouse.Model.Profile.LoadBalancer,
                    SubDomain = "lb",
                    Version = "1.2.3",
                    Properties = s.Properties.Add("port.mapping.80", "9763").Add("mgtConsoleURL", "https://b:9443/"),
                }
        );

        var view = await a.SeesAsync(v => v.Members.Any(m => m.Name == "b" && m.State == MemberState.Up));

        var shown = view.Members.Single(m => m.Name == "b");
        Assert.Equal(Gatehouse.Model.Profile.LoadBalancer, shown.Profile);
        Assert.Equal("lb", shown.SubDomain);
        Assert.Equal("1.2.3", shown.Version);
        Assert.Equal(new MemberAddress("127.0.0.2", _port), shown.Address);
        Assert.Equal("9763", shown.Properties["port.mapping.80"]);
        Assert.InRange(shown.Started!.Value, DateTimeOffset.UtcNow.AddMinutes(-2), DateTimeOffset.UtcNow);
        Assert.False(shown.IsSelf);
    }

    [Fact]
    public async Task A_member_that_stops_leaves_within_three_seconds_and_comes_back_at_the_same_address()
    {
        await using var a = Start("a", "127.0.0.1");
        var b = Start("b", "127.0.0.2");
        await a.SeesUpAsync(2);
        await b.SeesUpAsync(2);

        var told = FairClock.Start();
        await b.StopAsync();
        told.WasWithin(TimeSpan.FromSeconds(6), "left");
        Assert.Equal(MembershipPhase.Off, b.View.Phase);
        var view = await a.SeesAsync(v => v.Members.Any(m => m.Name == "b" && !TestMember.IsPresent(m)));
        // One that gets no processor for three seconds ends without a goodbye, and says so; the others notice by themselves.
        if (!b.Lines.Any(l => l.Contains("Leaving the cluster took too long", StringComparison.Ordinal)))
        {
            Assert.Equal(MemberState.Left, view.Members.Single(m => m.Name == "b").State);
        }

        await using var again = Start("b", "127.0.0.2");
        await again.SeesUpAsync(2);
        Assert.Single((await a.SeesUpAsync(2)).Members, m => m.Name == "b");
    }

    [Fact]
    public async Task Members_find_each_other_while_others_hold_the_thread_pool()
    {
        ThreadPool.GetMinThreads(out var threads, out _);
        using var release = new ManualResetEventSlim();
        var held = Enumerable.Range(0, threads).Select(_ => Task.Run(() => release.Wait(TestMember.Patience))).ToList();
        try
        {
            await using var a = Start("a", "127.0.0.1");
            await using var b = Start("b", "127.0.0.2");
            await a.SeesUpAsync(2);
            await b.SeesUpAsync(2);
            Assert.DoesNotContain(a.Lines.Concat(b.Lines), l => l.Contains("starts again", StringComparison.Ordinal));
        }
        finally
        {
            release.Set();
            await Task.WhenAll(held);
        }
    }

    [Fact]
    public async Task A_taken_port_moves_on_to_the_next_and_names_the_holder_and_the_others_see_the_real_one()
    {
        using var other = new TcpListener(IPAddress.Loopback, _port);
        other.Start();
        await using var b = Start("b", "127.0.0.2");
        await using var a = Start("a", "127.0.0.1");

        var own = await a.SeesAsync(v => v.OwnAddress is not null);

        Assert.InRange(own.OwnAddress!.Value.Port, _port + 1, _port + 100);
        var problem = own.Problems.Single(p => p.Pointer == "cluster.localMember.port");
        Assert.Contains($"port {_port}", problem.Message, StringComparison.Ordinal);
        Assert.Contains($"PID {Environment.ProcessId}", problem.Message, StringComparison.Ordinal);
        // A member is up before its card, which carries the name, has come.
        var seen = await b.SeesAsync(v => v.Members.Any(m => m.Name == "a"));
        Assert.Equal(own.OwnAddress.Value, seen.Members.Single(m => m.Name == "a").Address);
    }

    [Fact]
    public async Task Nodes_that_start_together_on_one_port_end_on_different_ones()
    {
        var members = Enumerable.Range(1, 4).Select(i => Start($"n{i}", "127.0.0.1")).ToList();
        try
        {
            var ports = new List<int>();
            foreach (var member in members)
            {
                var view = await member.SeesUpAsync(4);
                ports.Add(view.OwnAddress!.Value.Port);
            }

            Assert.Distinct(ports);
        }
        finally
        {
            foreach (var member in members)
            {
                await member.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_taken_port_that_may_not_move_is_an_error_with_the_fix()
    {
        using var other = new TcpListener(IPAddress.Loopback, _port);
        other.Start();
        await using var a = Start("a", "127.0.0.1", s => s with { AllowPortIncrement = false });

        var fault = await Assert.ThrowsAsync<MembershipException>(() =>
            a.Run.WaitAsync(TestMember.Patience, TestContext.Current.CancellationToken)
        );

        var problem = Assert.Single(fault.Problems);
        Assert.Contains(
            $"port {_port} on 127.0.0.1 is taken by PID {Environment.ProcessId}",
            problem.Message,
            StringComparison.Ordinal
        );
        Assert.NotNull(problem.Fix);
        Assert.Equal(MembershipPhase.Off, a.View.Phase);
    }

    [Fact]
    public async Task Switched_off_it_returns_at_once_and_listens_nowhere()
    {
        await using var a = Start("a", "127.0.0.1", s => s with { Enabled = false });

        await a.Run.WaitAsync(TestMember.Patience, TestContext.Current.CancellationToken);

        Assert.Equal(MembershipPhase.Off, a.View.Phase);
        Assert.Null(a.View.OwnAddress);
    }

    [Fact]
    public async Task A_range_of_nine_addresses_of_which_two_are_alive_forms_a_cluster_soon_and_again_after_both_restarted()
    {
        (string, int)[] range = [("127.0.7.2-10", _port)];
        for (var round = 0; round < 2; round++)
        {
            await using var a = TestMember.Start(
                TestMember.Settings("a", "127.0.7.5", _port, range),
                _authority.TrustOf("a")
            );
            await using var b = TestMember.Start(
                TestMember.Settings("b", "127.0.7.8", _port, range),
                _authority.TrustOf("b")
            );

            // 5 s on a quiet machine; this one may be busy.
            await Task.WhenAll(a.SeesUpAsync(2, TimeSpan.FromSeconds(90)), b.SeesUpAsync(2, TimeSpan.FromSeconds(90)));
        }
    }

    [Fact]
    public async Task Well_known_members_by_name_are_looked_up_again_at_every_attempt()
    {
        var found = IPAddress.Parse("127.0.0.9"); // nobody there
        await using var b = Start("b", "127.0.0.2");
        await b.SeesUpAsync(1);
        await using var c = TestMember.Start(
            TestMember.Settings("c", "127.0.0.3", _port, ("manager.test", _port)),
            _authority.TrustOf("c"),
            (host, _) => Task.FromResult<IPAddress[]>(host == "manager.test" ? [Volatile.Read(ref found)] : [])
        );
        await c.SeesAsync(v => v.Phase == MembershipPhase.Searching);

        Volatile.Write(ref found, IPAddress.Parse("127.0.0.2"));

        await c.SeesUpAsync(2);
    }

    [Fact]
    public async Task With_the_dns_scheme_the_records_of_a_name_are_the_well_known_members()
    {
        IPAddress[] records = [IPAddress.Parse("127.0.0.1"), IPAddress.Parse("127.0.0.2")];
        TestMember StartDns(string node, string host) =>
            TestMember.Start(
                TestMember.Settings(node, host, _port) with
                {
                    Scheme = MembershipScheme.Dns,
                    DnsName = "gatehouse.test",
                },
                _authority.TrustOf(node),
                (_, _) => Task.FromResult(records)
            );
        await using var a = StartDns("a", "127.0.0.1");
        await using var b = StartDns("b", "127.0.0.2");

        var views = await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));

        Assert.Single(views.Select(v => v.ClusterId).Distinct());
    }

    [Fact]
    public async Task A_node_that_is_alone_and_has_no_well_known_members_is_a_cluster_of_one()
    {
        await using var a = TestMember.Start(TestMember.Settings("a", "127.0.0.1", _port), _authority.TrustOf("a"));

        var view = await a.SeesUpAsync(1);

        Assert.True(view.Members.Single().IsSelf);
    }

    private TestMember Start(string node, string host, Func<MembershipSettings, MembershipSettings>? change = null)
    {
        var settings = TestMember.Settings(node, host, _port, ("127.0.0.1", _port), ("127.0.0.2", _port));
        return TestMember.Start(change is null ? settings : change(settings), _authority.TrustOf(node));
    }
}
