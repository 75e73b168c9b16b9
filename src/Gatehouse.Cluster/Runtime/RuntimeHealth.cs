using Gatehouse.Cluster.Joining;

namespace Gatehouse.Cluster.Runtime;

/// <summary>
/// Notices a runtime that listens but is stuck inside: it does not answer itself, or it is alone while somebody who holds a
/// certificate of this cluster listens and never answers, also when that one's own questions arrive: then it is this side's
/// way out that is stuck. Nothing but a new runtime mends any of it.
/// </summary>
internal sealed class RuntimeHealth(MemberRuntime runtime, TimeProvider time)
{
    /// <summary>How long it may last: longer than the other side takes to start on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private long? _muteSince;

    /// <summary>Why to begin anew; null while all is well.</summary>
    public async Task<string?> TroubleAsync(RoundResult round, CancellationToken cancellation)
    {
        var alone = runtime.State.Members.Count <= 1;
        _muteSince =
            alone && round.Mute > 0 && round.Answers.Count == round.Heard ? _muteSince ?? time.GetTimestamp() : null;
        if (_muteSince is { } since && time.GetElapsedTime(since) >= Patience)
        {
            return "another node of this cluster listens but does not answer";
        }

        var began = time.GetTimestamp();
        while (await runtime.AskAsync(runtime.Self, cancellation).ConfigureAwait(false) is null)
        {
            if (time.GetElapsedTime(began) >= Patience)
            {
                return "this node does not answer itself";
            }
        }

        return null;
    }
}
