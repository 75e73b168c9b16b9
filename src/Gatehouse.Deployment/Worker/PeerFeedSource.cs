using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// A worker's store, lent to a worker that reaches no manager. It passes on what managers signed and can sign nothing itself;
/// it keeps no tombstones, so whoever is not exactly where it is gets a full scan.
/// </summary>
/// <param name="store">What is lent.</param>
/// <param name="profile">What this node runs; what its feed left out it cannot pass on, deployments of other environments neither.</param>
/// <param name="time">The clock.</param>
public sealed class PeerFeedSource(WorkerStore store, Profile profile, TimeProvider time) : IFeedSource
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

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
        FeedScope scope,
        int limit,
        CancellationToken cancellation
    ) => Task.FromResult(ImmutableArray<FeedTransaction>.Empty);

    /// <inheritdoc/>
    public async Task<FeedScan> ScanAsync(FeedScope scope, CancellationToken cancellation)
    {
        var own = FeedScope.Of(profile, store.Environments);
        if (!own.Covers(scope))
        {
            throw new FeedUnavailableException(
                $"A node of profile {profile.Name()} that serves {string.Join(", ", own.Environments)} does not hold all that was asked for."
            );
        }

        return await store.ScanAsync(scope).WaitAsync(cancellation).ConfigureAwait(false) ?? throw Nothing();
    }

    /// <inheritdoc/>
    public async Task<Node?> FindNodeAsync(string name, CancellationToken cancellation) =>
        (await NodesAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(n => n.Name == name);

    /// <inheritdoc/>
    public async Task<bool> HasEnvironmentsAsync(CancellationToken cancellation) =>
        store
            .Environments.Concat((await NodesAsync(cancellation).ConfigureAwait(false)).SelectMany(n => n.Environments))
            .Any(e => e != GatewayEnvironment.Default);

    /// <inheritdoc/>
    public Task WaitForNewerAsync(CatalogueHead head, CancellationToken cancellation) =>
        Task.Delay(s_pause, time, cancellation);

    /// <inheritdoc/>
    public SignedHeartbeat SignHeartbeat(CatalogueHead head) => store.Vouched ?? throw Nothing();

    // What no manager confirmed is not passed on: a table that lost rows on its way would spread.
    // Those that this node refused are of no use here either.
    private async Task<IReadOnlyList<Node>> NodesAsync(CancellationToken cancellation) =>
        [
            .. (await store.ListAsync(EntityKinds.Node).WaitAsync(cancellation).ConfigureAwait(false)).Select(c =>
                JsonSerializer.Deserialize(c.Payload.Span, ModelJson.Default.Node)!
            ),
        ];

    private CatalogueHead Head() => store is { Unverified: false, Cursor: { } cursor } ? cursor : throw Nothing();

    private static FeedUnavailableException Nothing() =>
        new("This node has no table that a manager confirmed, so it has none to lend.");
}
