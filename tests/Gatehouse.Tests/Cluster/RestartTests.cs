using System.Net;
using System.Reflection;
using Akka.Actor;
using Gatehouse.Cluster;
using Gatehouse.Cluster.Joining;
using Gatehouse.Cluster.Runtime;

namespace Gatehouse.Tests.Cluster;

/// <summary>What begins anew by itself, and why (R1, R3, R4).</summary>
[Collection(MembershipCollection.Name)]
public sealed class RestartTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly int _port = TestMember.FreePort();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gatehouse-membership-");

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_runtime_that_dies_is_made_again_on_the_same_port_and_rejoins()
    {
        await using var a = Start("a", "127.0.0.1");
        await using var b = Start("b", "127.0.0.2");
        await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));
        var first = a.Membership.Runtime!;

        await first.System.Terminate();

        await a.SaysAsync("Membership ended and starts again");
        await a.SeesAsync(v => v.Phase == MembershipPhase.Up && a.Membership.Runtime is { } now && now != first);
        var views = await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));
        Assert.Equal(views[0].ClusterId, views[1].ClusterId);
        Assert.Equal(new MemberAddress("127.0.0.1", _port), a.View.OwnAddress);
    }

    [Fact]
    public async Task A_runtime_that_listens_but_is_stuck_is_made_again()
    {
        await using var b = Start("b", "127.0.0.2");
        await using var a = TestMember.Start(
            TestMember.Settings("a", "127.0.0.1", _port, ("127.0.0.1", _port), ("127.0.0.2", _port)),
            _authority.TrustOf("a"),
            time: new FastTime()
        );
        await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));
        var first = a.Membership.Runtime!;

        // It is still connected and a member, and nobody within answers.
        first.System.ActorSelection("/user/*").Tell(PoisonPill.Instance);

        await a.SaysAsync("Membership is stuck: this node does not answer itself");
        await a.SeesAsync(v => v.Phase == MembershipPhase.Up && a.Membership.Runtime is { } now && now != first);
        await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));
    }

    [Fact]
    public async Task While_its_runtime_is_down_the_last_known_members_are_shown_as_unreachable()
    {
        var time = new StandingTime();
        await using var a = TestMember.Start(Settings("a", "127.0.0.1"), _authority.TrustOf("a"), time: time);
        await using var b = Start("b", "127.0.0.2");
        await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));
        // The pause before the next runtime does not end, so that the time in between can be seen however late one looks.
        time.Stand();

        await a.Membership.Runtime!.System.Terminate();

        await a.SeesAsync(v =>
            v.Phase != MembershipPhase.Up && v.Members.Any(m => m.Name == "b" && m.State == MemberState.Unreachable)
        );
    }

    [Fact]
    public async Task Two_clusters_of_one_domain_become_one_as_soon_as_they_see_each_other_and_the_larger_stays()
    {
        // By name, and the names lead nowhere at first: two halves that cannot find each other.
        var apart = true;
        Func<string, CancellationToken, Task<IPAddress[]>> half(params string[] reachable) =>
            (host, _) =>
                Task.FromResult<IPAddress[]>(
                    !Volatile.Read(ref apart) || reachable.Contains(host)
                        ?
                        [
                            IPAddress.Parse(
                                host.Replace("m", "127.0.0.", StringComparison.Ordinal)
                                    .Replace(".test", "", StringComparison.Ordinal)
                            ),
                        ]
                        : []
                );
        TestMember StartNamed(string node, string host, params string[] reachable) =>
            TestMember.Start(
                TestMember.Settings(node, host, _port, ("m1.test", _port), ("m2.test", _port), ("m3.test", _port)),
                _authority.TrustOf(node),
                half(reachable)
            );
        await using var a = StartNamed("a", "127.0.0.1", "m1.test");
        await using var b = StartNamed("b", "127.0.0.2", "m2.test", "m3.test");
        await using var c = StartNamed("c", "127.0.0.3", "m2.test", "m3.test");
        await Task.WhenAll(a.SeesUpAsync(1), b.SeesUpAsync(2), c.SeesUpAsync(2));
        var larger = b.View.ClusterId;
        Assert.NotEqual(larger, a.View.ClusterId);

        // On a slow machine b and c may have begun apart, and said so: what counts is what they say from here on.
        var (saidByB, saidByC) = (b.Lines.Count, c.Lines.Count);
        Volatile.Write(ref apart, false);

        var views = await Task.WhenAll(
            a.SeesUpAsync(3, TestMember.Patience),
            b.SeesUpAsync(3, TestMember.Patience),
            c.SeesUpAsync(3, TestMember.Patience)
        );
        Assert.All(views, v => Assert.Equal(larger, v.ClusterId));
        await a.SaysAsync("A second cluster of this domain was found");
        Assert.DoesNotContain(
            b.Lines.Skip(saidByB).Concat(c.Lines.Skip(saidByC)),
            l => l.Contains("A second cluster", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_node_remembers_the_others_over_a_restart_and_finds_them_without_any_well_known_member()
    {
        var state = Path.Combine(_folder.FullName, "members.json");
        await using var a = Start("a", "127.0.0.1");
        await using var b = Start("b", "127.0.0.2");
        await using (var c = Start("c", "127.0.0.3", s => s with { StateFile = state }))
        {
            await Task.WhenAll(c.SeesUpAsync(3), a.SeesUpAsync(3), b.SeesUpAsync(3));
        }

        await using var again = Start(
            "c",
            "127.0.0.3",
            s => s with { StateFile = state, WellKnownMembers = [new("127.0.0.99", _port), new("127.0.0.98", _port)] }
        );

        await again.SeesUpAsync(3);
    }

    [Fact]
    public async Task A_restarted_first_member_that_finds_nobody_forms_no_second_cluster()
    {
        var state = Path.Combine(_folder.FullName, "members.json");
        await File.WriteAllTextAsync(
            state,
            """["127.0.0.98:4000","127.0.0.99:4000"]""",
            TestContext.Current.CancellationToken
        );
        await using var a = Start("a", "127.0.0.1", s => s with { StateFile = state });

        await a.SaysAsync("not in a cluster yet: 2 of 3 former members do not answer");

        Assert.Equal(MembershipPhase.Searching, a.View.Phase);
    }

    [Fact]
    public async Task A_renewed_certificate_is_taken_into_use_by_a_graceful_restart_of_the_runtime()
    {
        var certificate = _authority.Issue("a");
        await using var b = Start("b", "127.0.0.2");
        await using var a = TestMember.Start(
            Settings("a", "127.0.0.1"),
            new MemberTrust(() => Volatile.Read(ref certificate), _authority.Refuse)
        );
        await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));
        var first = a.Membership.Runtime;

        Volatile.Write(ref certificate, _authority.Issue("a"));

        await a.SaysAsync("The node's certificate was renewed");
        await a.SeesAsync(v => v.Phase == MembershipPhase.Up && a.Membership.Runtime is { } now && now != first);
        await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));
    }

    [Fact]
    public void Members_that_all_get_new_certificates_leave_one_after_the_other_within_a_minute()
    {
        MemberAddress[] few = [new("10.0.0.3", 4000), new("10.0.0.1", 4000), new("10.0.0.2", 4000)];
        MemberAddress[] many = [.. Enumerable.Range(0, 200).Select(i => new MemberAddress($"10.0.1.{i}", 4000))];

        Assert.Equal([6, 0, 3], few.Select(m => ShownCertificate.TurnOf(m, few).TotalSeconds));
        var turns = many.Select(m => ShownCertificate.TurnOf(m, many)).ToList();
        Assert.All(turns, t => Assert.InRange(t, TimeSpan.Zero, TimeSpan.FromMinutes(1)));
        Assert.True(turns.Distinct().Count() > 150);
    }

    [Fact]
    public async Task Nothing_is_ever_sent_by_the_newtonsoft_fallback()
    {
        await using var a = Start("a", "127.0.0.1");
        await using var b = Start("b", "127.0.0.2");
        await Task.WhenAll(a.SeesUpAsync(2), b.SeesUpAsync(2));
        var serialization = ((ExtendedActorSystem)a.Membership.Runtime!.System).Serialization;

        var fallback = serialization.FindSerializerForType(typeof(object));

        Assert.Throws<NotSupportedException>(() => fallback.ToBinary(new { Any = "thing" }));
        Assert.Throws<NotSupportedException>(() => fallback.FromBinary([1, 2, 3], typeof(object)));
        Assert.IsType<Akka.Serialization.ByteArraySerializer>(serialization.FindSerializerForType(typeof(byte[])));
        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), l => l.GetName().Name == "Newtonsoft.Json");
    }

    [Fact]
    public void No_type_of_akka_is_on_the_surface()
    {
        var surface = typeof(Membership)
            .Assembly.GetExportedTypes()
            .SelectMany(t =>
                t.GetMembers(
                    BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly
                )
            )
            .SelectMany(m =>
                m switch
                {
                    MethodBase method => method
                        .GetParameters()
                        .Select(p => p.ParameterType)
                        .Append((method as MethodInfo)?.ReturnType ?? typeof(void)),
                    PropertyInfo property => [property.PropertyType],
                    FieldInfo field => [field.FieldType],
                    _ => [],
                }
            )
            .SelectMany(t => t.IsGenericType ? t.GetGenericArguments().Append(t) : [t]);

        Assert.DoesNotContain(surface, t => t.Assembly.GetName().Name!.StartsWith("Akka", StringComparison.Ordinal));
    }

    [Fact]
    public void Remembered_members_survive_a_damaged_file_as_a_cold_start()
    {
        var file = Path.Combine(_folder.FullName, "members.json");
        new RememberedMembers(file).Remember([new("10.0.0.1", 4000), new("::1", 4001)], allReachable: true);
        Assert.Equal([new("10.0.0.1", 4000), new("::1", 4001)], new RememberedMembers(file).Others.Order());

        foreach (
            var damage in new[] { "", "{", "[1]", """["x", null, "a:b", ":1", "h:0", "10.0.0.1:99999"]""", "null" }
        )
        {
            File.WriteAllText(file, damage);
            Assert.Empty(new RememberedMembers(file).Others);
        }
    }

    [Fact]
    public void While_somebody_is_unreachable_nobody_is_forgotten()
    {
        var remembered = new RememberedMembers(null);
        remembered.Remember([new("a", 1), new("b", 1)], allReachable: true);
        remembered.Remember([new("c", 1)], allReachable: false);
        Assert.Equal(3, remembered.Others.Count);
        remembered.Remember([new("c", 1)], allReachable: true);
        Assert.Single(remembered.Others);
    }

    private MembershipSettings Settings(string node, string host) =>
        TestMember.Settings(node, host, _port, ("127.0.0.1", _port), ("127.0.0.2", _port));

    private TestMember Start(string node, string host, Func<MembershipSettings, MembershipSettings>? change = null) =>
        TestMember.Start(
            change is null ? Settings(node, host) : change(Settings(node, host)),
            _authority.TrustOf(node)
        );
}
