using System.Collections.Immutable;
using System.Globalization;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// A node's own file of the entities it was fed. A commit returns when everything it was given is on disk, or throws and
/// changed nothing. Why it is as it is: <c>docs/decisions/0002-store.md</c>.
/// </summary>
public sealed partial class WorkerStore : IDisposable
{
    private const string FileName = "store.db";
    private const int DamagedFilesKept = 2;

    // Looking for what expired costs a look at every row.
    private static readonly TimeSpan s_expireEvery = TimeSpan.FromMinutes(1);

    private readonly string _file;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    // Serialises the connection and everything below. Taken on pool threads only: a commit waits for the disk.
    private readonly Lock _lock = new();
    private StoreFile? _open;
    private StoreState _state = new();
    private static readonly string[] s_default = [GatewayEnvironment.Default];
    private Dictionary<RowKey, RowFacts> _served = [];
    private Dictionary<RowKey, RowFacts> _refused = [];
    private SignedHeartbeat? _heartbeat;
    private DateTimeOffset _expiredAt;
    private ImmutableArray<StoreFault> _faults = [];

    private WorkerStore(string directory, TimeProvider time, ILogger logger)
    {
        _file = Path.Combine(directory, FileName);
        _time = time;
        _logger = logger;
    }

    /// <summary>Where the rows stand; null when only a full scan can tell.</summary>
    public CatalogueHead? Cursor => Volatile.Read(ref _state).Cursor;

    /// <summary>True while the rows came from a peer and no manager confirmed them.</summary>
    public bool Unverified => Volatile.Read(ref _state).Unverified;

    /// <summary>The newest heartbeat a manager signed of a head that the rows hold; null when there was none yet.</summary>
    public SignedHeartbeat? Vouched => Volatile.Read(ref _state).Vouched;

    /// <summary>What was set aside since the start.</summary>
    public ImmutableArray<StoreFault> Faults
    {
        get
        {
            lock (_lock)
            {
                return _faults;
            }
        }
    }

    /// <summary>
    /// Opens or creates the store in <paramref name="directory"/> and reads it. What is damaged is renamed, reported in
    /// <see cref="Faults"/> and left out of <see cref="StoredTable"/>. Throws <see cref="StoreException"/> when the disk lets
    /// nothing be opened, <see cref="StoreFormatException"/> when a newer build wrote it.
    /// </summary>
    public static Task<(WorkerStore Store, StoredTable Table)> OpenAsync(
        string directory,
        TimeProvider time,
        ILogger<WorkerStore> logger
    ) =>
        Task.Run(() =>
        {
            DurableFile.CreateDirectory(directory, secret: true);
            var store = new WorkerStore(directory, time, logger);
            try
            {
                lock (store._lock)
                {
                    return (store, store.LoadNeedsLock());
                }
            }
            catch (SqliteException fault)
            {
                store.Dispose();
                throw Explain(fault, "opened", setAside: false);
            }
            catch
            {
                store.Dispose();
                throw;
            }
        });

    /// <summary>
    /// Writes what <paramref name="changes"/> put or delete, and the cursor. Entities named by <paramref name="refusals"/> keep
    /// their last good row beside the refused one.
    /// </summary>
    public Task CommitAsync(
        CatalogueHead head,
        IReadOnlyList<EntityChange> changes,
        IReadOnlyCollection<Refusal> refusals
    ) => Task.Run(() => Commit(_ => head, changes, refusals, scanOf: null, fromPeer: null));

    /// <summary>As <see cref="CommitAsync"/>, and deletes in the same commit whatever <paramref name="scan"/> lacks.</summary>
    /// <param name="head">Where the scan stands.</param>
    /// <param name="scan">Every entity there is.</param>
    /// <param name="refusals">What of it the node does not run.</param>
    /// <param name="fromPeer">The heartbeat that vouches for a scan that a peer gave; null for a manager's.</param>
    /// <param name="environments">Whose deployments it holds; null for the default environment's.</param>
    public Task CommitScanAsync(
        CatalogueHead head,
        IReadOnlyList<EntityChange> scan,
        IReadOnlyCollection<Refusal> refusals,
        SignedHeartbeat? fromPeer = null,
        IReadOnlyList<string>? environments = null
    ) => Task.Run(() => Commit(_ => head, scan, refusals, environments ?? s_default, fromPeer));

    /// <summary>Writes the outcome of trying the refused rows again; the cursor stays.</summary>
    public Task SettleAsync(IReadOnlyList<EntityChange> retried, IReadOnlyCollection<Refusal> refusals) =>
        Task.Run(() => Commit(state => state.Cursor, retried, refusals, scanOf: null, fromPeer: null));

