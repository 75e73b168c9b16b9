using Gatehouse.Cluster;
using Gatehouse.Cluster.Joining;
using Gatehouse.Cluster.Runtime;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Cluster;

public sealed class NoticesTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_refusal_is_logged_once_a_minute_however_often_it_happens_and_goes_when_it_stops()
    {
        var notices = new Notices(_time);
        var logged = 0;
        for (var second = 0; second < 150; second++)
        {
            logged += notices.Raise("x", new Problem("", "refused")) ? 1 : 0;
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(3, logged);
        Assert.Single(notices.Current());
        _time.Advance(Notices.KeepFor + TimeSpan.FromSeconds(1));
        Assert.Empty(notices.Current());
    }

    [Fact]
    public void Strangers_cannot_fill_the_memory_or_the_log()
    {
        var notices = new Notices(_time);

        var logged = Enumerable.Range(0, 10_000).Count(n => notices.Raise($"{n}", new Problem("", "refused")));

        Assert.Equal(32, logged);
        Assert.Equal(32, notices.Current().Length);
    }

    [Fact]
    public void A_second_cluster_has_to_be_seen_twice_before_this_side_gives_way()
    {
        var rivalry = new ClusterRivalry(_time);
        var mine = new ClusterClaim("a", 1, 5);
        var larger = Hello(new ClusterClaim("b", 2, 9));

        Assert.False(rivalry.See(mine, larger));
        Assert.False(rivalry.See(mine, larger));
        _time.Advance(ClusterRivalry.Sustained);
        Assert.True(rivalry.See(mine, larger));
        Assert.False(rivalry.See(mine, Hello(new ClusterClaim("c", 1, 9))));
        Assert.False(rivalry.See(mine, Hello(null)));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(rivalry.See(mine, larger));
    }

    [Fact]
    public void A_message_from_a_member_is_read_only_when_it_makes_sense()
    {
        var message = new MemberMessage { Kind = MessageKind.Hello, From = Hello(null) };

        Assert.Equal(message.From, MemberMessage.Read(message.ToBytes())!.From);
        Assert.Null(MemberMessage.Read([]));
        Assert.Null(MemberMessage.Read("null"u8.ToArray()));
        Assert.Null(MemberMessage.Read("{}"u8.ToArray()));
        Assert.Null(MemberMessage.Read((message with { From = message.From with { Port = 0 } }).ToBytes()));
        Assert.Null(MemberMessage.Read((message with { From = message.From with { Host = "a b" } }).ToBytes()));
        Assert.Null(
            MemberMessage.Read((message with { From = message.From with { Cluster = new("x", -1, 0) } }).ToBytes())
        );
        Assert.Null(MemberMessage.Read(new byte[MemberMessage.MaxBytes + 1]));
    }

    [Fact]
    public void The_departed_are_shown_for_an_hour_and_make_room_for_who_comes_back_under_another_address()
    {
        var table = new MemberTable();
        var (old, now) = (new MemberAddress("10.0.0.1", 4000), _time.GetUtcNow());
        table.Set(old, 1, MemberState.Up, now);
        table.SetCard(old, 1, Card("n"));
        table.Set(old, 2, MemberState.Gone, now); // about an incarnation that was never here
        Assert.Equal(MemberState.Up, Assert.Single(table.Snapshot(null, now)).State);

        table.Set(old, 1, MemberState.Gone, now);
        Assert.Equal(MemberState.Gone, Assert.Single(table.Snapshot(null, now + TimeSpan.FromMinutes(59))).State);
        table.Set(new("10.0.0.2", 4000), 3, MemberState.Up, now);
        table.SetCard(new("10.0.0.2", 4000), 3, Card("n"));
        Assert.Equal("10.0.0.2", Assert.Single(table.Snapshot(null, now)).Address.Host);

        table.Set(new("10.0.0.2", 4000), 3, MemberState.Left, now);
        Assert.Empty(table.Snapshot(null, now + TimeSpan.FromMinutes(61)));
    }

    private static MemberCard Card(string node) =>
        new()
        {
            Node = node,
            Profile = "gateway-worker",
            SubDomain = "worker",
            Version = "1",
            StartedAt = 0,
            Properties = System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty,
        };

    private static Hello Hello(ClusterClaim? cluster) =>
        new()
        {
            Domain = "d",
            Node = "n",
            Host = "10.0.0.9",
            Port = 4000,
            Uid = 1,
            Listed = true,
            Cluster = cluster,
        };
}
