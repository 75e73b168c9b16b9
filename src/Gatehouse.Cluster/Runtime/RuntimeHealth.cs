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

    /// <summary>A node that is slower than this in answering itself waits for a processor, and so may the others.</summary>
    private static readonly TimeSpan s_prompt = TimeSpan.FromSeconds(1);

    private TimeSpan _muteFor;
    private long? _lastMute;

    /// <summary>Why to begin anew; null while all is well.</summary>
    public async Task<string?> TroubleAsync(RoundResult round, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        while (await runtime.AskAsync(runtime.Self, cancellation).ConfigureAwait(false) is null)
        {
            if (time.GetElapsedTime(began) >= Patience)
            {
                return "this node does not answer itself";
            }
        }

        var isAlone = runtime.State.Members.Count <= 1;
        if (!isAlone || round.Mute == 0 || round.Answers.Count != round.Heard)
        {
            (_muteFor, _lastMute) = (TimeSpan.Zero, null);
            return null;
        }

        // On a machine that has no time for this node, a silence says nothing about the others.
        if (_lastMute is { } last && time.GetElapsedTime(began) < s_prompt)
        {
            _muteFor += time.GetElapsedTime(last);
        }

        _lastMute = time.GetTimestamp();
        return _muteFor >= Patience ? "another node of this cluster listens but does not answer" : null;
    }
}
