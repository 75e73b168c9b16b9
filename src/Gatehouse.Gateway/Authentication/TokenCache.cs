using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// A bounded memory by digest that takes no lock to read: two generations, of which the older is dropped as a whole when
/// the younger is full. What is asked for moves to the younger.
/// </summary>
internal sealed class TokenCache<TValue>(int capacity)
    where TValue : class
{
    private readonly int _half = Math.Max(1, capacity / 2);
    private readonly Lock _turning = new();
    private volatile ConcurrentDictionary<Digest, Entry> _young = new();
    private volatile ConcurrentDictionary<Digest, Entry> _old = new();
    private int _added;

    /// <summary>Takes every lock of the table: for tests and counters.</summary>
    public int Count => _young.Count + _old.Count;

    public bool TryGet(Digest digest, DateTimeOffset now, [NotNullWhen(true)] out TValue? value)
    {
        if (_young.TryGetValue(digest, out var entry))
        {
            value = now < entry.Until ? entry.Value : null;
            return value is not null;
        }

        if (_old.TryRemove(digest, out entry) && now < entry.Until)
        {
            Add(digest, entry);
            value = entry.Value;
            return true;
        }

        value = null;
        return false;
    }

    public void Add(Digest digest, TValue value, DateTimeOffset until) => Add(digest, new(value, until));

    public void Forget(Digest digest)
    {
        _young.TryRemove(digest, out _);
        _old.TryRemove(digest, out _);
    }

    private void Add(Digest digest, Entry entry)
    {
        _young[digest] = entry;
        if (Interlocked.Increment(ref _added) < _half)
        {
            return;
        }

        lock (_turning)
        {
            if (_added >= _half)
            {
                (_old, _young) = (_young, new());
                _added = 0;
            }
        }
    }

    private sealed record Entry(TValue Value, DateTimeOffset Until);
}
