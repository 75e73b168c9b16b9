using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// What is said to a caller. A flush sends at once and is done when the kernel has taken everything: a caller who does not
/// read holds back whoever writes, and no memory but what was written is bound.
/// </summary>
/// <remarks>
/// Two chains: what was written since the last flush is the producer's, on any thread; what is being sent is the loop's. A
/// flush on the loop moves one to the other. A flush that is cancelled goes on being sent.
/// </remarks>
internal sealed class LoopWriter(LoopTransport transport) : PipeWriter, IValueTaskSource<FlushResult>
{
    private ManualResetValueTaskSourceCore<FlushResult> _flush;
    private CancellationTokenRegistration _registration;
    private Chain _written;
    private Chain _sending;
    private long _unflushed;
    private bool _completed;
    private int _cancelled;
    private volatile bool _waiting;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _unflushed;

    /// <summary>Whether something flushed has not left yet. On the loop.</summary>
    public bool IsSending => _sending.Head is not null;

    public override Memory<byte> GetMemory(int sizeHint = 0) => Room(sizeHint).FreeMemory;

    public override Span<byte> GetSpan(int sizeHint = 0) => Room(sizeHint).FreeSpan;

    public override void Advance(int bytes)
    {
        if (_written.Tail is null)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(bytes, 0);
            return;
        }

        _written.Tail.Fill(bytes);
        _unflushed += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        if (transport.Loop.IsCurrent)
        {
            Move();
            var isSent = Send();
            if (TakeCancelled())
            {
                return new(new FlushResult(isCanceled: true, isCompleted: false));
            }

            if (isSent)
            {
                return new(new FlushResult(isCanceled: false, isCompleted: !transport.IsConnected));
            }
        }
        else if (transport.Reason is not null)
        {
            _written.Release();
            _unflushed = 0;
            return new(new FlushResult(isCanceled: false, isCompleted: true));
        }

