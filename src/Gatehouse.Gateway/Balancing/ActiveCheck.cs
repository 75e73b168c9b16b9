using Gatehouse.Gateway.Forwarding;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Balancing;

/// <summary>
/// Asks a target from time to time whether it is well. Ends by itself when nothing holds the target any more: a table that
/// was replaced, or one that was prepared and never published.
/// </summary>
internal sealed class ActiveCheck
{
    private readonly WeakReference<Target> _target;
    private readonly HealthCheck _check;
    private readonly UpstreamSet _upstreams;
    private readonly BackendHandshake? _handshake;
    private readonly Uri _url;
    private readonly TimeProvider _time;
    private ITimer? _timer;
    private int _asking;
    private int _inARow;
    private bool _isWell = true;

    private ActiveCheck(
        Target target,
        HealthCheck check,
        UpstreamSet upstreams,
        BackendHandshake? handshake,
        TimeProvider time
    )
    {
        _target = new(target);
        _check = check;
        _upstreams = upstreams;
        _handshake = handshake;
        _url = new(target.Origin + check.Path);
        _time = time;
    }

    public static void Start(
        Target target,
        HealthCheck check,
        UpstreamSet upstreams,
        BackendHandshake? handshake,
        TimeProvider time
    )
    {
        var asking = new ActiveCheck(target, check, upstreams, handshake, time);

        // Not all at once: what was deployed together is not asked together.
        var first = check.Interval * (target.Hash % 1000 / 1000.0);
        asking._timer = time.CreateTimer(
            static self => _ = ((ActiveCheck)self!).AskAsync(),
            asking,
            first,
            check.Interval
        );
    }

    private async Task AskAsync()
    {
        if (!_target.TryGetTarget(out var target))
        {
            _timer?.Dispose();
            return;
        }

        if (Interlocked.Exchange(ref _asking, 1) == 1)
        {
            return;
        }

        try
        {
            Heard(target, await AnswersAsync().ConfigureAwait(false));
        }
        finally
        {
            Volatile.Write(ref _asking, 0);
        }
    }

    private void Heard(Target target, bool well)
    {
        _inARow = well == _isWell ? 0 : _inARow + 1;
        if (_inARow >= (well ? _check.Successes : _check.Failures))
        {
            _isWell = well;
            _inARow = 0;
            target.Health.Probed(well);
        }
    }

    private async Task<bool> AnswersAsync()
    {
        using var patience = new CancellationTokenSource(_check.Timeout, _time);
        try
        {
            return await _upstreams.AskAsync(_url, _handshake, patience.Token).ConfigureAwait(false) < 400;
        }
        catch (Exception failure)
            when (failure
                    is HttpRequestException
                        or OperationCanceledException
                        or IOException
                        or InvalidOperationException
            )
        {
            return false;
        }
    }
}
