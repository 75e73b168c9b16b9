using System.Collections.Concurrent;
using System.Net;
using Gatehouse.Gateway.Transport;

namespace Gatehouse.Tests.Gateway.Transport;

/// <summary>
/// A kernel with bad days: short reads and writes, "again" and interruptions at any step, and now and then a reset. Whoever
/// is told "again" is woken later, as by the kernel: the socket is armed anew, so that nothing may depend on luck.
/// </summary>
internal sealed class FaultyCalls(int seed, double resets) : SocketCalls
{
    private readonly ConcurrentDictionary<int, (int Poll, uint Events, ulong Key)> _watched = new();
    private readonly Random _random = new(seed);
    private int _faults;
    private int _calls;

    /// <summary>The read or write, counted from 1, that is told the connection was reset; 0 for none but those of chance.</summary>
    public int ResetAt { get; init; }

    /// <summary>Every read and write moves a few bytes only, so that there are many of them.</summary>
    public bool IsAlwaysShort { get; init; }

    /// <summary>Reads and writes so far.</summary>
    public int Calls => Volatile.Read(ref _calls);

    public int Faults => Volatile.Read(ref _faults);

    public override int Receive(int fd, Span<byte> buffer)
    {
        switch (Interlocked.Increment(ref _calls) == ResetAt ? Fault.Reset : Draw())
        {
            case Fault.Reset:
                return -Libc.ECONNRESET;
            case Fault.Interrupted:
                return -Libc.EINTR;
            case Fault.Again:
                Rearm(fd);
                return -Libc.EAGAIN;
            case Fault.Short:
                var result = base.Receive(fd, buffer[..Math.Min(buffer.Length, 1 + Next(7))]);
                Rearm(fd);
                return result;
            default:
                return base.Receive(fd, buffer);
        }
    }

    public override int Send(int fd, ReadOnlySpan<byte> data, bool more)
    {
        switch (Interlocked.Increment(ref _calls) == ResetAt ? Fault.Reset : Draw())
        {
            case Fault.Reset:
                return -Libc.ECONNRESET;
            case Fault.Interrupted:
                return -Libc.EINTR;
            case Fault.Again:
                Rearm(fd);
                return -Libc.EAGAIN;
            case Fault.Short:
                return base.Send(fd, data[..Math.Min(data.Length, 1 + Next(7))], more);
            default:
                return base.Send(fd, data, more);
        }
    }

    public override int Accept(int listener, out IPEndPoint? remote)
    {
        remote = null;
        switch (Draw())
        {
            case Fault.Interrupted:
                return -Libc.EINTR;
            case Fault.Again:
                Rearm(listener);
                return -Libc.EAGAIN;
            default:
                return base.Accept(listener, out remote);
        }
    }

    public override int Control(int poll, int operation, int fd, uint events, ulong key)
    {
        if (operation == Libc.EPOLL_CTL_ADD)
        {
            _watched[fd] = (poll, events, key);
        }
        else
        {
            _watched.TryRemove(fd, out _);
        }

        return base.Control(poll, operation, fd, events, key);
    }

    private void Rearm(int fd)
    {
        if (_watched.TryGetValue(fd, out var watched))
        {
            base.Control(watched.Poll, Libc.EPOLL_CTL_MOD, fd, watched.Events, watched.Key);
        }
    }

    private Fault Draw()
    {
        double drawn;
        lock (_random)
        {
            drawn = _random.NextDouble();
        }

        var fault =
            IsAlwaysShort ? Fault.Short
            : drawn < resets ? Fault.Reset
            : drawn < 0.08 ? Fault.Interrupted
            : drawn < 0.2 ? Fault.Again
            : drawn < 0.35 ? Fault.Short
            : Fault.None;
        if (fault != Fault.None)
        {
            Interlocked.Increment(ref _faults);
        }

        return fault;
    }

    private int Next(int below)
    {
        lock (_random)
        {
            return _random.Next(below);
        }
    }

    private enum Fault
    {
        None,
        Short,
        Again,
        Interrupted,
        Reset,
    }
}
