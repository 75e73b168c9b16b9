using System.Collections.Immutable;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// A worker's store, lent to a worker that reaches no manager. It passes on what managers signed and can sign nothing itself;
/// it keeps no tombstones, so whoever is not exactly where it is gets a full scan.
/// </summary>
/// <param name="store">What is lent.</param>
/// <param name="profile">What this node runs; what its feed left out it cannot pass on.</param>
/// <param name="time">The clock.</param>
public sealed class PeerFeedSource(WorkerStore store, Profile profile, TimeProvider time) : IFeedSource
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    private readonly IReadOnlySet<string> _kinds = EntityKinds.For(profile);

    /// <inheritdoc/>
    public Task<CatalogueHead> ReadHeadAsync(CancellationToken cancellation) => Task.FromResult(Head());

    /// <inheritdoc/>
    public Task<Digest?> ReadChainAsync(long epoch, CancellationToken cancellation)
    {
        var head = Head();
        return Task.FromResult<Digest?>(head.Epoch == epoch ? head.Chain : null);
    }

    /// <inheritdoc/>
    public Task<ImmutableArray<FeedTransaction>> ReadAfterAsync(
        long epoch,
        IReadOnlySet<string> kinds,
        int limit,
        CancellationToken cancellation
    ) => Task.FromResult(ImmutableArray<FeedTransaction>.Empty);

    /// <inheritdoc/>
    public async Task<FeedScan> ScanAsync(IReadOnlySet<string> kinds, CancellationToken cancellation)
    {
        if (!kinds.All(_kinds.Contains))
        {
            throw new FeedUnavailableException(
                $"A node of profile {profile.Name()} does not hold all that was asked for."
            );
        }

        return await store.ScanAsync(kinds).WaitAsync(cancellation).ConfigureAwait(false) ?? throw Nothing();
    }

    /// <inheritdoc/>
    public Task WaitForNewerAsync(CatalogueHead head, CancellationToken cancellation) =>
        Task.Delay(s_pause, time, cancellation);

    /// <inheritdoc/>
    public SignedHeartbeat SignHeartbeat(CatalogueHead head) => store.Vouched ?? throw Nothing();

    // What no manager confirmed is not passed on: a table that lost rows on its way would spread.
    private CatalogueHead Head() => store is { Unverified: false, Cursor: { } cursor } ? cursor : throw Nothing();

    private static FeedUnavailableException Nothing() =>
        new("This node has no table that a manager confirmed, so it has none to lend.");
}
