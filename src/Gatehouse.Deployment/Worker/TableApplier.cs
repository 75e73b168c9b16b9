using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// The one way anything comes to be served: compiled beside what runs, on disk, then published. Calls never overlap.
/// </summary>
internal sealed partial class TableApplier(
    WorkerStore store,
    IEntityTarget target,
    IReadOnlySet<string> knownKinds,
    SynchronizerOptions options,
    TimeProvider time,
    Latest<SyncStatus> status,
    ILogger logger
)
{
    private static readonly TimeSpan s_heartbeatToDiskEvery = TimeSpan.FromMinutes(1);

    private readonly RefusalBook _refusals = new();
    private DateTimeOffset _heartbeatOnDiskAt;
    private StoreFault? _writeFault;
    private StoreFault? _historyFault;

    public async Task ServeStoredAsync(StoredTable table)
    {
        var lastGood = new List<EntityChange>();
        var refused = new List<EntityChange>();
        foreach (var (change, refusal) in table.Rows)
        {
            if (!IsAskedFor(change))
            {
                // The node was told to serve other environments since: the next scan takes it away.
                continue;
            }

            if (!knownKinds.Contains(change.Kind))
            {
                _refusals.Enter([UnknownKind(change)]);
            }
            else
            {
                (refusal is null ? lastGood : refused).Add(change);
            }
        }

        if (table.Exists)
        {
            Serve(lastGood, replace: true);
            // Only now: what is refused again keeps the last good self that runs already.
            if (refused.Count > 0)
            {
                var refusals = Serve(refused, replace: false);
                await SettleAsync(refused, refusals).ConfigureAwait(false);
            }
        }

        Show(s => s with { HasTable = table.Exists, State = table.Exists ? SyncState.Stale : SyncState.Starting });
    }

    public async Task ApplyAsync(Arrival arrival, CancellationToken cancellation)
    {
        switch (arrival)
        {
            case Arrival.Transaction transaction:
                await ApplyAsync(transaction.Head, NewestOfEach(transaction.Changes), null, null, cancellation)
                    .ConfigureAwait(false);
                break;
            case Arrival.Scan scan:
                NoteHistory(scan.Head);
                await ApplyAsync(scan.Head, scan.Changes, scan.Environments, null, cancellation).ConfigureAwait(false);
                break;
            case Arrival.Beat beat:
                store.Note(beat.Heartbeat);
                status.Change(s =>
                    s.ManagerHead == beat.Heartbeat.Head ? s : s with { ManagerHead = beat.Heartbeat.Head }
                );
                await SaveHeartbeatWhenDueAsync().ConfigureAwait(false);
                break;
        }
    }

    public Task ApplyLoanAsync(PeerLoan loan, CancellationToken cancellation) =>
        ApplyAsync(loan.Scan.Head, loan.Scan.Changes, loan.Scan.Environments, loan, cancellation);

    // 1. Leave out what is unknown here and what runs already.  2. Compile the rest.  3. Disk.  4. Publish.  5. Tell.
    private async Task ApplyAsync(
        CatalogueHead head,
        IReadOnlyList<EntityChange> changes,
        IReadOnlyList<string>? scanOf,
        PeerLoan? loan,
        CancellationToken cancellation
    )
    {
        // A scan holds everything of some environments; null for a piece of the feed.
        var replace = scanOf is not null;
        var refusals = new List<Refusal>();
        var moving = new List<EntityChange>();
        foreach (var change in changes)
        {
            if (!knownKinds.Contains(change.Kind))
            {
                if (!change.Deleted)
                {
                    refusals.Add(UnknownKind(change));
                }
            }
            else if (store.Runs(change))
            {
                // Still refused when it closes access: read or not, it is what runs.
                if (_refusals.Of(change) is { } closed)
                {
                    refusals.Add(closed with { Epoch = change.Epoch });
                }
            }
            else if (store.Refuses(change) && _refusals.Of(change) is { } before)
            {
                refusals.Add(before with { Epoch = change.Epoch });
            }
            else
            {
                moving.Add(change);
            }
        }

        IPreparedChanges? prepared = null;
        if (replace)
        {
            // The target is given all of it or nothing: a scan that says what is served already moves nothing.
            var isServed = status.Value.HasTable && moving.Count == 0 && store.Count == changes.Count;
            if (!isServed)
            {
                refusals.RemoveAll(r => knownKinds.Contains(r.Kind));
                prepared = target.Prepare([.. changes.Where(c => knownKinds.Contains(c.Kind))], replace: true);
            }
        }
        else if (moving.Count > 0)
        {
            prepared = target.Prepare(moving, replace: false);
        }

        refusals.AddRange(prepared?.Refusals ?? []);
        await CommitAsync(
                () =>
                    scanOf is not null
                        ? store.CommitScanAsync(head, changes, Storable(refusals), loan?.Heartbeat, scanOf)
                        : store.CommitAsync(head, changes, Storable(refusals)),
                cancellation
            )
            .ConfigureAwait(false);
        prepared?.Publish();

        if (replace)
        {
            _refusals.Clear();
        }

        _refusals.Strike(changes);
        _refusals.Enter(refusals);
        foreach (var refusal in prepared?.Refusals ?? [])
        {
            LogRefused(refusal.Kind, refusal.Name, refusal.Epoch, refusal.Field, refusal.Reason);
        }

        if (!replace && moving.Count > 0)
        {
            await RetryRefusedAsync(moving, cancellation).ConfigureAwait(false);
        }

        Show(s => s with { HasTable = true });
    }

    /// <summary>
    /// What was refused because another stood in its place may run now that something of its kind has moved; were it left to
    /// the next start, nodes would differ by when they were started.
    /// </summary>
    private async Task RetryRefusedAsync(List<EntityChange> moved, CancellationToken cancellation)
    {
        var kinds = moved.Select(c => c.Kind).ToHashSet();
        var just = moved.Select(c => new RowKey(c)).ToHashSet();
        var refused = await store.ReadRefusedAsync(kinds).ConfigureAwait(false);
        if (refused.All(c => just.Contains(new(c))))
        {
            return;
        }

        var prepared = target.Prepare(refused, replace: false);
        var still = prepared.Refusals.Select(r => new RowKey(r)).ToHashSet();
        if (refused.All(c => still.Contains(new(c))))
        {
            return;
        }

        await CommitAsync(() => store.SettleAsync(refused, prepared.Refusals), cancellation).ConfigureAwait(false);
        prepared.Publish();
        _refusals.Strike(refused);
        _refusals.Enter(prepared.Refusals);
    }

    /// <summary>Tries until the disk takes it: nothing is served or reported before, and what is served stays.</summary>
    private async Task CommitAsync(Func<Task> commit, CancellationToken cancellation)
    {
        var backoff = new Backoff(options.ShortestPause, options.LongestPause, options.Random);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                await commit().ConfigureAwait(false);
                if (_writeFault is not null)
                {
                    LogWritten();
                    _writeFault = null;
                    // Not the store's new cursor yet: what it stands for is served only after this.
                    status.Change(s => s with { Trouble = null });
                }

                return;
            }
            catch (StoreException fault) when (!fault.SetAside)
            {
                if (_writeFault is null)
                {
                    LogUnwritten(fault.Message);
                }

                _writeFault ??= new("store", fault.Message, time.GetUtcNow());
                Show(s => s with { Trouble = fault.Message });
                await Task.Delay(backoff.Next(), time, cancellation).ConfigureAwait(false);
            }
            catch (StoreException fault)
            {
                _writeFault = null;
                Show(s => s with { Trouble = fault.Message });
                throw;
            }
        }
    }

    private async Task SettleAsync(List<EntityChange> retried, IReadOnlyCollection<Refusal> refusals)
    {
        try
        {
            await store.SettleAsync(retried, Storable(refusals)).ConfigureAwait(false);
        }
        catch (StoreException fault)
        {
            // They are served; the next start tries them once more.
            LogUnwritten(fault.Message);
        }
    }

    private async Task SaveHeartbeatWhenDueAsync()
    {
        if (time.GetUtcNow() - _heartbeatOnDiskAt < s_heartbeatToDiskEvery)
        {
            return;
        }

        _heartbeatOnDiskAt = time.GetUtcNow();
        try
        {
            await store.SaveHeartbeatAsync().ConfigureAwait(false);
        }
        catch (StoreException fault) when (!fault.SetAside)
        {
            // Only a peer's judgement of our age hangs on it.
            LogUnwritten(fault.Message);
        }
    }

    private IReadOnlyCollection<Refusal> Serve(List<EntityChange> changes, bool replace)
    {
        var prepared = target.Prepare(changes, replace);
        prepared.Publish();
        _refusals.Strike(changes);
        _refusals.Enter(prepared.Refusals);
        return prepared.Refusals;
    }

    private void NoteHistory(CatalogueHead head)
    {
        if (store.Cursor is not { } former || former.History == head.History)
        {
            return;
        }

        LogHistory(former.History, former.Epoch, head.History, head.Epoch);
        var now = time.GetUtcNow();
        _historyFault = new(
            "history",
            $"the catalogue was replaced: history {former.History} at epoch {former.Epoch} gave way to {head.History} at "
                + $"{head.Epoch}, as after a restore; everything was read again",
            now
        );
        status.Change(s => s with { HistoryChange = new(former.History, head.History, now) });
    }

    private void Show(Func<SyncStatus, SyncStatus> change) =>
        status.Change(s =>
            change(s) with
            {
                Cursor = store.Cursor,
                Unverified = store.Unverified,
                Refusals = _refusals.All,
                Faults = [.. store.Faults, .. new[] { _historyFault, _writeFault }.OfType<StoreFault>()],
            }
        );

    /// <summary>Each entity's newest change only: what came and went since the last commit is not served in between.</summary>
    private static List<EntityChange> NewestOfEach(List<EntityChange> changes)
    {
        var newest = new Dictionary<RowKey, EntityChange>(changes.Count);
        foreach (var change in changes)
        {
            newest[new(change)] = change;
        }

        return newest.Count == changes.Count ? changes : [.. newest.Values.OrderBy(c => c.Epoch)];
    }

    // A row of an unknown kind has no last good self to keep beside it.
    private List<Refusal> Storable(IEnumerable<Refusal> refusals) =>
        [.. refusals.Where(r => knownKinds.Contains(r.Kind))];

    private bool IsAskedFor(EntityChange change) =>
        options.Environments.Count == 0
        || change.Kind != EntityKinds.Api
        || options.Environments.Contains(DeploymentName.Parse(change.Name).Environment);

    private static Refusal UnknownKind(EntityChange change) =>
        new(
            change.Kind,
            change.Name,
            change.Epoch,
            "",
            $"this build knows no entities of kind '{change.Kind}'; kept for a newer one, upgrade the node"
        );

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Refused {Kind} {Name} at epoch {Epoch}: {Field} {Reason}. Its last good self serves on"
    )]
    private partial void LogRefused(string kind, string name, long epoch, string field, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Reason} Nothing new is applied; what was applied is served on")]
    private partial void LogUnwritten(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The store can be written again")]
    private partial void LogWritten();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The catalogue was replaced: history {From} at epoch {FromEpoch} gave way to {To} at {ToEpoch}. Everything was read again"
    )]
    private partial void LogHistory(string from, long fromEpoch, string to, long toEpoch);
}
