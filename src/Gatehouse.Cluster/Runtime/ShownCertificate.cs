using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Cluster.Runtime;

/// <summary>
/// The certificate that this member shows the others while a runtime lives, and when it is this member's turn to begin anew
/// with another: all members may have a new one at once, when the authority is rotated, and leave and come back one by one.
/// </summary>
internal sealed class ShownCertificate(MemberTrust trust, TimeProvider time)
{
    // A leave and the rejoin after it take less, so that neighbours in the order are hardly ever out together.
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_lastTurn = TimeSpan.FromMinutes(1);

    private string? _thumbprint;

    /// <summary>Its thumbprint; null while none is shown.</summary>
    public string? Thumbprint => Volatile.Read(ref _thumbprint);

    /// <summary>True when the node has another by now.</summary>
    public bool IsRenewed => trust.Certificate().Thumbprint != Thumbprint;

    /// <summary>Shows the one that the node has now.</summary>
    public X509Certificate2 Show()
    {
        var certificate = trust.Certificate();
        Volatile.Write(ref _thumbprint, certificate.Thumbprint);
        return certificate;
    }

    /// <summary>None is shown any more.</summary>
    public void PutAway() => Volatile.Write(ref _thumbprint, null);

    /// <summary>Waits for <paramref name="asked"/>, so long and no longer; a renewed certificate ends the wait early.</summary>
    public async Task WaitAsync(Task asked, TimeSpan atMost, CancellationToken ends)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ends);
        var renewed =
            trust.WhenRenewed?.Invoke(Thumbprint ?? "", over.Token) ?? Task.Delay(Timeout.Infinite, over.Token);
        try
        {
            await Task.WhenAny(asked, renewed).WaitAsync(atMost, time, ends).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The usual case: nothing happened meanwhile.
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await renewed.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Waits until it is this member's turn to leave for the new one, or until <paramref name="asked"/> is complete.</summary>
    public async Task WaitForTurnAsync(
        Task asked,
        MemberAddress self,
        IReadOnlyCollection<MemberAddress> members,
        CancellationToken ends
    )
    {
        await asked.WaitAsync(TurnOf(self, members), time, ends).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ends.ThrowIfCancellationRequested();
    }

    /// <summary>How long a member waits for its turn: its place in the order of addresses decides.</summary>
    public static TimeSpan TurnOf(MemberAddress self, IReadOnlyCollection<MemberAddress> members)
    {
        var before = members.Count(m => string.CompareOrdinal(m.ToString(), self.ToString()) < 0);
        var wait = s_turn * before;
        return wait < s_lastTurn ? wait : s_lastTurn * ((double)before / Math.Max(1, members.Count));
    }
}
