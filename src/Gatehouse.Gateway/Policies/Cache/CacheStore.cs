using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// The answers of one API, bounded by bytes; the least recently used goes first. One short lock: nothing waits or computes
/// inside.
/// </summary>
internal sealed class CacheStore(long mostBytes)
{
    // More versions of one address than this are a header that is different in every call.
    private const int MostVariants = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<LinkedListNode<CacheEntry>>> _byTarget = new(StringComparer.Ordinal);
    private readonly LinkedList<CacheEntry> _byUse = new();
    private readonly Dictionary<string, CacheFlight> _flights = new(StringComparer.Ordinal);
    private long _bytes;

    /// <summary>Bytes in use.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
            {
                return _bytes;
            }
        }
    }

    public CacheEntry? Find(Exchange exchange, string target, string partition)
    {
        lock (_lock)
        {
            if (!_byTarget.TryGetValue(target, out var variants))
            {
                return null;
            }

            foreach (var node in variants)
            {
                if (node.Value.IsFor(exchange, partition))
                {
                    _byUse.Remove(node);
                    _byUse.AddFirst(node);
                    return node.Value;
                }
            }

            return null;
        }
    }

    /// <summary>Keeps an entry in the place of the one for the same requests.</summary>
    public void Put(CacheEntry entry)
    {
        if (entry.Size > mostBytes)
        {
            return;
        }

        lock (_lock)
        {
            if (!_byTarget.TryGetValue(entry.Target, out var variants))
            {
                _byTarget[entry.Target] = variants = [];
            }

            if (
                variants.Find(n =>
                    n.Value.Partition == entry.Partition && n.Value.Varied.SequenceEqual(entry.Varied)
                ) is
                { } same
            )
            {
                RemoveNeedsLock(same);
            }
            else if (variants.Count >= MostVariants)
            {
                RemoveNeedsLock(variants[0]);
            }

            // Removing the last one took the list with it.
            _byTarget.TryAdd(entry.Target, variants);
            variants.Add(_byUse.AddFirst(entry));
            _bytes += entry.Size;
            while (_bytes > mostBytes)
            {
                RemoveNeedsLock(_byUse.Last!);
            }
        }
    }

    /// <summary>Forgets everything at an address (§4.4).</summary>
    public void Invalidate(string target)
    {
        lock (_lock)
        {
            if (_byTarget.TryGetValue(target, out var variants))
            {
                foreach (var node in variants.ToArray())
                {
                    RemoveNeedsLock(node);
                }
            }
        }
    }

    /// <summary>Begins to fetch an address, or says who is at it.</summary>
    /// <param name="key">Address and partition.</param>
    /// <param name="flight">Ours, or the one to wait for.</param>
    /// <returns>True when it is ours.</returns>
    public bool TryBegin(string key, out CacheFlight flight)
    {
        lock (_lock)
        {
            if (_flights.TryGetValue(key, out flight!))
            {
                return false;
            }

            _flights[key] = flight = new(this, key);
            return true;
        }
    }

    internal void End(string key)
    {
        lock (_lock)
        {
            _flights.Remove(key);
        }
    }

    private void RemoveNeedsLock(LinkedListNode<CacheEntry> node)
    {
        _byUse.Remove(node);
        _bytes -= node.Value.Size;
        var variants = _byTarget[node.Value.Target];
        variants.Remove(node);
        if (variants.Count == 0)
        {
            _byTarget.Remove(node.Value.Target);
        }
    }
}

/// <summary>One fetch that others wait for. Ends when it is known whether its answer is kept, at the latest with its request.</summary>
internal sealed class CacheFlight(CacheStore store, string key) : IDisposable
{
    private readonly TaskCompletionSource _landed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Landed => _landed.Task;

    public void Dispose()
    {
        if (_landed.TrySetResult())
        {
            store.End(key);
        }
    }
}
