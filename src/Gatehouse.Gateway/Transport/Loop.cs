using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// One thread that waits for its sockets and runs what they wake: a connection is served from its first byte to its last by
/// the loop that it was given to. Nothing that runs here may block or compute for long, since every connection of the loop
/// waits for it; such work goes to the pool with <see cref="OffLoop"/>.
/// </summary>
#pragma warning disable CA1001 // The handle is freed with the last reference: a late post must not signal a reused number.
internal sealed partial class Loop
#pragma warning restore CA1001
{
    /// <summary>Most events taken at once; between two takes the loop looks at its posts.</summary>
    private const int EventsAtOnce = 256;

    /// <summary>Longer than this, and the log says so.</summary>
    private static readonly TimeSpan s_longStand = TimeSpan.FromMilliseconds(250);

    [ThreadStatic]
    private static Loop? t_current;

    private readonly int _poll;
    private readonly int _wake;

    // Closed when nobody holds the loop any more: a late post must not signal a number that is somebody else's by then.
    private readonly SafeFileHandle _wakeOwner;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly ConcurrentQueue<Work> _posts = new();
    private readonly Lock _afterlife = new();
    private LoopSocket?[] _sockets = new LoopSocket?[64];
    private uint[] _generations = new uint[64];
    private readonly Stack<int> _freeSlots = new();
    private int _slots;
    private int _open;
    private int _signalled;
    private long _busySince;
    private bool _stopping;
    private volatile bool _ended;

    public Loop(int number, SocketCalls calls, ILogger logger)
    {
        Number = number;
        Calls = calls;
        _logger = logger;
        _poll = SocketCalls.NewPoll();
        try
        {
            _wake = SocketCalls.NewEvent();
        }
        catch
        {
            SocketCalls.CloseHandle(_poll);
            throw;
        }

        _wakeOwner = new(_wake, ownsHandle: true);

        // Edge-triggered, so that nobody needs to read the counter. The key 0 belongs to no socket: generations begin at 1.
        calls.Control(_poll, Libc.EPOLL_CTL_ADD, _wake, Libc.EPOLLIN | Libc.EPOLLET, 0);
        Dialer = new LoopDialer(this);
        _thread = new(Run) { IsBackground = true, Name = $"Gatehouse loop {number}" };
    }

    /// <summary>The loop that runs this thread, if one does.</summary>
    public static Loop? Current => t_current;

    public int Number { get; }

    public SocketCalls Calls { get; }

    public Dialer Dialer { get; }

    public LagMeter Lag { get; } = new();

    public bool IsCurrent => t_current == this;

    /// <summary>Sockets that it watches, its listeners among them.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>Since when it has been running code without a look at its sockets, as a <see cref="Stopwatch"/> timestamp; 0 while it waits.</summary>
    public long BusySince => Volatile.Read(ref _busySince);

    public void Start() => _thread.UnsafeStart();

    /// <summary>To be awaited: what follows runs on this loop.</summary>
    public LoopDoor Enter() => new(this);

    /// <summary>
    /// Runs it on the loop, after what was posted before. Once the loop has ended, its sockets are closed and the work runs
    /// at once on the caller's thread, one at a time: all that it can do then is to fail.
    /// </summary>
    public void Post(Action<object> action, object state)
    {
        _posts.Enqueue(new(action, state));
        if (_ended)
        {
            RunPostsAfterEnd();
        }
        else if (!IsCurrent && Interlocked.Exchange(ref _signalled, 1) == 0)
        {
            SocketCalls.Signal(_wake);
        }
    }

    /// <summary>Closes every socket and ends the thread; returns when it has. Called on the loop itself, it ends when the caller is done.</summary>
    public void Stop()
    {
        Post(static loop => ((Loop)loop)._stopping = true, this);
        if (_thread.ThreadState.HasFlag(System.Threading.ThreadState.Unstarted))
        {
            Finish();
        }
        else if (!IsCurrent)
        {
            _thread.Join();
        }
    }

    /// <summary>Watches a socket from now on. Only on the loop.</summary>
    /// <returns>The key its events carry: slot and generation. A late event of a socket that was closed finds another generation.</returns>
    public ulong Add(LoopSocket socket, int fd, uint events)
    {
        if (!_freeSlots.TryPop(out var slot))
        {
            slot = _slots++;
            if (slot == _sockets.Length)
            {
                Array.Resize(ref _sockets, slot * 2);
                Array.Resize(ref _generations, slot * 2);
            }
        }

        // Zero is the wake-up's.
        var generation = Math.Max(1, ++_generations[slot]);
        _generations[slot] = generation;
        var key = ((ulong)generation << 32) | (uint)slot;
        if (Calls.Control(_poll, Libc.EPOLL_CTL_ADD, fd, events, key) is < 0 and var errno)
        {
            _freeSlots.Push(slot);
            throw new IOException($"The kernel does not watch a socket: {SocketCalls.Explain(-errno)}");
        }

        _sockets[slot] = socket;
        Interlocked.Increment(ref _open);
        return key;
    }

    /// <summary>Forgets a socket that is about to be closed. Only on the loop.</summary>
    public void Remove(ulong key, int fd)
    {
        var slot = (int)(uint)key;
        _sockets[slot] = null;
        _generations[slot]++;
        _freeSlots.Push(slot);
        Calls.Control(_poll, Libc.EPOLL_CTL_DEL, fd, 0, 0);
        Interlocked.Decrement(ref _open);
    }

    private void Run()
    {
        t_current = this;
        var events = new byte[EventsAtOnce * Libc.EventSize];
        while (!_stopping)
        {
            var count = SocketCalls.Wait(_poll, events, _posts.IsEmpty ? -1 : 0);
            var since = Stopwatch.GetTimestamp();
            Volatile.Write(ref _busySince, since);
            for (var i = 0; i < count; i++)
            {
                var (what, key) = SocketCalls.EventAt(events, i);
                if (key != 0)
                {
                    Dispatch(what, key);
                }
            }

            RunPosts();
            Volatile.Write(ref _busySince, 0);
            var stood = Stopwatch.GetElapsedTime(since);
            Lag.Record(stood);
            if (stood > s_longStand)
            {
                LogStood(Number, (long)stood.TotalMilliseconds);
            }
        }

        Finish();
    }

    /// <summary>Hands an event to the socket that the key belongs to, if it still does.</summary>
    internal void Dispatch(uint what, ulong key)
    {
        var slot = (int)(uint)key;
        if (_sockets[slot] is not { } socket || _generations[slot] != (uint)(key >> 32))
        {
            return;
        }

        try
        {
            socket.OnEvents(what);
        }
        catch (Exception bug)
        {
            LogBug(Number, bug);
            socket.Abandon(bug);
        }
    }

    private void RunPosts()
    {
        // Nearly always there are none. Whoever posts after this look signals.
        if (Volatile.Read(ref _signalled) == 0 && _posts.IsEmpty)
        {
            return;
        }

        // Before the look at the queue: whoever posts after that look signals again.
        Interlocked.Exchange(ref _signalled, 0);

        // Not until it is empty: work that posts itself again must not keep the sockets waiting.
        for (var left = _posts.Count; left > 0 && _posts.TryDequeue(out var work); left--)
        {
            Run(work);
        }
    }

    private void Run(Work work)
    {
        try
        {
            work.Action(work.State);
        }
        catch (Exception bug)
        {
            LogBug(Number, bug);
        }
    }

    private void Finish()
    {
        var end = new IOException("The transport has been shut down.");
        for (var slot = 0; slot < _slots; slot++)
        {
            _sockets[slot]?.Abandon(end);
        }

        _ended = true;
        RunPostsAfterEnd();
        t_current = null;
        SocketCalls.CloseHandle(_poll);
        GC.KeepAlive(_wakeOwner);
    }

    private void RunPostsAfterEnd()
    {
        lock (_afterlife)
        {
            while (_posts.TryDequeue(out var work))
            {
                Run(work);
            }
        }
    }

    private readonly record struct Work(Action<object> Action, object State);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Loop {Loop} stood still for {Milliseconds} ms and goes on")]
    private partial void LogStood(int loop, long milliseconds);

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "A fault on loop {Loop}; the connection it belongs to is reset and the loop goes on. Please report it"
    )]
    private partial void LogBug(int loop, Exception bug);
}
