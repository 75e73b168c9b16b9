using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Gatehouse.Management;

/// <summary>
/// The managers' database of entities. Every write is one transaction that locks the head row before it does anything else,
/// so the order of epochs is the order of commits and no reader can miss one.
/// </summary>
/// <param name="database">Where it lies.</param>
/// <param name="key">Signs every change.</param>
/// <param name="time">The clock.</param>
public sealed class Catalogue(CatalogueDatabase database, CatalogueKey key, TimeProvider time) : IDisposable
{
    // How long the outcome of a commit is asked for whose connection broke.
    private static readonly TimeSpan s_doubt = TimeSpan.FromSeconds(10);

    // A lost race repeats only when another one begins just then.
    private const int MostAttempts = 5;

    // One writer at a time is all the database takes; waiting here costs no thread and is fair.
    private readonly SemaphoreSlim _writing = new(1, 1);
    private volatile TaskCompletionSource _committed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes at the next commit of this process.</summary>
    internal Task Committed => _committed.Task;

    internal CatalogueDatabase Database => database;

    /// <summary>The clock.</summary>
    public TimeProvider Time => time;

    internal CatalogueKey Key => key;

    /// <summary>A context for reading tables beside the entities; the caller disposes it.</summary>
    public CatalogueContext Open() => database.Open();

