namespace Gatehouse.Gateway.Pipeline;

/// <summary>What an exchange needs while its answer or its tunnel stays open and silent.</summary>
internal sealed partial class Exchange
{
    // Taken by whoever re-checks, and by the end of a request that was an open stream: no other request pays for it.
    private readonly Lock _streamLock = new();
    private volatile bool _isOpenStream;

    /// <summary>True when the stream was cut because what let it in was withdrawn.</summary>
    public bool WasWithdrawn { get; private set; }

    /// <summary>More of the answer may come at any time: from now on a change of the table may end it.</summary>
    public void OpenStream() => _isOpenStream = true;

    /// <summary>Cuts the stream if there is one and <paramref name="stillAdmitted"/> says no. For any thread.</summary>
    public void Recheck(Func<Exchange, bool> stillAdmitted)
    {
        if (!_isOpenStream)
        {
            return;
        }

        lock (_streamLock)
        {
            if (_isOpenStream && !stillAdmitted(this))
            {
                WasWithdrawn = true;
                Lifetime.Abort();
            }
        }
    }

    // Waits for a re-check that looks at the request, before the server uses its objects for another.
    private void EndStream()
    {
        if (_isOpenStream)
        {
            lock (_streamLock)
            {
                _isOpenStream = false;
            }
        }

        WasWithdrawn = false;
    }
}
