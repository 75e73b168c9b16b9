using System.Collections.Immutable;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The catalogue as the feed reads it: whole transactions in commit order, each read from one snapshot.</summary>
public sealed class CatalogueFeed(Catalogue catalogue) : IFeedSource
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(250);

    /// <inheritdoc/>
    public Task<CatalogueHead> ReadHeadAsync(CancellationToken cancellation) => catalogue.ReadHeadAsync(cancellation);

    /// <inheritdoc/>
    public Task<Digest?> ReadChainAsync(long epoch, CancellationToken cancellation) =>
        ReadAsync(
            async (context, head) =>
            {
                if (epoch < head.TombstoneFloor)
                {
                    return null;
                }

                if (epoch == 0)
                {
                    return default(Digest);
                }

                var mark = await context
                    .Heads.AsNoTracking()
                    .SingleOrDefaultAsync(h => h.Epoch == epoch, cancellation)
                    .ConfigureAwait(false);
                return mark?.Chain;
            },
            cancellation
        );

    /// <inheritdoc/>
    public Task<ImmutableArray<FeedTransaction>> ReadAfterAsync(
        long epoch,
        FeedScope scope,
        int limit,
        CancellationToken cancellation
    ) =>
        ReadAsync(
            async (context, head) =>
            {
                if (epoch < head.TombstoneFloor)
                {
                    throw new InvalidOperationException(
                        $"Changes after epoch {epoch} cannot be read one by one: tombstones up to {head.TombstoneFloor} were purged."
                    );
                }

                var marks = await context
                    .Heads.AsNoTracking()
                    .Where(h => h.Epoch > epoch)
                    .OrderBy(h => h.Epoch)
                    .Take(Math.Max(limit, 1))
                    .ToListAsync(cancellation)
                    .ConfigureAwait(false);
                // The first is read whatever its size: a transaction is never cut.
                var within = marks.Where((m, i) => i == 0 || m.Epoch - epoch <= limit).ToList();
                if (within.Count == 0)
                {
                    return [];
                }

                var changes = await ReadChangesAsync(context, epoch, within[^1].Epoch, scope, cancellation)
                    .ConfigureAwait(false);
                var transactions = ImmutableArray.CreateBuilder<FeedTransaction>(within.Count);
                var next = 0;
                foreach (var mark in within)
                {
                    var first = next;
                    while (next < changes.Count && changes[next].Epoch <= mark.Epoch)
                    {
                        next++;
                    }

                    transactions.Add(new(new(head.History, mark.Epoch, mark.Chain), [.. changes[first..next]]));
                }

                return transactions.MoveToImmutable();
            },
            cancellation
        );

    /// <inheritdoc/>
    public Task<FeedScan> ScanAsync(FeedScope scope, CancellationToken cancellation) =>
        ReadAsync(
            async (context, head) =>
            {
                var now = catalogue.Time.GetUtcNow();
                var changes = await ReadChangesAsync(context, 0, head.Epoch, scope, cancellation).ConfigureAwait(false);
                return new FeedScan(
                    new(head.History, head.Epoch, head.Chain),
                    [.. changes.Where(c => !c.Deleted && (c.ExpiresAt is null || c.ExpiresAt > now))]
                );
            },
            cancellation
        );

    /// <inheritdoc/>
    public async Task<Node?> FindNodeAsync(string name, CancellationToken cancellation) =>
        (
            await catalogue
                .FindAsync(EntityKinds.Node, name, ModelJson.Default.Node, cancellation)
                .ConfigureAwait(false)
        )?.Value;

    /// <inheritdoc/>
    public async Task<bool> HasEnvironmentsAsync(CancellationToken cancellation) =>
        (await catalogue.ListNamesAsync(EntityKinds.Environment, cancellation).ConfigureAwait(false)).Any(e =>
            e != GatewayEnvironment.Default
        );

    /// <inheritdoc/>
    public async Task WaitForNewerAsync(CatalogueHead head, CancellationToken cancellation)
    {
        // Taken before the head is read, so that a commit in between is not slept over.
        var committed = catalogue.Committed;
        try
        {
            if (await catalogue.ReadHeadAsync(cancellation).ConfigureAwait(false) != head)
            {
                return;
            }

            // The poll finds what another manager committed.
            await committed.WaitAsync(s_poll, catalogue.Time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException) { }
        catch (Exception e) when (e is System.Data.Common.DbException or InvalidOperationException)
        {
            // The reader asks the database next and reports what is wrong with it; this only paces it.
            await Task.Delay(s_poll, catalogue.Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public SignedHeartbeat SignHeartbeat(CatalogueHead head) =>
        catalogue.Key.SignHeartbeat(head, catalogue.Time.GetUtcNow());

    private static async Task<List<EntityChange>> ReadChangesAsync(
        CatalogueContext context,
        long after,
        long upTo,
        FeedScope scope,
        CancellationToken cancellation
    )
    {
        var wanted = scope.Kinds.ToArray();
        var changes = new List<EntityChange>();
        await foreach (
            var row in context
                .Entities.AsNoTracking()
                .ChangedAfter(after, wanted)
                .Where(e => e.Epoch <= upTo)
                .AsAsyncEnumerable()
                .WithCancellation(cancellation)
                .ConfigureAwait(false)
        )
        {
            if (scope.Includes(row.Kind, row.Name))
            {
                changes.Add(row.ToChange());
            }
        }

        return changes;
    }

    private async Task<T> ReadAsync<T>(Func<CatalogueContext, HeadRow, Task<T>> read, CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var snapshot = await catalogue.Database.BeginSnapshotAsync(context, cancellation).ConfigureAwait(false);
            await using (snapshot.ConfigureAwait(false))
            {
                var head = await context.Head.AsNoTracking().SingleAsync(cancellation).ConfigureAwait(false);
                return await read(context, head).ConfigureAwait(false);
            }
        }
    }
}
