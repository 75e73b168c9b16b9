using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Manager;

/// <summary>
/// Where a feed reads from: the catalogue on a manager, the worker store on a peer. Every method reads one consistent
/// snapshot.
/// </summary>
public interface IFeedSource
{
    /// <summary>The newest head.</summary>
    Task<CatalogueHead> ReadHeadAsync(CancellationToken cancellation);

    /// <summary>The chain recorded at exactly <paramref name="epoch"/>; null when there is no such head here, or tombstones after it were purged.</summary>
    Task<Digest?> ReadChainAsync(long epoch, CancellationToken cancellation);

    /// <summary>
    /// The transactions after <paramref name="epoch"/> in order, whole ones only, until about <paramref name="limit"/> changes.
    /// An entity that changed several times appears once, at its newest epoch. Changes outside
    /// <paramref name="scope"/> are left out; their transactions stay, so that the cursor moves.
    /// </summary>
    Task<ImmutableArray<FeedTransaction>> ReadAfterAsync(
        long epoch,
        FeedScope scope,
        int limit,
        CancellationToken cancellation
    );

    /// <summary>Every live entity within <paramref name="scope"/> at one head, in epoch order.</summary>
    Task<FeedScan> ScanAsync(FeedScope scope, CancellationToken cancellation);

    /// <summary>The registered node of that name; null when there is none.</summary>
    Task<Node?> FindNodeAsync(string name, CancellationToken cancellation);

    /// <summary>Whether there are environments besides the default one, as far as is known here.</summary>
    Task<bool> HasEnvironmentsAsync(CancellationToken cancellation);

    /// <summary>Completes when there may be something newer than <paramref name="head"/>; at the latest after 250 ms. Does not throw but for cancellation.</summary>
    Task WaitForNewerAsync(CatalogueHead head, CancellationToken cancellation);

    /// <summary>Signs what a heartbeat says with the catalogue key; a peer, which has no key, returns the last heartbeat signed for it.</summary>
    SignedHeartbeat SignHeartbeat(CatalogueHead head);
}

/// <summary>Changes that became visible together.</summary>
/// <param name="Head">The head after them.</param>
/// <param name="Changes">In epoch order; empty when the reader takes none of them.</param>
public sealed record FeedTransaction(CatalogueHead Head, ImmutableArray<EntityChange> Changes);

/// <summary>Every live entity at one head.</summary>
public sealed record FeedScan(CatalogueHead Head, ImmutableArray<EntityChange> Changes);

/// <summary>A head, when a manager vouched for it, and its signature.</summary>
public sealed record SignedHeartbeat(CatalogueHead Head, DateTimeOffset IssuedAt, ReadOnlyMemory<byte> Signature);
