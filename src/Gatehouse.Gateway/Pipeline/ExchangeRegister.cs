namespace Gatehouse.Gateway.Pipeline;

/// <summary>
/// Every exchange of an engine, so that open streams can be found. One is entered as its connection begins, not for each
/// request; the server drops them without a word, so they are held weakly and the dead ones swept out.
/// </summary>
internal sealed class ExchangeRegister
{
    private const int SweepFrom = 1024;

    private readonly Lock _lock = new();
    private readonly List<WeakReference<Exchange>> _all = [];
    private int _sweepAt = SweepFrom;

    /// <summary>A new exchange, entered.</summary>
    public Exchange Create()
    {
        var exchange = new Exchange();
        lock (_lock)
        {
            if (_all.Count >= _sweepAt)
            {
                _all.RemoveAll(e => !e.TryGetTarget(out _));
                _sweepAt = Math.Max(SweepFrom, 2 * _all.Count);
            }

            _all.Add(new(exchange));
        }

        return exchange;
    }

    /// <summary>Cuts the streams that are not admitted any more.</summary>
    public void Recheck(Func<Exchange, bool> stillAdmitted)
    {
        WeakReference<Exchange>[] all;
        lock (_lock)
        {
            all = [.. _all];
        }

        foreach (var entry in all)
        {
            if (entry.TryGetTarget(out var exchange))
            {
                exchange.Recheck(stillAdmitted);
            }
        }
    }
}