        return WaitAsync(cancellationToken);
    }

    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken = default
    )
    {
        // Straight from the caller's memory when nothing is before it; only what the kernel does not take is copied.
        if (
            transport.Loop.IsCurrent
            && _written.Head is null
            && _sending.Head is null
            && !_completed
            && !cancellationToken.IsCancellationRequested
            && Volatile.Read(ref _cancelled) == 0
        )
        {
            while (!source.IsEmpty)
            {
                var result = transport.Send(source.Span, more: false);
                if (result == -Libc.EAGAIN)
                {
                    break;
                }

                if (result < 0)
                {
                    transport.Lose(result);
                    return new(new FlushResult(isCanceled: false, isCompleted: true));
                }

                source = source[result..];
            }
        }

        while (!source.IsEmpty)
        {
            var room = Room(Math.Min(source.Length, Buffers.Large));
            var count = Math.Min(source.Length, room.Free);
            source.Span[..count].CopyTo(room.FreeSpan);
            Advance(count);
            source = source[count..];
        }

        return FlushAsync(cancellationToken);
    }

    public override void CancelPendingFlush()
    {
        Volatile.Write(ref _cancelled, 1);
        transport.Loop.Post(static self => ((LoopWriter)self).CancelWaiting(), this);
    }

    public override void Complete(Exception? exception = null)
    {
        if (_completed)
        {
            return;
        }

        _completed = true;
        if (exception is not null && !_waiting)
        {
            _written.Release();
        }
        else if (_written.Head is not null)
        {
            transport.Loop.Post(
                static self =>
                {
                    ((LoopWriter)self).Move();
                    ((LoopWriter)self).Progress();
                },
                this
            );
        }
    }

    /// <summary>Sends on. On the loop.</summary>
    public void Progress()
    {
        // Read once: a flush that begins in between has not handed over what it wants sent.
        var isWaiting = _waiting;
        if (isWaiting)
        {
            // An event may wake the socket before the post of a flush off the loop does.
            Move();
        }

        if ((isWaiting || _sending.Head is not null) && Send())
        {
            if (isWaiting && _waiting)
            {
                Finish(new(TakeCancelled(), isCompleted: !transport.IsConnected));
            }

            transport.Sent();
        }
    }

    /// <summary>The socket is closed: nobody reads what is written. On the loop.</summary>
    public void Closed()
    {
        _sending.Release();
        if (_waiting)
        {
            Finish(new(isCanceled: false, isCompleted: true));
        }
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => _flush.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _flush.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => _flush.OnCompleted(continuation, state, token, flags);

    private ValueTask<FlushResult> WaitAsync(CancellationToken cancellation)
    {
        _flush.Reset();
        var version = _flush.Version;
        _waiting = true;
        if (cancellation.CanBeCanceled)
        {
            var cancelling = new Cancelling(this, version, cancellation);
            _registration = cancellation.UnsafeRegister(
                static c => ((Cancelling)c!).Writer.CancelSoon((Cancelling)c),
                cancelling
            );
        }

        if (!transport.Loop.IsCurrent || Volatile.Read(ref _cancelled) == 1)
        {
            transport.Loop.Post(static self => ((LoopWriter)self).Begin(), this);
        }

        return new(this, version);
    }

    private void Begin()
    {
        CancelWaiting();
        Progress();
    }

    private Block Room(int sizeHint)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        if (_written.Tail is { } tail && tail.Free >= Math.Max(1, sizeHint))
        {
            return tail;
        }

        var block = new Block(Math.Max(sizeHint, Buffers.Small));
        _written.Add(block);
        return block;
    }

    /// <summary>What was written is to be sent. On the loop, while the producer waits or by the producer.</summary>
    private void Move()
    {
        _unflushed = 0;
        if (!transport.IsConnected)
        {
            _written.Release();
        }
        else
        {
            _sending.Take(ref _written);
        }
    }

    /// <summary>True when everything has left, or never will.</summary>
    private bool Send()
    {
        while (_sending.Head is { } block)
        {
            if (block.Length == 0)
            {
                _sending.Drop();
                continue;
            }

            var result = transport.Send(block.Content, more: block.Following is { Length: > 0 });
            if (result == -Libc.EAGAIN)
            {
                return false;
            }

            if (result < 0)
            {
                // Which releases the chain and ends a pending flush.
                transport.Lose(result);
                return true;
            }

            block.Start += result;
        }

        return true;
    }

    private void CancelWaiting()
    {
        if (_waiting && TakeCancelled())
        {
            Move();
            Finish(new(isCanceled: true, isCompleted: false));
        }
    }

    private bool TakeCancelled() => Volatile.Read(ref _cancelled) == 1 && Interlocked.Exchange(ref _cancelled, 0) == 1;

    private void Finish(FlushResult result)
    {
        Unregister();
        _waiting = false;
        _flush.SetResult(result);
    }

    private void Unregister()
    {
        _registration.Unregister();
        _registration = default;
    }

    private void CancelSoon(Cancelling cancelling) =>
        transport.Loop.Post(static c => ((Cancelling)c).Writer.Cancel((Cancelling)c), cancelling);

    private void Cancel(Cancelling cancelling)
    {
        if (_waiting && _flush.Version == cancelling.Version)
        {
            Move();
            Unregister();
            _waiting = false;
            _flush.SetException(new OperationCanceledException(cancelling.Token));
        }
    }

    private struct Chain
    {
        public Block? Head;
        public Block? Tail;

        public void Add(Block block)
        {
            Tail?.Append(block);
            Head ??= block;
            Tail = block;
        }

        public void Take(ref Chain other)
        {
            if (other.Head is not null)
            {
                Tail?.Append(other.Head);
                Head ??= other.Head;
                Tail = other.Tail;
                other = default;
            }
        }

        public void Drop()
        {
            Head = Head!.Release();
            Tail = Head is null ? null : Tail;
        }

        public void Release()
        {
            while (Head is not null)
            {
                Head = Head.Release();
            }

            Tail = null;
        }
    }

    private sealed record Cancelling(LoopWriter Writer, short Version, CancellationToken Token);
}
