using Gatehouse.Deployment.Wire;
using Gatehouse.Gateway;

namespace Gatehouse.Nodes;

/// <summary>Turns what the engine tells of requests into batches for the managers.</summary>
internal static class EventBatches
{
    /// <summary>A batch of what waits, at most so many; null when nothing does and nothing was lost.</summary>
    public static EventBatch? Next(EventQueue queue, int most)
    {
        var batch = new EventBatch { Dropped = queue.TakeDropped() };
        var numbers = new Dictionary<string, uint>(StringComparer.Ordinal) { [""] = 0 };
        batch.Texts.Add("");
        while (batch.Events.Count < most && queue.TryTake(out var request))
        {
            batch.Events.Add(
                new Event
                {
                    At = request.At.ToUnixTimeMilliseconds(),
                    Api = Number(request.Api),
                    Operation = Number(request.Operation),
                    Application = Number(request.Application),
                    Sandbox = request.Sandbox,
                    Status = request.Status,
                    Fault = (int)request.Fault,
                    Code = (uint)request.Code,
                    Micros = request.Duration.Ticks / TimeSpan.TicksPerMicrosecond,
                    BackendMicros = request.Backend.Ticks / TimeSpan.TicksPerMicrosecond,
                    BytesIn = request.BytesIn,
                    BytesOut = request.BytesOut,
                    CacheHit = request.CacheHit,
                    Destination = Number(request.Destination),
                    CorrelationId = request.RequestId,
                }
            );
        }

        return batch.Events.Count == 0 && batch.Dropped == 0 ? null : batch;

        uint Number(string text)
        {
            if (!numbers.TryGetValue(text, out var number))
            {
                numbers[text] = number = (uint)batch.Texts.Count;
                batch.Texts.Add(text);
            }

            return number;
        }
    }
}
