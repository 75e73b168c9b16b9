namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// Ends an attempt when whoever is to move next has not moved for too long, or when the caller is gone. Used again by the
/// next request of the connection. Moving the deadline writes a number: the timer behind it is set when it is not set yet
/// or set too late, and looks at that number when it rings, so a busy connection touches a timer once per timeout and not
/// several times a request.
/// </summary>
#pragma warning disable CA1001 // Lives as long as its connection; a source and a timer that is not set hold nothing to free.
internal sealed class Deadline
#pragma warning restore CA1001
{
    private const long Never = long.MaxValue;
    private const long Passed = long.MinValue;

    private readonly Timer _timer;
    private CancellationTokenSource _source = new();
    private CancellationTokenRegistration _callerGone;
    private long _due = Never;
    private long _rings = Never;
    private bool _spent;

    public Deadline() =>
        _timer = new(static self => ((Deadline)self!).Ring(), this, Timeout.Infinite, Timeout.Infinite);

    public CancellationToken Token => _source.Token;

    /// <summary>True when the caller is who has to move.</summary>
    public bool WaitsForCaller { get; private set; }

    public bool HasPassed => _source.IsCancellationRequested;

    /// <summary>True when the time was over, and nobody cut the wait before.</summary>
    public bool RanOut => Volatile.Read(ref _due) == Passed;

    public void Begin(CancellationToken callerGone)
    {
        // A source whose time has passed may be cancelled this very moment, by the timer's thread: it serves nobody else.
        if (_spent || !_source.TryReset())
        {
            _source = new();
            _spent = false;
        }

        _callerGone = callerGone.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
    }

    public void WaitForTarget(TimeSpan atMost)
    {
        WaitsForCaller = false;
        Wait(atMost);
    }

    public void WaitForCaller(TimeSpan atMost)
    {
        WaitsForCaller = true;
        Wait(atMost);
    }

    /// <summary>Cuts what is waiting now.</summary>
    public void Cancel() => _source.Cancel();

    public void End()
    {
        _callerGone.Dispose();
        _spent |= Interlocked.Exchange(ref _due, Never) == Passed;
    }

    private void Wait(TimeSpan atMost)
    {
        var due = Environment.TickCount64 + Math.Max(1, (long)atMost.TotalMilliseconds);
        long seen;
        do
        {
            seen = Volatile.Read(ref _due);
            if (seen == Passed)
            {
                return;
            }
        } while (Interlocked.CompareExchange(ref _due, due, seen) != seen);

        if (due < Volatile.Read(ref _rings))
        {
            RingAt(due);
        }
    }

    private void RingAt(long due)
    {
        lock (_timer)
        {
            if (due < _rings)
            {
                Volatile.Write(ref _rings, due);
                _timer.Change(Math.Max(1, due - Environment.TickCount64), Timeout.Infinite);
            }
        }
    }

    private void Ring()
    {
        // First forget that the timer is set, then look: a deadline moved in between sets it again.
        Interlocked.Exchange(ref _rings, Never);
        var source = _source;
        var due = Volatile.Read(ref _due);
        if (due is Never or Passed)
        {
            return;
        }

        if (Environment.TickCount64 < due)
        {
            RingAt(due);
        }
        else if (Interlocked.CompareExchange(ref _due, Passed, due) == due)
        {
            source.Cancel();
        }
        else
        {
            // It was moved while we looked.
            var moved = Volatile.Read(ref _due);
            if (moved is not (Never or Passed))
            {
                RingAt(moved);
            }
        }
    }
}
