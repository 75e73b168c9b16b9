namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// Ends an attempt when whoever is to move next has not moved for too long, or when the caller is gone. Used again by the
/// next request of the connection, so that a timeout costs no new timer.
/// </summary>
#pragma warning disable CA1001 // Lives as long as its connection; a source without a running timer holds nothing to free.
internal sealed class Deadline
#pragma warning restore CA1001
{
    private CancellationTokenSource _source = new();
    private CancellationTokenRegistration _callerGone;

    public CancellationToken Token => _source.Token;

    /// <summary>True when the caller is who has to move.</summary>
    public bool WaitsForCaller { get; private set; }

    public bool HasPassed => _source.IsCancellationRequested;

    public void Begin(CancellationToken callerGone)
    {
        if (!_source.TryReset())
        {
            _source.Dispose();
            _source = new();
        }

        _callerGone = callerGone.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
    }

    public void WaitForTarget(TimeSpan atMost)
    {
        WaitsForCaller = false;
        _source.CancelAfter(atMost);
    }

    public void WaitForCaller(TimeSpan atMost)
    {
        WaitsForCaller = true;
        _source.CancelAfter(atMost);
    }

    /// <summary>Cuts what is waiting now.</summary>
    public void Cancel() => _source.Cancel();

    public void End()
    {
        _callerGone.Dispose();
        _source.CancelAfter(Timeout.InfiniteTimeSpan);
    }
}
