namespace Gatehouse.Management;

/// <summary>
/// Counts failed sign-ins, per remote address and in all, so that guessing stays hopeless and costs the manager nothing.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="perRemote">Failures one address may have within the window.</param>
/// <param name="inAll">Failures all addresses together may have within the window; also bounds what is remembered.</param>
/// <param name="window">How long a failure counts.</param>
public sealed class AttemptLimit(TimeProvider time, int perRemote, int inAll, TimeSpan window)
{
    private readonly Lock _lock = new();
    private readonly Queue<(DateTimeOffset At, string Remote)> _failures = new();

    /// <summary>Zero when <paramref name="remote"/> may try now, else how long it has to wait.</summary>
    public TimeSpan WaitFor(string remote)
    {
        lock (_lock)
        {
            ForgetOldNeedsLock();
            if (_failures.Count >= inAll)
            {
                return Left(_failures.Peek().At);
            }

            var own = _failures.Where(f => f.Remote == remote).ToList();
            return own.Count >= perRemote ? Left(own[0].At) : TimeSpan.Zero;
        }
    }

    /// <summary>
    /// Counts a failure. True when it is worth a line in the audit: the first of its remote within the window, and the one
    /// after which the remote has to wait; and no more lines than the window has room for.
    /// </summary>
    public bool Failed(string remote)
    {
        lock (_lock)
        {
            ForgetOldNeedsLock();
            if (_failures.Count < inAll)
            {
                _failures.Enqueue((time.GetUtcNow(), remote));
            }

            var own = _failures.Count(f => f.Remote == remote);
            return (own == 1 || own == perRemote) && _failures.Count <= inAll / 4;
        }
    }

    private TimeSpan Left(DateTimeOffset at)
    {
        var left = at + window - time.GetUtcNow();
        return left > TimeSpan.FromSeconds(1) ? left : TimeSpan.FromSeconds(1);
    }

    private void ForgetOldNeedsLock()
    {
        var oldest = time.GetUtcNow() - window;
        while (_failures.TryPeek(out var failure) && failure.At <= oldest)
        {
            _failures.Dequeue();
        }
    }
}
