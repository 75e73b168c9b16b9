namespace Gatehouse.Gateway.Accounting;

/// <summary>
/// What was logged and is not written yet: lines behind each other, so that a line costs neither an array nor a place in a queue,
/// and many are written with one call. A line is made elsewhere; the gate is held while it is copied.
/// </summary>
/// <param name="most">Bytes that may wait.</param>
internal sealed class LogPage(int most)
{
    private const int Size = 64 * 1024;

    // Of a busy moment; what more was needed once is let go.
    private const int MostSpare = 16;

    private readonly Lock _gate = new();
    private readonly Stack<byte[]> _spare = new();
    private List<(byte[] Bytes, int Used, int Lines)> _full = [];
    private List<(byte[] Bytes, int Used, int Lines)> _taken = [];
    private byte[] _bytes = [];
    private int _used;
    private int _lines;
    private long _dropped;

    /// <summary>Lines for which there was no room.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Adds a line. When too much waits, or it is longer than any that a request makes, it is dropped and counted.</summary>
    public void Add(ReadOnlySpan<byte> line)
    {
        lock (_gate)
        {
            if (line.Length > Size || (_bytes.Length - _used < line.Length && !TryTurn()))
            {
                _dropped++;
                return;
            }

            line.CopyTo(_bytes.AsSpan(_used));
            _used += line.Length;
            _lines++;
        }
    }

    /// <summary>All that was logged, in order; good until the next call. For the thread that writes.</summary>
    public List<(byte[] Bytes, int Used, int Lines)> Take()
    {
        _taken.Clear();
        lock (_gate)
        {
            if (_used > 0)
            {
                Turn();
            }

            (_full, _taken) = (_taken, _full);
            return _taken;
        }
    }

    /// <summary>Takes back what was written.</summary>
    public void GiveBack(List<(byte[] Bytes, int Used, int Lines)> taken)
    {
        lock (_gate)
        {
            foreach (var (bytes, _, _) in taken)
            {
                if (_spare.Count < MostSpare)
                {
                    _spare.Push(bytes);
                }
            }
        }
    }

    private bool TryTurn()
    {
        if (_used > 0)
        {
            // Those that are full, this one, and the next.
            if ((_full.Count + 2) * Size > most)
            {
                return false;
            }

            Turn();
        }

        if (_bytes.Length == 0)
        {
            _bytes = _spare.TryPop(out var spare) ? spare : GC.AllocateUninitializedArray<byte>(Size);
        }

        return true;
    }

    private void Turn()
    {
        _full.Add((_bytes, _used, _lines));
        (_bytes, _used, _lines) = ([], 0, 0);
    }
}
