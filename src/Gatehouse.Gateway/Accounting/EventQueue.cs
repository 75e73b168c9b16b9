using System.Globalization;
using System.Threading.Channels;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway;

/// <summary>Requests that wait to be told of. Bounded, and never slows a request: what does not fit is dropped and counted.</summary>
public sealed class EventQueue
{
    private readonly Channel<RequestEvent> _events;
    private long _dropped;
    private long _droppedUntold;

    /// <summary>Holds at most <paramref name="capacity"/> events.</summary>
    public EventQueue(int capacity = 32 * 1024) =>
        _events = Channel.CreateBounded<RequestEvent>(
            new BoundedChannelOptions(capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite },
            _ =>
            {
                Interlocked.Increment(ref _dropped);
                Interlocked.Increment(ref _droppedUntold);
            }
        );

    /// <summary>Events that did not fit, since the start.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Events that did not fit, since this was asked last.</summary>
    public long TakeDropped() => Interlocked.Exchange(ref _droppedUntold, 0);

    /// <summary>Takes the oldest.</summary>
    public bool TryTake(out RequestEvent request) => _events.Reader.TryRead(out request);

    internal void Add(Exchange exchange, int status, TimeSpan duration, TimeSpan backend)
    {
        var code = exchange.Problem is { } problem ? CodeOf(problem) : 0;
        _events.Writer.TryWrite(
            new(
                exchange.Now,
                exchange.Route!.Name,
                exchange.Route.Operation ?? "",
                exchange.Application?.Id ?? "",
                exchange.Key is { IsSandbox: true },
                status,
                exchange.Problem is null ? FaultCategory.None : CategoryOf(code),
                code,
                duration,
                backend,
                exchange.BytesIn,
                exchange.BytesOut,
                exchange.IsCacheHit,
                exchange.Chosen?.Name ?? "",
                exchange.RequestId
            )
        );
    }

    private static int CodeOf(GatewayProblem problem) =>
        int.TryParse(problem.Code, NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? code : 0;

    private static FaultCategory CategoryOf(int code) =>
        code switch
        {
            >= 900900 and < 901000 => FaultCategory.Authentication,
            >= 900800 and < 900900 => FaultCategory.Throttling,
            >= 101000 and < 102000 or >= 303000 and < 306000 => FaultCategory.Target,
            _ => FaultCategory.Other,
        };
}
