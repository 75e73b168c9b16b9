using CsCheck;
using Gatehouse.Cluster;
using Gatehouse.Cluster.Joining;
using Gatehouse.Cluster.Runtime;

namespace Gatehouse.Tests.Cluster;

public sealed class JoinDecisionTests
{
    private static readonly MemberAddress s_a = new("10.0.0.1", 4000);
    private static readonly MemberAddress s_b = new("10.0.0.2", 4000);
    private static readonly MemberAddress s_c = new("10.0.0.3", 4000);

    [Fact]
    public void A_node_joins_whoever_is_in_a_cluster_even_when_it_would_go_first_itself()
    {
        var decision = JoinDecision.Make(Search(s_a, answers: [Hello(s_b, InCluster("x", 1))]));

        Assert.Equal(JoinAction.Join, decision.Action);
        Assert.Equal([s_b], decision.Through);
    }

    [Fact]
    public void Of_two_clusters_a_node_joins_the_larger()
    {
        var decision = JoinDecision.Make(
            Search(s_c, answers: [Hello(s_a, InCluster("x", 1)), Hello(s_b, InCluster("y", 3))])
        );

        Assert.Equal([s_b], decision.Through);
    }

    [Fact]
    public void On_a_cold_start_the_lowest_of_those_that_answer_goes_first_and_the_others_wait()
    {
        Assert.Equal(JoinAction.Form, JoinDecision.Make(Search(s_b, answers: [Hello(s_c)])).Action);
        Assert.Equal(JoinAction.Wait, JoinDecision.Make(Search(s_c, answers: [Hello(s_b)], elapsed: 3600)).Action);
    }

    [Fact]
    public void The_first_well_known_member_forms_a_cluster_at_once_and_another_gives_it_a_moment()
    {
        Assert.Equal(JoinAction.Form, JoinDecision.Make(Search(s_a)).Action);
        Assert.Equal(JoinAction.Wait, JoinDecision.Make(Search(s_b, elapsed: 2)).Action);
        Assert.Equal(JoinAction.Form, JoinDecision.Make(Search(s_b, elapsed: 3)).Action);
    }

    [Fact]
    public void An_unlisted_node_never_forms_a_cluster()
    {
        Assert.Equal(JoinAction.Wait, JoinDecision.Make(Search(s_a, listed: false, elapsed: 3600)).Action);
        Assert.Equal(
            JoinAction.Wait,
            JoinDecision.Make(Search(s_a, listed: false, answers: [Hello(s_b)], elapsed: 3600)).Action
        );
    }

    [Fact]
    public void A_node_that_was_a_member_and_is_cut_off_forms_no_second_cluster()
    {
        Assert.Equal(JoinAction.Wait, JoinDecision.Make(Search(s_a, remembered: [s_b, s_c], elapsed: 59)).Action);
    }

    [Fact]
    public void Half_of_the_former_members_are_not_enough_to_begin_anew()
    {
        Assert.Equal(JoinAction.Wait, JoinDecision.Make(Search(s_a, remembered: [s_b], elapsed: 59)).Action);
        Assert.Equal(
            JoinAction.Wait,
            JoinDecision
                .Make(Search(s_a, remembered: [s_b, s_c, new("10.0.0.4", 4000)], answers: [Hello(s_b)], elapsed: 59))
                .Action
        );
    }

    [Fact]
    public void When_all_restarted_the_lowest_begins_anew_at_once()
    {
        Assert.Equal(
            JoinAction.Form,
            JoinDecision.Make(Search(s_a, remembered: [s_b, s_c], answers: [Hello(s_b)])).Action
        );
    }

    [Fact]
    public void When_the_former_members_never_come_back_a_node_begins_anew_in_the_end()
    {
        Assert.Equal(JoinAction.Form, JoinDecision.Make(Search(s_a, remembered: [s_b, s_c], elapsed: 60)).Action);
    }

    [Fact]
    public void A_node_forms_no_cluster_beside_another_that_listens_and_says_nothing_yet()
    {
        Assert.Equal(JoinAction.Wait, JoinDecision.Make(Search(s_a, elapsed: 11) with { Mute = 1 }).Action);
        Assert.Equal(JoinAction.Form, JoinDecision.Make(Search(s_a, elapsed: 12) with { Mute = 1 }).Action);
        Assert.Equal(
            JoinAction.Join,
            JoinDecision.Make(Search(s_a, answers: [Hello(s_b, InCluster("x", 1))]) with { Mute = 1 }).Action
        );
    }

    [Fact]
    public void Of_nodes_that_see_each_other_at_most_one_forms_a_cluster_and_in_the_end_one_does()
    {
        Gen.Select(Gen.Int[1, 6].HashSet[1, 5], Gen.Int[0, 90], Gen.Bool.Array[7], Gen.Bool)
            .Sample(
                (hosts, elapsed, listed, restarted) =>
                {
                    var all = hosts.Select(h => new MemberAddress($"10.0.0.{h}", 4000)).ToList();
                    var forming = all.Count(self =>
                        JoinDecision
                            .Make(
                                Search(
                                    self,
                                    listed: listed[self.Host[^1] - '0'],
                                    remembered: restarted ? [.. all.Where(o => o != self)] : [],
                                    answers:
                                    [
                                        .. all.Where(o => o != self)
                                            .Select(o => Hello(o, listed: listed[o.Host[^1] - '0'])),
                                    ],
                                    elapsed: elapsed
                                )
                            )
                            .Action == JoinAction.Form
                    );
                    Assert.InRange(forming, 0, 1);
                    if (elapsed >= JoinDecision.FirstPatience.TotalSeconds)
                    {
                        Assert.Equal(all.Any(a => listed[a.Host[^1] - '0']) ? 1 : 0, forming);
                    }
                }
            );
    }

    [Fact]
    public void Of_two_clusters_exactly_one_gives_way()
    {
        var claims = Gen.Select(
            Gen.Int[0, 3],
            Gen.Int[1, 3],
            Gen.Long[0, 2],
            (id, size, formed) => new ClusterClaim($"{id}", size, formed)
        );
        Gen.Select(claims, claims)
            .Where((a, b) => a.Id != b.Id)
            .Sample((a, b) => Assert.NotEqual(ClusterRivalry.Yields(a, b), ClusterRivalry.Yields(b, a)));
    }

    private static Search Search(
        MemberAddress self,
        Hello[]? answers = null,
        MemberAddress[]? remembered = null,
        bool listed = true,
        double elapsed = 0
    ) =>
        new()
        {
            Self = self,
            SelfListed = listed,
            Listed = [s_a, s_b, s_c],
            Remembered = remembered ?? [],
            Answers = answers ?? [],
            Elapsed = TimeSpan.FromSeconds(elapsed),
        };

    private static ClusterClaim InCluster(string id, int size) => new(id, size, 0);

    private static Hello Hello(MemberAddress address, ClusterClaim? cluster = null, bool listed = true) =>
        new()
        {
            Domain = "d",
            Node = address.ToString(),
            Host = address.Host,
            Port = address.Port,
            Uid = address.GetHashCode(),
            Listed = listed,
            Cluster = cluster,
        };
}
