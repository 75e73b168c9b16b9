using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Tests.Feeds;

/// <summary>A catalogue in memory that can do to its followers whatever a real one may.</summary>
internal sealed class CatalogueTwin : IFeedSource, IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private Dictionary<(string Kind, string Name), EntityChange> _rows = [];
    private SortedDictionary<long, CatalogueHead> _heads = [];
    private long _floor;
    private TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public CatalogueTwin(TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        Head = new("h1", 0, default);
        _heads[0] = Head;
    }

    public CatalogueKey Key { get; } = CatalogueKey.Create();

    public CatalogueHead Head { get; private set; }

    /// <summary>Applied to every change on its way out.</summary>
    public Func<EntityChange, EntityChange> Tamper { get; set; } = static c => c;

    public int Scans { get; private set; }

    /// <summary>What a worker should come to serve.</summary>
    public Dictionary<(string Kind, string Name), string> Live
    {
        get
        {
            lock (_lock)
            {
                return _rows
                    .Where(r => !r.Value.Deleted)
                    .ToDictionary(r => r.Key, r => Encoding.UTF8.GetString(r.Value.Payload.Span));
            }
        }
    }

    public CatalogueHead Put(string kind, string name, string payload, DateTimeOffset? expires = null) =>
        Commit(Change(kind, name, payload, expires));

    public CatalogueHead Delete(string kind, string name) => Commit(Change(kind, name, null));

    public static EntityChange Change(string kind, string name, string? payload, DateTimeOffset? expires = null)
    {
        var bytes = Encoding.UTF8.GetBytes(payload ?? "");
        return new()
        {
            Kind = kind,
            Name = name,
            Epoch = 0,
            Deleted = payload is null,
            Payload = bytes,
            Digest = Digest.Of(bytes),
            ExpiresAt = expires,
        };
    }

    /// <summary>One transaction; gives each change its epoch.</summary>
    public CatalogueHead Commit(params EntityChange[] changes)
    {
        lock (_lock)
        {
            var (epoch, chain) = (Head.Epoch, Head.Chain);
            foreach (var change in changes)
            {
                var numbered = change with { Epoch = ++epoch };
                numbered = numbered with { Signature = Key.Sign(numbered, Head.History) };
                chain = CatalogueHead.Link(chain, numbered, Head.History);
                _rows[(change.Kind, change.Name)] = numbered;
            }

            MoveNeedsLock(new(Head.History, epoch, chain));
            return Head;
        }
    }

    public Backup Save()
    {
        lock (_lock)
        {
            return new(new(_rows), new(_heads), Head, _floor);
        }
    }

    /// <summary>Puts <paramref name="backup"/> back, as a new history.</summary>
    public void Restore(Backup backup, string history)
    {
        lock (_lock)
        {
            PutBackNeedsLock(backup);
            var chain = default(Digest);
            foreach (var (key, row) in _rows.Where(r => !r.Value.Deleted).OrderBy(r => r.Value.Epoch).ToList())
            {
                var signed = row with { Signature = Key.Sign(row, history) };
                chain = CatalogueHead.Link(chain, signed, history);
                _rows[key] = signed;
            }

            foreach (var key in _rows.Where(r => r.Value.Deleted).Select(r => r.Key).ToList())
            {
                _rows.Remove(key);
            }

            _heads = [];
            _floor = Head.Epoch;
            MoveNeedsLock(new(history, Head.Epoch, chain));
        }
    }

    /// <summary>Puts <paramref name="backup"/> back behind everybody's back: the same history, an older state.</summary>
    public void CopyBack(Backup backup)
    {
        lock (_lock)
        {
            PutBackNeedsLock(backup);
            MoveNeedsLock(backup.Head);
        }
    }

    public void PurgeTombstones()
    {
        lock (_lock)
        {
            foreach (var key in _rows.Where(r => r.Value.Deleted).Select(r => r.Key).ToList())
            {
                _rows.Remove(key);
            }

            _floor = Head.Epoch;
        }
    }

    public Task<CatalogueHead> ReadHeadAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            return Task.FromResult(Head);
        }
    }

    public Task<Digest?> ReadChainAsync(long epoch, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return Task.FromResult(
                epoch >= _floor && _heads.TryGetValue(epoch, out var head) ? head.Chain : (Digest?)null
            );
        }
    }

    public Task<ImmutableArray<FeedTransaction>> ReadAfterAsync(
        long epoch,
        FeedScope scope,
        int limit,
        CancellationToken cancellation
    )
    {
        lock (_lock)
        {
            var transactions = ImmutableArray.CreateBuilder<FeedTransaction>();
            var from = epoch;
            var count = 0;
            foreach (var head in _heads.Values.Where(h => h.Epoch > epoch))
            {
                var changes = _rows
                    .Values.Where(c => c.Epoch > from && c.Epoch <= head.Epoch && scope.Includes(c.Kind, c.Name))
                    .OrderBy(c => c.Epoch)
                    .Select(c => Tamper(c))
                    .ToImmutableArray();
                transactions.Add(new(head, changes));
                from = head.Epoch;
                count += changes.Length;
                if (count >= limit)
                {
                    break;
                }
            }

            return Task.FromResult(transactions.ToImmutable());
        }
    }

    public Task<FeedScan> ScanAsync(FeedScope scope, CancellationToken cancellation)
    {
        lock (_lock)
        {
            Scans++;
            return Task.FromResult(
                new FeedScan(
                    Head,
                    [
                        .. _rows
                            .Values.Where(c => !c.Deleted && scope.Includes(c.Kind, c.Name))
                            .OrderBy(c => c.Epoch)
                            .Select(c => Tamper(c)),
                    ]
                )
            );
        }
    }

    public Task<Node?> FindNodeAsync(string name, CancellationToken cancellation)
    {
        lock (_lock)
        {
            return Task.FromResult(
                _rows.TryGetValue((EntityKinds.Node, name), out var row) && !row.Deleted && row.Payload.Span[0] == '{'
                    ? JsonSerializer.Deserialize(row.Payload.Span, ModelJson.Default.Node)
                    : null
            );
        }
    }

    public Task<bool> HasEnvironmentsAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            return Task.FromResult(_rows.Values.Any(r => r.Kind == EntityKinds.Environment && !r.Deleted));
        }
    }

    public async Task WaitForNewerAsync(CatalogueHead head, CancellationToken cancellation)
    {
        Task moved;
        lock (_lock)
        {
            if (Head != head)
            {
                return;
            }

            moved = _moved.Task;
        }

        await Task.WhenAny(moved, Task.Delay(250, cancellation));
        cancellation.ThrowIfCancellationRequested();
    }

    public SignedHeartbeat SignHeartbeat(CatalogueHead head) => Key.SignHeartbeat(head, _time.GetUtcNow());

    public void Dispose() => Key.Dispose();

    private void PutBackNeedsLock(Backup backup)
    {
        _rows = new(backup.Rows);
        _heads = new(backup.Heads);
        _floor = backup.Floor;
        Head = backup.Head;
    }

    private void MoveNeedsLock(CatalogueHead head)
    {
        Head = head;
        _heads[head.Epoch] = head;
        _moved.SetResult();
        _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    internal sealed record Backup(
        Dictionary<(string Kind, string Name), EntityChange> Rows,
        SortedDictionary<long, CatalogueHead> Heads,
        CatalogueHead Head,
        long Floor
    );
}

