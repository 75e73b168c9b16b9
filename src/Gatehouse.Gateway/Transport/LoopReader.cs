using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// What a caller sends, received when it is asked for and not before: TCP itself holds the caller back, and a connection that
/// waits for its next request holds no buffer.
/// </summary>
/// <remarks>
/// Two parties: the consumer, on any thread, and the loop. The chain of blocks is the consumer's until it asks for more than
/// there is; then it is the loop's until that read is done (<see cref="IsWaiting"/>). Cancellation comes from a third and
/// only raises a flag and posts.
/// </remarks>
internal sealed class LoopReader(LoopTransport transport) : PipeReader, IValueTaskSource<ReadResult>
{
    private ManualResetValueTaskSourceCore<ReadResult> _read;
    private CancellationTokenRegistration _registration;
    private Block? _head;
    private Block? _tail;
    private int _nextSize = Buffers.Small;
    private bool _examined = true;
    private bool _ended;
    private bool _completed;
    private int _cancelled;
    private volatile bool _waiting;

    /// <summary>Whether a read is pending, so that the loop owns the chain.</summary>
    public bool IsWaiting => _waiting;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        if (TryTake(out var ready))
        {
            return new(ready);
        }

        if (transport.Reason is { } reason)
        {
            return ValueTask.FromException<ReadResult>(reason);
        }

        if (transport.Loop.IsCurrent && transport.CanReceive && transport.HasTurn())
        {
            if (Receive())
            {
                return new(Take(cancelled: false));
            }

            if (transport.Reason is { } lost)
            {
                return ValueTask.FromException<ReadResult>(lost);
            }
        }

        return WaitAsync(cancellationToken);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (TryTake(out result))
        {
            return true;
        }

        if (transport.Reason is { } reason)
        {
            throw reason;
        }

        if (!transport.Loop.IsCurrent || !transport.CanReceive || !Receive())
        {
            return false;
        }

