using System.Net;
using System.Threading.Tasks.Sources;

namespace Gatehouse.Gateway.Transport;

/// <summary>A connection to somewhere that lives on a loop: what it wakes continues there.</summary>
internal sealed class LoopWire : Wire
{
    private readonly Line _line;

    /// <param name="loop">Its loop for life.</param>
    /// <param name="fd">A new socket, owned from now on.</param>
    public LoopWire(Loop loop, int fd) => _line = new(loop, fd);

    public override bool HasInput => _line.HasInput;

    public override ValueTask<int> ReceiveAsync(Memory<byte> buffer) => _line.ReceiveAsync(buffer);

    public override ValueTask SendAsync(ReadOnlyMemory<byte> data) => _line.SendAsync(data);

    public override void Abort() => _line.EndSoon(new IOException("The connection was aborted."));

    public override void Dispose() => _line.EndSoon(new ObjectDisposedException(nameof(Wire)));

    /// <summary>Connects; a wire that could not is closed.</summary>
    internal ValueTask ConnectAsync(IPEndPoint endPoint, CancellationToken cancellation) =>
        _line.ConnectAsync(endPoint, cancellation);

    private sealed class Line(Loop loop, int fd) : LoopSocket(loop, fd), IValueTaskSource<int>, IValueTaskSource
    {
        private ManualResetValueTaskSourceCore<int> _receive;

        // Of a send, and before the first one of the connect.
        private ManualResetValueTaskSourceCore<int> _send;
        private Memory<byte> _target;
        private ReadOnlyMemory<byte> _data;
        private Exception? _reason;
        private IPEndPoint? _connectingTo;
        private volatile bool _receiving;
        private volatile bool _sending;

        public bool HasInput => Volatile.Read(ref _reason) is not null || HasArrived();

        public async ValueTask ConnectAsync(IPEndPoint endPoint, CancellationToken cancellation)
        {
            _connectingTo = endPoint;
            _send.Reset();
            _sending = true;
            var connected = new ValueTask(this, _send.Version);
            Loop.Post(static self => ((Line)self).BeginConnect(), this);
            await using var registration = cancellation
                .UnsafeRegister(
                    static (self, token) => ((Line)self!).EndSoon(new OperationCanceledException(token)),
                    this
                )
                .ConfigureAwait(false);
            await connected.ConfigureAwait(false);
        }

        public ValueTask<int> ReceiveAsync(Memory<byte> buffer)
        {
            if (Volatile.Read(ref _reason) is { } reason)
            {
                return ValueTask.FromException<int>(Failure(reason));
            }

            if (buffer.IsEmpty)
            {
                return new(0);
            }

            if (_receiving)
            {
                throw new InvalidOperationException("A receive is pending already.");
            }

            if (Loop.IsCurrent && MayReceive && TakeTurn())
            {
                var result = TryReceive(buffer.Span);
                if (result >= 0)
                {
                    return new(result);
                }

                if (result != Again)
                {
                    End(Lost(result));
                    return ValueTask.FromException<int>(Failure(_reason!));
                }
            }

            _target = buffer;
            _receive.Reset();
            _receiving = true;
            if (!Loop.IsCurrent || MayReceive)
            {
                Loop.Post(
                    static self =>
                    {
                        ((Line)self).NewTurn();
                        ((Line)self).OnReadable();
                    },
                    this
                );
            }

            return new(this, _receive.Version);
        }

        public ValueTask SendAsync(ReadOnlyMemory<byte> data)
        {
            if (Volatile.Read(ref _reason) is { } reason)
            {
                return ValueTask.FromException(Failure(reason));
            }

            if (_sending)
            {
                throw new InvalidOperationException("A send is pending already.");
            }

            if (Loop.IsCurrent)
            {
                while (!data.IsEmpty)
                {
                    var result = TrySend(data.Span, more: false);
                    if (result == Again)
                    {
                        break;
                    }

                    if (result < 0)
                    {
                        End(Lost(result));
                        return ValueTask.FromException(Failure(_reason!));
                    }

                    data = data[result..];
                }
            }

            if (data.IsEmpty)
            {
                return default;
            }

            _data = data;
            _send.Reset();
            _sending = true;
            if (!Loop.IsCurrent)
            {
                Loop.Post(static self => ((Line)self).OnWritable(), this);
            }

            return new(this, _send.Version);
        }

        /// <summary>Ends it from any thread: calls fail from now on, pending ones soon.</summary>
        public void EndSoon(Exception reason)
        {
            if (Interlocked.CompareExchange(ref _reason, reason, null) is null)
            {
                Loop.Post(static self => ((Line)self).End(((Line)self)._reason!), this);
            }
        }

        public override void Abandon(Exception reason) => End(reason);

        protected override void OnReadable()
        {
            if (!_receiving)
            {
                return;
            }

            var result = TryReceive(_target.Span);
            if (result >= 0)
            {
                _target = default;
                _receiving = false;
                _receive.SetResult(result);
            }
            else if (result != Again)
            {
                End(Lost(result));
            }
        }

        protected override void OnWritable()
        {
            if (_connectingTo is not null)
            {
                EndConnect();
                return;
            }

            while (_sending)
            {
                var result = TrySend(_data.Span, more: false);
                if (result == Again)
                {
                    return;
                }

                if (result < 0)
                {
                    End(Lost(result));
                    return;
                }

                _data = _data[result..];
                if (_data.IsEmpty)
                {
                    _data = default;
                    _sending = false;
                    _send.SetResult(0);
                    return;
                }
            }
        }

        private void BeginConnect()
        {
            if (!IsOpen)
            {
                return;
            }

            int result;
            try
            {
                result = TryConnect(_connectingTo!);
            }
            catch (IOException notWatched)
            {
                End(notWatched);
                return;
            }

            if (result < 0)
            {
                End(Refused(-result));
            }
        }

        private void EndConnect()
        {
            if (ConnectError() is not 0 and var errno)
            {
                End(Refused(errno));
                return;
            }

            _connectingTo = null;
            _sending = false;
            _send.SetResult(0);
        }

        private IOException Refused(int errno) =>
            new($"Cannot connect to {_connectingTo}: {SocketCalls.Explain(errno)}");

        /// <summary>Ends it. On the loop; safe to call twice.</summary>
        private void End(Exception reason)
        {
            Interlocked.CompareExchange(ref _reason, reason, null);
            Close(reset: _reason is not ObjectDisposedException);
            if (_sending)
            {
                _sending = false;
                _data = default;
                _send.SetException(Failure(_reason));
            }

            if (_receiving)
            {
                _receiving = false;
                _target = default;
                _receive.SetException(Failure(_reason));
            }
        }

        private static Exception Failure(Exception reason) =>
            reason is ObjectDisposedException ? new IOException("The connection was closed.", reason) : reason;

        int IValueTaskSource<int>.GetResult(short token) => _receive.GetResult(token);

        ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _receive.GetStatus(token);

        void IValueTaskSource<int>.OnCompleted(
            Action<object?> continuation,
            object? state,
            short token,
            ValueTaskSourceOnCompletedFlags flags
        ) => _receive.OnCompleted(continuation, state, token, flags);

        void IValueTaskSource.GetResult(short token) => _send.GetResult(token);

        ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _send.GetStatus(token);

        void IValueTaskSource.OnCompleted(
            Action<object?> continuation,
            object? state,
            short token,
            ValueTaskSourceOnCompletedFlags flags
        ) => _send.OnCompleted(continuation, state, token, flags);
    }
}
