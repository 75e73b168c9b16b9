using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Deployment.Manager;

/// <summary>Takes what workers tell of requests; the management side keeps it.</summary>
public interface IEventSink
{
    /// <summary>Takes a batch of a worker. When it returns, the batch is on disk; one that was taken before counts no more.</summary>
    Task<EventReceipt> TakeAsync(PeerIdentity node, EventBatch batch, CancellationToken cancellation);
}

/// <summary>Takes batches of events from workers, which the internal table of paths has let in.</summary>
public sealed class EventService(IEventSink sink) : Analytics.AnalyticsBase
{
    /// <summary>Most events of one batch.</summary>
    public const int MostEvents = 5000;

    /// <inheritdoc/>
    public override Task<EventReceipt> Send(EventBatch request, ServerCallContext context)
    {
        var peer =
            context.GetHttpContext().Features.Get<PeerIdentity>()
            ?? throw new RpcException(
                new(StatusCode.Unauthenticated, "The connection carries no node certificate of this cluster.")
            );
        return request.Events.Count > MostEvents || request.Stream.Length is 0 or > 64
            ? throw new RpcException(
                new(StatusCode.InvalidArgument, $"A batch has a stream and at most {MostEvents} events.")
            )
            : sink.TakeAsync(peer, request, context.CancellationToken);
    }
}