        result = Take(cancelled: false);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_waiting)
        {
            throw new InvalidOperationException("A read is pending.");
        }

        if (_tail is null)
        {
            // An empty read: there is nothing to take, and more is wanted.
            _examined = true;
            return;
        }

        _examined = examined.GetObject() == _tail && examined.GetInteger() >= _tail.End;
        var last = (Block)consumed.GetObject()!;
        while (_head != last)
        {
            _head = _head!.Release();
        }

        _head!.Start = consumed.GetInteger();

        // The end of one block is the beginning of the next.
        while (_head is { Length: 0 })
        {
            _head = _head.Release();
        }

        if (_head is null)
        {
            _tail = null;
            _examined = true;
        }
    }

    public override void CancelPendingRead()
    {
        Volatile.Write(ref _cancelled, 1);
        transport.Loop.Post(static self => ((LoopReader)self).Progress(), this);
    }

    public override void Complete(Exception? exception = null)
    {
        if (_completed)
        {
            return;
        }

        _completed = true;
        if (_waiting)
        {
            // A reader that is completed while it reads: the loop has the chain.
            transport.Loop.Post(static self => ((LoopReader)self).FailAndRelease(), this);
        }
        else
        {
            Release();
        }
    }

    /// <summary>Goes on with a pending read. On the loop.</summary>
    public void Progress()
    {
        if (!_waiting)
        {
            return;
        }

        if (Interlocked.Exchange(ref _cancelled, 0) == 1)
        {
            Finish(Take(cancelled: true));
            return;
        }

        if (Receive())
        {
            Finish(Take(cancelled: false));
        }
    }

    /// <summary>The socket is closed. On the loop.</summary>
    public void Closed()
    {
        if (_waiting)
        {
            Fail(transport.Reason ?? new IOException("The connection is closed."));
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token) => _read.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => _read.OnCompleted(continuation, state, token, flags);

    private ValueTask<ReadResult> WaitAsync(CancellationToken cancellation)
    {
        _read.Reset();
        var version = _read.Version;
        _waiting = true;
        if (cancellation.CanBeCanceled)
        {
            var cancelling = new Cancelling(this, version, cancellation);
            _registration = cancellation.UnsafeRegister(
                static c => ((Cancelling)c!).Reader.CancelSoon((Cancelling)c),
                cancelling
            );
        }

        // On the loop an event will come; but not for what has been there since before, nor for a cancellation in between.
        if (!transport.Loop.IsCurrent || transport.CanReceive || Volatile.Read(ref _cancelled) == 1)
        {
            transport.Loop.Post(static self => ((LoopReader)self).Begin(), this);
        }

        return new(this, version);
    }

    private void Begin()
    {
        if (_waiting && !transport.IsConnected)
        {
            Closed();
        }
        else
        {
            transport.NewTurn();
            Progress();
        }
    }

    private bool TryTake(out ReadResult result)
    {
        if (_waiting)
        {
            throw new InvalidOperationException("A read is pending already.");
        }

        if (_completed)
        {
            throw new InvalidOperationException("The reader is completed.");
        }

        if (Volatile.Read(ref _cancelled) == 1 && Interlocked.Exchange(ref _cancelled, 0) == 1)
        {
            result = Take(cancelled: true);
            return true;
        }

        if (!_examined || _ended)
        {
            result = Take(cancelled: false);
            return true;
        }

        result = default;
        return false;
    }

    private ReadResult Take(bool cancelled)
    {
        var buffer = _head is null
            ? ReadOnlySequence<byte>.Empty
            : new ReadOnlySequence<byte>(_head, _head.Start, _tail!, _tail!.End);
        return new(buffer, cancelled, _ended);
    }

    /// <summary>Receives once; true when that brought bytes or the peer's end. On the loop.</summary>
    private bool Receive()
    {
        var appends = _tail is { Free: >= Buffers.Small / 4 };
        var block = appends ? _tail! : new Block(_nextSize);
        var result = transport.Receive(block.FreeSpan);
        if (result <= 0)
        {
            if (!appends)
            {
                block.Release();
            }

            return Ended(result);
        }

        // The more comes at once, the more is asked for; a connection with small requests keeps to small buffers.
        _nextSize = result == block.Free ? Math.Min(_nextSize * 4, Buffers.Large) : Buffers.Small;
        block.Fill(result);
        if (!appends)
        {
            _tail?.Append(block);
            _head ??= block;
            _tail = block;
        }

        _examined = false;
        transport.LookForEnd();
        return true;
    }

    private bool Ended(int result)
    {
        if (result == -Libc.EAGAIN)
        {
            return false;
        }

        if (result == 0)
        {
            _ended = true;
            transport.TellClosed();
            return true;
        }

        // Which fails a pending read.
        transport.Lose(result);
        return false;
    }

    private void Finish(ReadResult result)
    {
        Unregister();
        _waiting = false;
        _read.SetResult(result);
    }

    private void Fail(Exception reason)
    {
        Unregister();
        _waiting = false;
        _read.SetException(reason);
    }

    private void FailAndRelease()
    {
        if (_waiting)
        {
            Fail(new InvalidOperationException("The reader was completed while it read."));
        }

        Release();
    }

    // Not Dispose: that would wait for a callback which waits for nothing but may be slow.
    private void Unregister()
    {
        _registration.Unregister();
        _registration = default;
    }

    private void Release()
    {
        while (_head is not null)
        {
            _head = _head.Release();
        }

        _tail = null;
    }

    private void CancelSoon(Cancelling cancelling) =>
        transport.Loop.Post(static c => ((Cancelling)c).Reader.Cancel((Cancelling)c), cancelling);

    private void Cancel(Cancelling cancelling)
    {
        if (_waiting && _read.Version == cancelling.Version)
        {
            Fail(new OperationCanceledException(cancelling.Token));
        }
    }

    /// <summary>A token that belongs to one read; a later read has another version.</summary>
    private sealed record Cancelling(LoopReader Reader, short Version, CancellationToken Token);
}