    /// <summary>The newest head.</summary>
    public async Task<CatalogueHead> ReadHeadAsync(CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var head = await context.Head.AsNoTracking().SingleAsync(cancellation).ConfigureAwait(false);
            return new(head.History, head.Epoch, head.Chain);
        }
    }

    /// <summary>The live entity of that name; null when there is none, or it expired.</summary>
    public async Task<StoredEntity<T>?> FindAsync<T>(
        string kind,
        string name,
        JsonTypeInfo<T> type,
        CancellationToken cancellation
    )
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var row = await context
                .Entities.AsNoTracking()
                .SingleOrDefaultAsync(e => e.Kind == kind && e.Name == name, cancellation)
                .ConfigureAwait(false);
            return row is not null && IsLive(row, time.GetUtcNow()) ? Read(row, type) : null;
        }
    }

    /// <summary>Every live entity of a kind, by name.</summary>
    public async Task<ImmutableArray<StoredEntity<T>>> ListAsync<T>(
        string kind,
        JsonTypeInfo<T> type,
        CancellationToken cancellation
    )
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var now = time.GetUtcNow();
            var rows = await context
                .Entities.AsNoTracking()
                .Where(e => e.Kind == kind && !e.Deleted)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            // Sorted here: databases collate differently.
            return
            [
                .. rows.Where(r => IsLive(r, now))
                    .OrderBy(r => r.Name, StringComparer.Ordinal)
                    .Select(r => Read(r, type)),
            ];
        }
    }

    /// <summary>Some of the live entities of a kind, by name in the database's order, and how many there are: no more of them is read.</summary>
    internal async Task<(ImmutableArray<StoredEntity<T>> Items, int Total)> PageAsync<T>(
        string kind,
        int skip,
        int take,
        JsonTypeInfo<T> type,
        CancellationToken cancellation
    )
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var now = time.GetUtcNow();
            var live = context
                .Entities.AsNoTracking()
                .Where(e => e.Kind == kind && !e.Deleted && (e.ExpiresAt == null || e.ExpiresAt > now));
            var total = await live.CountAsync(cancellation).ConfigureAwait(false);
            var rows = await live.OrderBy(e => e.Name)
                .Skip(skip)
                .Take(take)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            return ([.. rows.Select(r => Read(r, type))], total);
        }
    }

    /// <summary>Every live entity of a kind whose name begins with <paramref name="prefix"/>, by name.</summary>
    internal async Task<ImmutableArray<StoredEntity<T>>> ListBelowAsync<T>(
        string kind,
        string prefix,
        JsonTypeInfo<T> type,
        CancellationToken cancellation
    )
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var now = time.GetUtcNow();
            var rows = await context
                .Entities.AsNoTracking()
                .Where(e => e.Kind == kind && !e.Deleted && e.Name.StartsWith(prefix))
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            // LIKE ignores case in SQLite; databases collate differently.
            return
            [
                .. rows.Where(r => IsLive(r, now) && r.Name.StartsWith(prefix, StringComparison.Ordinal))
                    .OrderBy(r => r.Name, StringComparer.Ordinal)
                    .Select(r => Read(r, type)),
            ];
        }
    }

    /// <summary>The names of the live entities of a kind, in no order; for what its name alone says.</summary>
    public async Task<IReadOnlyList<string>> ListNamesAsync(string kind, CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var now = time.GetUtcNow();
            return await context
                .Entities.AsNoTracking()
                .Where(e => e.Kind == kind && !e.Deleted && (e.ExpiresAt == null || e.ExpiresAt > now))
                .Select(e => e.Name)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Commits <paramref name="transaction"/>, all of it or nothing. When it returns, the changes are on disk and the feed has
    /// them. Throws <see cref="EntityConflictException"/> when an entity is not at its expected epoch.
    /// </summary>
    public async Task<CommitResult> CommitAsync(CatalogueTransaction transaction, CancellationToken cancellation)
    {
        return await WriteAsync(
                async context =>
                {
                    // 1. Lock the head row. 2. Decide what moves. 3. Number, sign and chain it. 4. The rows beside it. 5. Audit.
                    var head = await LockHeadAsync(context, cancellation).ConfigureAwait(false);
                    var now = time.GetUtcNow();
                    var moving = await FindMovingAsync(context, transaction, now, cancellation).ConfigureAwait(false);
                    if (moving.Count == 0 && transaction.Rows.Count == 0)
                    {
                        return (new CommitResult(Head(head), Moved: false), Save: false);
                    }

                    var edits = new List<AuditEdit>(moving.Count);
                    foreach (var (write, row) in moving)
                    {
                        edits.Add(AuditEdit.Of(write, row));
                        Move(context, head, write, row);
                    }

                    if (moving.Count > 0)
                    {
                        context.Heads.Add(
                            new()
                            {
                                Epoch = head.Epoch,
                                Chain = head.Chain,
                                At = now,
                            }
                        );
                    }

                    foreach (var rows in transaction.Rows)
                    {
                        await rows(context, cancellation).ConfigureAwait(false);
                    }

                    await IdempotencyStore.MarkAsync(context, cancellation).ConfigureAwait(false);

                    AuditTrail.Append(context, head, now, transaction.Actor, transaction.Summary, edits);
                    return (new CommitResult(Head(head), Moved: moving.Count > 0), Save: true);
                },
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>Writes an audit entry for what changes nothing here, such as a sign-in that failed.</summary>
    public Task NoteAsync(Actor actor, string summary, CancellationToken cancellation) =>
        CommitAsync(new CatalogueTransaction(actor, summary).Also((_, _) => Task.CompletedTask), cancellation);

    /// <summary>
    /// Begins a new history, as after a restore: every cursor handed out before is worthless, so every node reads everything
    /// again. Epochs go on from where the catalogue stands.
    /// </summary>
    public Task<CatalogueHead> BeginNewHistoryAsync(string reason, Actor actor, CancellationToken cancellation) =>
        BeginNewHistoryAsync(after: null, reason, actor, [], cancellation);

    /// <summary>The same, unless another manager began one after <paramref name="after"/> already.</summary>
    internal Task<CatalogueHead> BeginNewHistoryAsync(
        string? after,
        string reason,
        Actor actor,
        IReadOnlyList<AuditEdit> undone,
        CancellationToken cancellation
    ) =>
        WriteAsync(
            async context =>
            {
                var head = await LockHeadAsync(context, cancellation).ConfigureAwait(false);
                if (after is not null && head.History != after)
                {
                    return (Head(head), Save: false);
                }

                await BeginHistoryAsync(context, head, key, reason, actor, undone, cancellation).ConfigureAwait(false);
                return (Head(head), Save: true);
            },
            cancellation
        );

    // Within a write, under the head's lock.
    internal async Task BeginHistoryAsync(
        CatalogueContext context,
        HeadRow head,
        CatalogueKey signer,
        string reason,
        Actor actor,
        IReadOnlyList<AuditEdit> undone,
        CancellationToken cancellation
    )
    {
        var now = time.GetUtcNow();
        var former = head.History;
        head.History = NewHistory();
        head.HistoryBeganAt = now;
        head.HistoryReason = reason;
        head.Chain = default;
        head.TombstoneFloor = head.Epoch;

        await context.Heads.ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        await context.Entities.Where(e => e.Deleted).ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        // A signature holds the history, so that one of another history proves nothing.
        foreach (
            var row in await context.Entities.OrderBy(e => e.Epoch).ToListAsync(cancellation).ConfigureAwait(false)
        )
        {
            SignAndLink(head, row, signer);
        }

        if (head.Epoch > 0)
        {
            context.Heads.Add(
                new()
                {
                    Epoch = head.Epoch,
                    Chain = head.Chain,
                    At = now,
                }
            );
        }

        AuditTrail.Append(context, head, now, actor, $"began history {head.History} after {former}: {reason}", undone);
    }

    /// <summary>
    /// Forgets tombstones and heads older than <paramref name="age"/>, entities that expired that long ago, and idempotency keys
    /// whose time is over. A node that was away for longer reads everything again.
    /// </summary>
    public async Task PurgeAsync(TimeSpan age, CancellationToken cancellation)
    {
        await WriteAsync(
                async context =>
                {
                    var head = await LockHeadAsync(context, cancellation).ConfigureAwait(false);
                    var cutoff = time.GetUtcNow() - age;
                    var floor =
                        await context
                            .Heads.Where(h => h.At < cutoff)
                            .MaxAsync(h => (long?)h.Epoch, cancellation)
                            .ConfigureAwait(false)
                        ?? 0;
                    // Needs no tombstone: whoever holds it stopped honouring it by its own clock.
                    await context
                        .Entities.Where(e => !e.Deleted && e.ExpiresAt != null && e.ExpiresAt < cutoff)
                        .ExecuteDeleteAsync(cancellation)
                        .ConfigureAwait(false);
                    await IdempotencyStore.ForgetAsync(context, time.GetUtcNow(), cancellation).ConfigureAwait(false);
                    if (floor <= head.TombstoneFloor)
                    {
                        return (true, Save: true);
                    }

                    head.TombstoneFloor = floor;
                    await context
                        .Entities.Where(e => e.Deleted && e.Epoch <= floor)
                        .ExecuteDeleteAsync(cancellation)
                        .ConfigureAwait(false);
                    await context
                        .Heads.Where(h => h.Epoch < floor)
                        .ExecuteDeleteAsync(cancellation)
                        .ConfigureAwait(false);
                    return (true, Save: true);
                },
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _writing.Dispose();

    internal static string NewHistory() => Guid.CreateVersion7().ToString("N");

    internal async Task<T> WriteAsync<T>(
        Func<CatalogueContext, Task<(T Result, bool Save)>> write,
        CancellationToken cancellation
    )
    {
        await _writing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    return await WriteOnceAsync(write, cancellation).ConfigureAwait(false);
                }
                // Nothing of it was kept, and the other one goes on: the next attempt waits for that one to end.
                catch (Exception e) when (attempt < MostAttempts && PostgreSqlProduct.IsUndoneForAnother(e)) { }
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task<T> WriteOnceAsync<T>(
        Func<CatalogueContext, Task<(T Result, bool Save)>> write,
        CancellationToken cancellation
    )
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var scope = await context.Database.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            await using (scope.ConfigureAwait(false))
            {
                var (result, save) = await write(context).ConfigureAwait(false);
                if (save)
                {
                    // From here on a cancelled caller could not tell whether it was committed.
                    await database.AnnounceAsync(context, CancellationToken.None).ConfigureAwait(false);
                    await context.SaveChangesAsync(CancellationToken.None).ConfigureAwait(false);
                    await CommitAsync(context, scope).ConfigureAwait(false);
                    Wake();
                }

                return result;
            }
        }
    }

    /// <summary>Wakes whoever waits for a newer head; what they then read decides.</summary>
    internal void Wake() =>
        Interlocked.Exchange(ref _committed, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();

    // A connection that breaks under a commit leaves its outcome open. The head row tells it: whoever locks it has waited for
    // that commit to end, and the audit's chain at our entry is nobody else's.
    private async Task CommitAsync(CatalogueContext context, IDbContextTransaction scope)
    {
        try
        {
            await scope.CommitAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (!database.Embedded && CatalogueDatabase.TroubleOf(e) is not null)
        {
            var ours = context.ChangeTracker.Entries<AuditRow>().Select(a => a.Entity).SingleOrDefault();
            if (ours is null || !await WasCommittedAsync(ours, e).ConfigureAwait(false))
            {
                throw;
            }
        }
    }

    private async Task<bool> WasCommittedAsync(AuditRow ours, Exception cause)
    {
        using var patience = new CancellationTokenSource(s_doubt, time);
        while (true)
        {
            try
            {
                var context = database.Open();
                await using (context.ConfigureAwait(false))
                {
                    var scope = await context.Database.BeginTransactionAsync(patience.Token).ConfigureAwait(false);
                    await using (scope.ConfigureAwait(false))
                    {
                        await LockHeadAsync(context, patience.Token).ConfigureAwait(false);
                        var chain = await context
                            .Audit.Where(a => a.Id == ours.Id)
                            .Select(a => (Digest?)a.Chain)
                            .SingleOrDefaultAsync(patience.Token)
                            .ConfigureAwait(false);
                        return chain == ours.Chain;
                    }
                }
            }
            catch (Exception e) when (CatalogueDatabase.TroubleOf(e) is not null && !patience.IsCancellationRequested)
            {
                await Task.Delay(s_doubt / 20, time).ConfigureAwait(false);
            }
            catch (Exception e) when (patience.IsCancellationRequested)
            {
                throw new CommitInDoubtException(cause.Message, e);
            }
        }
    }

    // An update, not a read: it takes the row's lock in every database, and the read after it sees the newest commit.
    internal static async Task<HeadRow> LockHeadAsync(CatalogueContext context, CancellationToken cancellation)
    {
        await context
            .Head.ExecuteUpdateAsync(set => set.SetProperty(h => h.Epoch, h => h.Epoch), cancellation)
            .ConfigureAwait(false);
        return await context.Head.SingleAsync(cancellation).ConfigureAwait(false);
    }

    private static async Task<List<(EntityWrite Write, EntityRow? Row)>> FindMovingAsync(
        CatalogueContext context,
        CatalogueTransaction transaction,
        DateTimeOffset now,
        CancellationToken cancellation
    )
    {
        var moving = new List<(EntityWrite, EntityRow?)>(transaction.Writes.Count);
        foreach (var write in transaction.Writes)
        {
            var row = await context.Entities.FindAsync([write.Kind, write.Name], cancellation).ConfigureAwait(false);
            var live = row is not null && IsLive(row, now);
            var actual = live ? row!.Epoch : 0;
            if (write.ExpectedEpoch is { } expected && expected != actual)
            {
                throw new EntityConflictException(write.Kind, write.Name, expected, actual);
            }

            var same = write.Deleted
                ? row is null || row.Deleted
                : live && row!.Payload.AsSpan().SequenceEqual(write.Payload) && row.ExpiresAt == write.ExpiresAt;
            if (!same)
            {
                moving.Add((write, row));
            }
        }

        return moving;
    }

    private void Move(CatalogueContext context, HeadRow head, EntityWrite write, EntityRow? row)
    {
        if (row is null)
        {
            row = new() { Kind = write.Kind, Name = write.Name };
            context.Entities.Add(row);
        }

        row.Epoch = ++head.Epoch;
        row.Deleted = write.Deleted;
        row.Payload = write.Payload;
        row.Digest = Digest.Of(write.Payload);
        row.ExpiresAt = write.ExpiresAt;
        SignAndLink(head, row, key);
    }

    private static void SignAndLink(HeadRow head, EntityRow row, CatalogueKey signer)
    {
        var change = row.ToChange();
        row.Signature = signer.Sign(change, head.History);
        head.Chain = CatalogueHead.Link(head.Chain, change, head.History);
    }

    private static CatalogueHead Head(HeadRow head) => new(head.History, head.Epoch, head.Chain);

    private static bool IsLive(EntityRow row, DateTimeOffset now) =>
        !row.Deleted && (row.ExpiresAt is null || row.ExpiresAt > now);

    private static StoredEntity<T> Read<T>(EntityRow row, JsonTypeInfo<T> type)
    {
        if (Digest.Of(row.Payload) != row.Digest)
        {
            throw new InvalidDataException(
                $"The catalogue's {row.Kind} '{row.Name}' (epoch {row.Epoch}) is damaged: its content does not match its digest. Put it again, or restore a backup."
            );
        }

        var value =
            JsonSerializer.Deserialize(row.Payload, type)
            ?? throw new InvalidDataException($"The catalogue's {row.Kind} '{row.Name}' is empty.");
        return new(row.Kind, row.Name, row.Epoch, row.Digest, value, row.ExpiresAt);
    }
}