    /// <summary>Remembers a heartbeat; it is written with the next commit that its head is part of.</summary>
    public void Note(SignedHeartbeat heartbeat)
    {
        lock (_lock)
        {
            _heartbeat = heartbeat;
            Volatile.Write(ref _state, _state with { Vouched = VouchedNeedsLock(_state.Cursor) });
        }
    }

    /// <summary>Writes the newest heartbeat to disk.</summary>
    public Task SaveHeartbeatAsync() => SettleAsync([], []);

    /// <summary>True when the node runs exactly this content, and the change would move nothing but the cursor.</summary>
    public bool Runs(EntityChange change) =>
        Holds(_served, change) && !IsRefused(change.Kind, change.Name) && !change.Deleted;

    /// <summary>True when exactly this content was refused before.</summary>
    public bool Refuses(EntityChange change) => Holds(_refused, change) && !change.Deleted;

    /// <summary>The refused rows of <paramref name="kinds"/>.</summary>
    internal Task<List<EntityChange>> ReadRefusedAsync(IReadOnlySet<string> kinds) =>
        Task.Run(() =>
        {
            lock (_lock)
            {
                if (_open is null || !_refused.Keys.Any(k => kinds.Contains(k.Kind)))
                {
                    return [];
                }

                return _open
                    .ReadRefused()
                    .Where(r => kinds.Contains(r.Row.Change.Kind) && r.Row.Change.IsIntact() && r.Row.Seal() == r.Seal)
                    .Select(r => r.Row.Change)
                    .OrderBy(c => c.Epoch)
                    .ToList();
            }
        });

    /// <summary>Whose deployments the rows hold.</summary>
    public IReadOnlyList<string> Environments => Volatile.Read(ref _state).Environments ?? s_default;

