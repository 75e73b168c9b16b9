namespace Gatehouse.Gateway.Accounting;

/// <summary>
/// What a thread, or a few, have logged and the log has not written yet: lines behind each other, so that a line costs neither
/// an array nor a place in a queue, and many are written with one call. The gate is nearly always free.
/// </summary>
/// <param name="most">Bytes that may wait.</param>
internal sealed class LogPage(int most)
{
    private const int Size = 64 * 1024;

    // With less room a page is full: nearly every line fits into this.
    private const int UsualLine = 1024;

    // The longest request target is 8 KiB and every byte of it may need six.
    private const int LongestLine = 60 * 1024;

    // Of a busy moment; what more was needed once is let go.
    private const int MostSpare = 8;

    private readonly Stack<byte[]> _spare = new();
    private List<(byte[] Bytes, int Used, int Lines)> _full = [];
    private List<(byte[] Bytes, int Used, int Lines)> _taken = [];
    private byte[] _bytes = [];
    private int _used;
    private int _lines;
    private long _dropped;

    /// <summary>Held from <see cref="TryBegin"/> to <see cref="End"/>.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Lines for which there was no room.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Begins a line; false when too much waits, and it is counted as dropped. Under the gate.</summary>
    public bool TryBegin(out LineWriter line)
    {
        if (_bytes.Length - _used < UsualLine && !TryTurn())
        {
            _dropped++;
            line = default;
            return false;
        }

        line = new(_bytes, _used);
        return true;
    }

    /// <summary>Ends a line. Under the gate.</summary>
    public void End(LineWriter line)
    {
        var (bytes, end) = line.End();
        if (end - _used > LongestLine)
        {
            _dropped++;
            return;
        }

        (_bytes, _used) = (bytes, end);
        _lines++;
    }

    /// <summary>All that was logged, in order; good until the next call. For the thread that writes.</summary>
    public List<(byte[] Bytes, int Used, int Lines)> Take()
    {
        _taken.Clear();
        lock (Gate)
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
        lock (Gate)
        {
            foreach (var (bytes, _, _) in taken)
            {
                if (bytes.Length == Size && _spare.Count < MostSpare)
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