/// <summary>One manager of a catalogue, which can stop as SIGSTOP stops it: connections stay, nothing is said any more.</summary>
internal sealed class FreezingSource(IFeedSource catalogue) : IFeedSource
{
    private readonly TaskCompletionSource _stands = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _frozen;

    public void Freeze() => _frozen = true;

    /// <summary>Completes when a stream has come to where it stands still: it says nothing more.</summary>
    public Task Stands => _stands.Task;

    public async Task<CatalogueHead> ReadHeadAsync(CancellationToken cancellation)
    {
        if (_frozen)
        {
            _stands.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
        }

        return await catalogue.ReadHeadAsync(cancellation);
    }

    public Task<Digest?> ReadChainAsync(long epoch, CancellationToken cancellation) =>
        catalogue.ReadChainAsync(epoch, cancellation);

    public Task<ImmutableArray<FeedTransaction>> ReadAfterAsync(
        long epoch,
        FeedScope scope,
        int limit,
        CancellationToken cancellation
    ) => catalogue.ReadAfterAsync(epoch, scope, limit, cancellation);

    public Task<FeedScan> ScanAsync(FeedScope scope, CancellationToken cancellation) =>
        catalogue.ScanAsync(scope, cancellation);

    public Task<Node?> FindNodeAsync(string name, CancellationToken cancellation) =>
        catalogue.FindNodeAsync(name, cancellation);

    public Task<bool> HasEnvironmentsAsync(CancellationToken cancellation) =>
        catalogue.HasEnvironmentsAsync(cancellation);

    public Task WaitForNewerAsync(CatalogueHead head, CancellationToken cancellation) =>
        catalogue.WaitForNewerAsync(head, cancellation);

    public SignedHeartbeat SignHeartbeat(CatalogueHead head) => catalogue.SignHeartbeat(head);
}