    /// <summary>How many entities there are, refused ones included.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _served.Count + _refused.Keys.Count(k => !_served.ContainsKey(k));
            }
        }
    }

    /// <summary>Every entity at its newest epoch, refused or not: what a manager's scan at <see cref="Cursor"/> holds.</summary>
    /// <param name="scope">What is wanted of them.</param>
    public Task<FeedScan?> ScanAsync(FeedScope scope) =>
        Task.Run(() =>
        {
            lock (_lock)
            {
                if (_state.Cursor is not { } cursor || _open is null)
                {
                    return null;
                }

                var rows = new Dictionary<RowKey, EntityChange>();
                foreach (
                    var (_, row) in _open.ReadRows().Where(r => scope.Includes(r.Row.Change.Kind, r.Row.Change.Name))
                )
                {
                    var key = new RowKey(row.Change);
                    if (row.Refusal is not null || !rows.ContainsKey(key))
                    {
                        rows[key] = row.Change;
                    }
                }

                return new FeedScan(cursor, [.. rows.Values.OrderBy(c => c.Epoch)]);
            }
        });

    /// <summary>The entities of a kind as the node runs them.</summary>
    public Task<IReadOnlyList<EntityChange>> ListAsync(string kind) =>
        Task.Run<IReadOnlyList<EntityChange>>(() =>
        {
            lock (_lock)
            {
                return
                [
                    .. (_open?.ReadRows() ?? [])
                        .Where(r => r.Row.Refusal is null && r.Row.Change.Kind == kind)
                        .Select(r => r.Row.Change),
                ];
            }
        });

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _open?.Dispose();
            _open = null;
        }
    }

    private bool Holds(Dictionary<RowKey, RowFacts> rows, EntityChange change)
    {
        lock (_lock)
        {
            return rows.TryGetValue(new(change), out var facts)
                && facts.Content == change.Digest
                && facts.ExpiresAt == change.ExpiresAt;
        }
    }

    private bool IsRefused(string kind, string name)
    {
        lock (_lock)
        {
            return _refused.ContainsKey(new(kind, name));
        }
    }

    // 1. Read everything.  2. Compare every row with its seal and all of them with the tally.  3. Anything wrong: the file is
    // set aside and what is intact moves into a new one, without a cursor, so that a manager sends everything again.
    private StoredTable LoadNeedsLock()
    {
        var rows = new List<StoredRow>();
        StoreState? state;
        bool damaged;
        try
        {
            _open = StoreFile.Open(_file);
            state = _open.ReadState();
            damaged = !ReadNeedsLock(_open, state, rows);
        }
        catch (SqliteException fault) when (StoreFile.IsDamage(fault))
        {
            FaultNeedsLock(FileName, $"cannot be read ({fault.Message})");
            state = null;
            damaged = true;
        }

        var onDisk = true;
        if (damaged)
        {
            (state, onDisk) = SalvageNeedsLock(state, rows);
        }

        _state = state ?? new();
        Remember(onDisk ? rows : []);
        return new(_state.Cursor, _state.Unverified, [.. rows.OrderBy(r => r.Change.Epoch)]);
    }

    /// <summary>False when anything is not as it was written.</summary>
    private bool ReadNeedsLock(StoreFile file, StoreState? state, List<StoredRow> rows)
    {
        var whole = true;
        var (all, restrictions) = (default(Tally), default(Tally));
        try
        {
            foreach (var (seal, row) in file.ReadRows())
            {
                if (!row.Change.IsIntact() || row.Seal() != seal)
                {
                    whole = false;
                    FaultNeedsLock(
                        $"{row.Change.Kind} {row.Change.Name}",
                        "is not what was written; set aside, to be fetched again"
                    );
                    continue;
                }

                rows.Add(row);
                all = all.With(seal);
                restrictions = EntityKinds.IsRestrictive(row.Change.Kind) ? restrictions.With(seal) : restrictions;
            }
        }
        catch (SqliteException fault) when (StoreFile.IsDamage(fault))
        {
            whole = false;
            FaultNeedsLock(FileName, $"cannot be read to its end ({fault.Message})");
        }

        if (state is null)
        {
            // A new file has neither; rows without the state that was written with them are worth nothing.
            if (rows.Count == 0 && whole)
            {
                return true;
            }

            FaultNeedsLock(FileName, "has lost the record of where it stands");
            rows.Clear();
            return false;
        }

        if (restrictions != state.Restrictions)
        {
            FaultNeedsLock(
                FileName,
                "a revocation or denial is damaged or missing; nothing of the file is used, since it could open what was closed"
            );
            rows.Clear();
            return false;
        }

        if (whole && all != state.Rows)
        {
            FaultNeedsLock(FileName, "rows are missing");
            return false;
        }

        return whole;
    }

    /// <summary>Renames the file and puts what is intact into a new one; false when the disk did not take it.</summary>
    private (StoreState State, bool OnDisk) SalvageNeedsLock(StoreState? damaged, List<StoredRow> rows)
    {
        if (damaged is null)
        {
            rows.Clear();
        }

        var state = new StoreState
        {
            Unverified = damaged?.Unverified ?? false,
            Rows = rows.Aggregate(default(Tally), (tally, row) => tally.With(row.Seal())),
            Restrictions = rows.Where(r => EntityKinds.IsRestrictive(r.Change.Kind))
                .Aggregate(default(Tally), (tally, row) => tally.With(row.Seal())),
        };
        SetAsideNeedsLock();
        try
        {
            _open = StoreFile.Open(_file);
            _open.Write(file =>
            {
                foreach (var row in rows)
                {
                    file.Insert(row);
                }

                file.PutState(state);
            });
        }
        catch (SqliteException fault)
        {
            // The rows are in memory and are served; the next commit tries the disk again.
            FaultNeedsLock(FileName, $"could not be written anew ({fault.Message})");
            _open?.Dispose();
            _open = null;
            return (new() { Unverified = state.Unverified }, false);
        }

        return (state, true);
    }

    private void Commit(
        Func<StoreState, CatalogueHead?> head,
        IReadOnlyList<EntityChange> changes,
        IReadOnlyCollection<Refusal> refusals,
        IReadOnlyList<string>? scanOf,
        SignedHeartbeat? fromPeer
    )
    {
        var replace = scanOf is not null;
        lock (_lock)
        {
            if (fromPeer is not null)
            {
                _heartbeat = fromPeer;
            }

            var edit = new StoreEdit(_served, _refused, _state);
            if (replace)
            {
                edit.DeleteAllBut(changes);
            }

            var reasons = refusals.GroupBy(r => new RowKey(r)).ToDictionary(r => r.Key, r => r.Last());
            foreach (var change in changes)
            {
                edit.Apply(change, reasons.GetValueOrDefault(new(change)));
            }

            // A manager's clock decides what has expired: ours may be wrong, and what is deleted here does not come again.
            if (_heartbeat is { } now && !replace && now.IssuedAt - _expiredAt >= s_expireEvery)
            {
                edit.DeleteExpired(now.IssuedAt);
                _expiredAt = now.IssuedAt;
            }

            var cursor = head(_state);
            var state = edit.State with
            {
                Cursor = cursor,
                Vouched = VouchedNeedsLock(cursor),
                Unverified = replace ? fromPeer is not null : _state.Unverified,
                Environments = scanOf is null ? _state.Environments : [.. scanOf],
            };
            WriteNeedsLock(edit, state);
            edit.Commit();
            Volatile.Write(ref _state, state);
        }
    }

    private void WriteNeedsLock(StoreEdit edit, StoreState state)
    {
        try
        {
            _open ??= StoreFile.Open(_file);
            _open.Write(file =>
            {
                edit.Write(file);
                file.PutState(state);
            });
        }
        catch (SqliteException fault) when (StoreFile.IsDamage(fault))
        {
            FaultNeedsLock(FileName, $"was found damaged ({fault.Message})");
            SetAsideNeedsLock();
            _served = [];
            _refused = [];
            Volatile.Write(ref _state, new());
            throw Explain(fault, "written", setAside: true);
        }
        catch (SqliteException fault)
        {
            throw Explain(fault, "written", setAside: false);
        }
    }

    private SignedHeartbeat? VouchedNeedsLock(CatalogueHead? cursor) =>
        cursor is null ? null
        : _heartbeat is { } newest && newest.Head.History == cursor.History && newest.Head.Epoch <= cursor.Epoch
            ? newest
        : _state.Vouched is { } old && old.Head.History == cursor.History ? old
        : null;

    private void SetAsideNeedsLock()
    {
        _open?.Dispose();
        _open = null;
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"{_file}.damaged-{_time.GetUtcNow():yyyyMMdd'T'HHmmssfff}"
        );
        try
        {
            foreach (var suffix in new[] { "", "-wal" })
            {
                if (File.Exists(_file + suffix))
                {
                    File.Move(_file + suffix, name + suffix, overwrite: true);
                }
            }

            FaultNeedsLock(FileName, $"set aside as {Path.GetFileName(name)}; a manager is asked for everything");
            DeleteOldDamaged();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            FaultNeedsLock(FileName, $"could not be set aside ({fault.Message}); move it away by hand");
        }
    }

    private void DeleteOldDamaged()
    {
        var directory = Path.GetDirectoryName(_file)!;
        foreach (
            var old in Directory
                .EnumerateFiles(directory, $"{FileName}.damaged-*")
                .Where(f => !f.EndsWith("-wal", StringComparison.Ordinal))
                .OrderDescending(StringComparer.Ordinal)
                .Skip(DamagedFilesKept)
        )
        {
            File.Delete(old);
            File.Delete(old + "-wal");
        }
    }

    private void FaultNeedsLock(string what, string reason)
    {
        const int most = 100;
        LogFault(_logger, what, reason);
        _faults = [.. _faults.TakeLast(most - 1), new(what, reason, _time.GetUtcNow())];
    }

    private void Remember(List<StoredRow> rows)
    {
        _served = [];
        _refused = [];
        foreach (var row in rows)
        {
            var facts = new RowFacts(row.Change.Digest, row.Change.ExpiresAt, row.Seal());
            (row.Refusal is null ? _served : _refused)[new(row.Change)] = facts;
        }

        _heartbeat = _state.Vouched;
    }

    private static StoreException Explain(SqliteException fault, string what, bool setAside) =>
        new(
            fault.SqliteErrorCode switch
            {
                13 =>
                    $"The store cannot be {what}: no space left on the device. Free some; the node tries again by itself.",
                10 => $"The store cannot be {what}: the disk reports an I/O error ({fault.SqliteExtendedErrorCode}).",
                8 or 14 => $"The store cannot be {what}: the file or its directory may not be written.",
                5 or 6 => $"The store cannot be {what}: another process holds it.",
                _ => $"The store cannot be {what}: {fault.Message}",
            },
            setAside,
            fault
        );

    [LoggerMessage(Level = LogLevel.Error, Message = "Store: {What} {Reason}")]
    private static partial void LogFault(ILogger logger, string what, string reason);
}

/// <summary>What a store held when it was opened, each row intact.</summary>
/// <param name="Cursor">Null when only a full scan can tell what is missing.</param>
/// <param name="Unverified">The rows came from a peer.</param>
/// <param name="Rows">In epoch order, last good and refused ones.</param>
public sealed record StoredTable(CatalogueHead? Cursor, bool Unverified, ImmutableArray<StoredEntity> Rows)
{
    internal StoredTable(CatalogueHead? cursor, bool unverified, IEnumerable<StoredRow> rows)
        : this(cursor, unverified, [.. rows.Select(r => new StoredEntity(r.Change, r.Refusal))]) { }

    /// <summary>True when there is something to serve: rows, or a table that is known to be empty.</summary>
    public bool Exists => Cursor is not null || !Rows.IsEmpty;
}

/// <summary>One entity of a store.</summary>
/// <param name="Change">As it was sent.</param>
/// <param name="Refusal">Why the node did not run it; null for one it ran.</param>
public sealed record StoredEntity(EntityChange Change, Refusal? Refusal);
