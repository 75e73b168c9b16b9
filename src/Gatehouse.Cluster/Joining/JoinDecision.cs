using System.Collections.Immutable;
using Gatehouse.Cluster.Runtime;

namespace Gatehouse.Cluster.Joining;

/// <summary>What a node that is in no cluster does next (R3). Pure: everything it rests on is passed in.</summary>
internal sealed record JoinDecision(JoinAction Action, ImmutableArray<MemberAddress> Through, string Reason)
{
    /// <summary>How long a node started for the first time looks for others before it forms a cluster of its own.</summary>
    public static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long a node that was a member before waits for a majority of those it was together with. Long, because a
    /// node that was cut off and forms a second cluster splits it; not for ever, because the others may be gone for good
    /// (and if they are not, the watchdog mends it).
    /// </summary>
    public static readonly TimeSpan ReturnPatience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a node that would form a cluster waits for one that shows a certificate of this cluster and says nothing
    /// yet: on a busy machine it is still starting, and may be in a cluster already. Shorter than
    /// <see cref="RuntimeHealth.Patience"/>, after which the silence counts as a fault of this node.
    /// </summary>
    public static readonly TimeSpan MutePatience = TimeSpan.FromSeconds(12);

    public static JoinDecision Make(Search search)
    {
        var decision = MakeOfAnswers(search);
        return decision.Action == JoinAction.Form && search.Mute > 0 && search.Elapsed < MutePatience
            ? Wait("another node of this cluster listens and does not answer yet")
            : decision;
    }

    private static JoinDecision MakeOfAnswers(Search search)
    {
        // 1. Somebody is in a cluster: join it. Of several, the one that would win anyway.
        var claims = search.Answers.Where(a => a.Cluster is not null).Select(a => a.Cluster!).ToList();
        if (claims.Count > 0)
        {
            var best = claims.Aggregate((a, b) => ClusterRivalry.Yields(a, b) ? b : a);
            return new(
                JoinAction.Join,
                [.. search.Answers.Where(a => a.Cluster?.Id == best.Id).Select(a => a.Address).Order()],
                $"joins the cluster of {best.Size}"
            );
        }

        // 2. Nobody is. Only a well-known member may form one: others would never find an unlisted node.
        if (!search.SelfListed)
        {
            return Wait(
                search.Answers.Count > 0
                    ? "the well-known members that answer are in no cluster yet"
                    : "no well-known member answers"
            );
        }

        // 3. The lowest of those that answer goes first; all compare the same addresses.
        var lower = search
            .Answers.Where(a => a.Listed && a.Address < search.Self)
            .Select(a => a.Address)
            .Order()
            .ToList();
        if (lower.Count > 0)
        {
            return Wait($"{lower[0]} goes first");
        }

        // 4. After a loss, only a majority of those that were together may begin anew.
        if (search.Remembered.Count > 0)
        {
            var together = search.Remembered.Append(search.Self).ToHashSet();
            var present = search
                .Answers.Select(a => a.Address)
                .Append(search.Self)
                .Where(together.Contains)
                .Distinct()
                .Count();
            if (present * 2 > together.Count)
            {
                return Form("most of the former members are here and in no cluster");
            }

            return search.Elapsed >= ReturnPatience
                ? Form("the former members did not come back")
                : Wait($"{together.Count - present} of {together.Count} former members do not answer");
        }

        // 5. A cold start. Somebody answers, or nobody else is listed, or this one would go first anyway: no need to wait.
        var others = search.Listed.Where(a => a != search.Self).ToList();
        if (search.Answers.Count > 0 || others.Count == 0 || others.All(a => search.Self < a))
        {
            return Form("the first of the well-known members that answer");
        }

        return search.Elapsed >= FirstPatience
            ? Form("no other well-known member answers")
            : Wait("no other well-known member answers yet");
    }

    private static JoinDecision Wait(string reason) => new(JoinAction.Wait, [], reason);

    private static JoinDecision Form(string reason) => new(JoinAction.Form, [], reason);
}

internal enum JoinAction
{
    Wait,
    Join,
    Form,
}

/// <summary>What one round of asking found.</summary>
internal sealed record Search
{
    public required MemberAddress Self { get; init; }

    /// <summary>This node is one of the well-known members, or there are none.</summary>
    public required bool SelfListed { get; init; }

    /// <summary>The well-known members as written, ranges expanded.</summary>
    public required IReadOnlyList<MemberAddress> Listed { get; init; }

    /// <summary>The others of the last cluster this node was in; empty on a cold start.</summary>
    public required IReadOnlyCollection<MemberAddress> Remembered { get; init; }

    /// <summary>Who answered, of this domain and other than this node.</summary>
    public required IReadOnlyList<Hello> Answers { get; init; }

    /// <summary>How many showed a certificate of this cluster and then said nothing.</summary>
    public int Mute { get; init; }

    /// <summary>Since the search began.</summary>
    public required TimeSpan Elapsed { get; init; }
}
