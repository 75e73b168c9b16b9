using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Transport;

/// <summary>A port on which every loop accepts for itself.</summary>
/// <remarks>
/// Each loop has its own listening socket on the same address (SO_REUSEPORT), so the kernel spreads connections and no loop
/// wakes another. It spreads by a hash; a loop that has got clearly more than its share gives new ones to the one with the
/// fewest, which bounds the imbalance when there are few connections and long ones.
/// </remarks>
internal sealed partial class LoopListener : IConnectionListener
{
    private const int Waiting = 512;
    private const int Backlog = 1024;

    private readonly Channel<ConnectionContext> _accepted = Channel.CreateBounded<ConnectionContext>(
        new BoundedChannelOptions(Waiting) { SingleReader = true }
    );
    private readonly LoopGroup _group;
    private readonly ILogger _logger;
    private readonly string _name;
    private readonly List<Acceptor> _acceptors = [];
    private Task? _unbound;

    private LoopListener(LoopGroup group, string name, IPEndPoint bound, ILogger logger)
    {
        _group = group;
        _name = name;
        _logger = logger;
        Bound = bound;
    }

    public EndPoint EndPoint => Bound;

    public IPEndPoint Bound { get; }

    /// <summary>Binds and accepts from now on. Throws <see cref="SocketException"/> when the address is taken.</summary>
    public static LoopListener Open(LoopGroup group, string name, IPEndPoint endPoint, ILogger logger)
    {
        var sockets = new List<Socket>();
        try
        {
            // The first one takes the address for itself alone, so that another process which shares ports is refused; the
            // others share with it.
            var first = Bind(endPoint, shared: false);
            sockets.Add(first);
            var bound = (IPEndPoint)first.LocalEndPoint!;
            Share(first);
            for (var i = 1; i < group.Loops.Length; i++)
            {
                sockets.Add(Bind(bound, shared: true));
            }

            sockets.ForEach(s => s.Listen(Backlog));
            var listener = new LoopListener(group, name, bound, logger);
            for (var i = 0; i < sockets.Count; i++)
            {
                listener._acceptors.Add(new(listener, group.Loops[i], Take(sockets[i])));
            }

            listener._acceptors.ForEach(a => a.Begin());
            return listener;
        }
        catch
        {
            sockets.ForEach(s => s.Dispose());
            throw;
        }
    }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_accepted.Reader.TryRead(out var connection))
            {
                return connection;
            }
        }

        return null;
    }

    /// <summary>Takes what has connected so far and closes the port; <see cref="AcceptAsync"/> gives those out and then null.</summary>
    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _unbound ??= Task.WhenAll(_acceptors.Select(a => a.EndAsync()));
        await _unbound.ConfigureAwait(false);
        _accepted.Writer.TryComplete();
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        while (_accepted.Reader.TryRead(out var connection))
        {
            connection.Abort();
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static Socket Bind(IPEndPoint endPoint, bool shared)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            if (shared)
            {
                Share(socket);
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void Share(Socket socket) =>
        socket.SetRawSocketOption(Libc.SOL_SOCKET, Libc.SO_REUSEPORT, BitConverter.GetBytes(1));

    /// <summary>Takes the descriptor out of the object, which must not close it any more.</summary>
    private static int Take(Socket socket)
    {
        var fd = (int)socket.Handle;
        SocketCalls.MakeNonBlocking(fd);
        socket.SafeHandle.SetHandleAsInvalid();
        return fd;
    }

    /// <summary>One loop's listening socket.</summary>
    private sealed class Acceptor(LoopListener listener, Loop loop, int fd) : LoopSocket(loop, fd)
    {
        private const int AtOnce = 64;
        private static readonly TimeSpan s_pauseWhenFull = TimeSpan.FromMilliseconds(10);
        private static readonly TimeSpan s_pauseWhenOutOfSockets = TimeSpan.FromMilliseconds(100);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _pausing;

        public void Begin() => Loop.Post(static self => ((Acceptor)self).Watch(), this);

        public Task EndAsync()
        {
            Loop.Post(static self => ((Acceptor)self).End(), this);
            return _ended.Task;
        }

        public override void Abandon(Exception reason)
        {
            Close(reset: false);
            listener._accepted.Writer.TryComplete();
            _ended.TrySetResult();
        }

        protected override void OnWritable() { }

        protected override void OnReadable()
        {
            if (_pausing)
            {
                return;
            }

            for (var taken = 0; IsOpen; taken++)
            {
                if (listener._accepted.Reader.Count >= Waiting - listener._acceptors.Count)
                {
                    // Nobody takes them: the kernel holds the rest.
                    _ = GoOnAsync(s_pauseWhenFull);
                    return;
                }

                if (taken == AtOnce)
                {
                    Loop.Post(static self => ((Acceptor)self).OnReadable(), this);
                    return;
                }

                if (!AcceptOne())
                {
                    return;
                }
            }
        }

        private bool AcceptOne()
        {
            var accepted = TryAccept(out var remote);
            if (accepted == Again)
            {
                return false;
            }

            if (accepted < 0)
            {
                listener.LogCannotAccept(listener._name, listener.Bound, SocketCalls.Explain(-accepted));
                _ = GoOnAsync(s_pauseWhenOutOfSockets);
                return false;
            }

            SocketCalls.Tune(accepted);
            var home = listener._group.HomeFor(Loop);
            var connection = new LoopConnection(home, accepted, remote);
            home.Post(static c => ((LoopConnection)c).Watch(), connection);
            if (!listener._accepted.Writer.TryWrite(connection))
            {
                connection.Abort();
                _ = connection.DisposeAsync().AsTask();
            }

            return true;
        }

        private async Task GoOnAsync(TimeSpan pause)
        {
            _pausing = true;
            await Task.Delay(pause).ConfigureAwait(false);
            Loop.Post(
                static self =>
                {
                    ((Acceptor)self)._pausing = false;
                    ((Acceptor)self).OnReadable();
                },
                this
            );
        }

        private void End()
        {
            // Those who connected before the port closed are served.
            for (var left = Backlog; left > 0 && IsOpen && AcceptOne(); left--) { }
            Close(reset: false);
            _ended.TrySetResult();
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Listener '{Listener}' on {EndPoint} cannot accept connections: {Reason}. It goes on trying; raise the limit of open files if this lasts"
    )]
    private partial void LogCannotAccept(string listener, IPEndPoint endPoint, string reason);
}
