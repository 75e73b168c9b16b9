using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// A connected socket on its loop. Everything that touches the socket runs on the loop, so there is no lock and no second
/// owner of its number: it is closed there and never used after.
/// </summary>
/// <remarks>
/// Watched edge-triggered for all it can say, once, at the beginning. What is known is kept in two flags: an event sets one,
/// a call that finds nothing to do clears it. A receive that fills less than it was given has emptied the socket, unless the
/// peer's end is behind it (epoll(7), question 9): the call that would only say "again" is not made.
/// </remarks>
internal abstract class LoopSocket(Loop loop, int fd)
{
    /// <summary>How often a connection may go on without a look at the others, when it always finds more to do.</summary>
    private const int TurnLength = 32;

    protected const int Again = -Libc.EAGAIN;

    private int _fd = fd;
    private ulong _key;
    private int _turn;
    private bool _readable;
    private bool _writable;

    public Loop Loop { get; } = loop;

    protected bool IsOpen => _fd >= 0;

    /// <summary>Whether the peer has ended its side, or the connection is lost; bytes may be left to receive.</summary>
    protected bool PeerEnded { get; private set; }

    /// <summary>Whether a receive may find something.</summary>
    protected bool MayReceive => _readable;

    /// <summary>False when it should let others run: then it goes on by a post.</summary>
    protected bool TakeTurn() => ++_turn <= TurnLength;

    /// <summary>The others have had theirs.</summary>
    protected void NewTurn() => _turn = 0;

    /// <summary>Begins to watch. Only on the loop, once.</summary>
    public void Watch(bool connecting = false)
    {
        _writable = !connecting;
        const uint all = Libc.EPOLLIN | Libc.EPOLLOUT | Libc.EPOLLRDHUP | Libc.EPOLLET;
        _key = Loop.Add(this, _fd, all);
    }

    public void OnEvents(uint events)
    {
        _turn = 0;
        if ((events & (Libc.EPOLLRDHUP | Libc.EPOLLHUP | Libc.EPOLLERR)) != 0)
        {
            PeerEnded = true;
        }

        if ((events & (Libc.EPOLLOUT | Libc.EPOLLHUP | Libc.EPOLLERR)) != 0)
        {
            _writable = true;
            OnWritable();
        }

        if (IsOpen && (events & (Libc.EPOLLIN | Libc.EPOLLRDHUP | Libc.EPOLLHUP | Libc.EPOLLERR)) != 0)
        {
            _readable = true;
            OnReadable();
        }
    }

    /// <summary>Ends it from inside the loop: a fault, or the loop's end.</summary>
    public abstract void Abandon(Exception reason);

    protected abstract void OnReadable();

    protected abstract void OnWritable();

    /// <summary>Receives what is there: a count, 0 at the peer's end, <see cref="Again"/>, or another negated errno.</summary>
    protected int TryReceive(Span<byte> buffer)
    {
        while (_readable && IsOpen)
        {
            var result = Loop.Calls.Receive(_fd, buffer);
            switch (result)
            {
                case -Libc.EINTR:
                    continue;
                case Again:
                    _readable = false;
                    return Again;
                default:
                    _readable = result == buffer.Length || PeerEnded || result <= 0;
                    return result;
            }
        }

        return IsOpen ? Again : -Libc.ECONNRESET;
    }

    /// <summary>Sends what fits: a count, <see cref="Again"/>, or another negated errno.</summary>
    protected int TrySend(ReadOnlySpan<byte> data, bool more)
    {
        while (_writable && IsOpen)
        {
            var result = Loop.Calls.Send(_fd, data, more);
            switch (result)
            {
                case -Libc.EINTR:
                    continue;
                case Again:
                    _writable = false;
                    return Again;
                default:
                    return result;
            }
        }

        return IsOpen ? Again : -Libc.ECONNRESET;
    }

    /// <summary>Accepts a connection, if this is a listener: its number, or a negated errno.</summary>
    protected int TryAccept(out IPEndPoint? remote)
    {
        int result;
        do
        {
            result = Loop.Calls.Accept(_fd, out remote);
        } while (result is -Libc.EINTR or -Libc.ECONNABORTED);
        return result;
    }

    /// <summary>Begins to connect and to watch: <see cref="OnWritable"/> tells the outcome, unless it is a negated errno at once.</summary>
    protected int TryConnect(IPEndPoint endPoint)
    {
        var result = Loop.Calls.Connect(_fd, endPoint);
        if (result is 0 or -Libc.EINPROGRESS or -Libc.EINTR)
        {
            Watch(connecting: true);
            return 0;
        }

        return result;
    }

    /// <summary>Whether anything has arrived, the peer's end and errors included.</summary>
    protected bool HasArrived() =>
        !IsOpen
        || PeerEnded
        || (_readable && (!Loop.IsCurrent || Loop.Calls.Peek(_fd) is not Again and not -Libc.EINTR));

    /// <summary>Whether the peer has ended and nothing is left to receive before that.</summary>
    protected bool IsAtEnd() => PeerEnded && IsOpen && SocketCalls.Waiting(_fd) == 0;

    /// <summary>The error that ended an attempt to connect; 0 for none.</summary>
    protected int ConnectError() => SocketCalls.ErrorOf(_fd);

    /// <summary>Closes the socket. Only on the loop; safe to call twice.</summary>
    protected void Close(bool reset)
    {
        if (!IsOpen)
        {
            return;
        }

        var fd = _fd;
        _fd = -1;
        if (_key != 0)
        {
            Loop.Remove(_key, fd);
        }

        SocketCalls.Close(fd, reset);
    }

    protected static IOException Lost(int negatedErrno) =>
        -negatedErrno == Libc.ECONNRESET
            ? new ConnectionResetException("The connection was reset by the peer.")
            : new IOException($"The connection was lost: {SocketCalls.Explain(-negatedErrno)}");
}
