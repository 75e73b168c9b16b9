using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Gatehouse.Gateway.Transport;

/// <summary>A caller's connection as two pipe ends that receive and send on the socket themselves, with nothing between.</summary>
internal sealed class LoopTransport : LoopSocket, IDuplexPipe
{
    private readonly LoopReader _input;
    private readonly LoopWriter _output;
    private readonly Action _closed;
    private TaskCompletionSource? _done;
    private Exception? _reason;
    private bool _closing;
    private bool _toldClosed;

    /// <param name="loop">Its loop for life.</param>
    /// <param name="fd">The socket, owned from now on.</param>
    /// <param name="closed">Told once, on the loop, when the peer has ended or the connection is lost.</param>
    public LoopTransport(Loop loop, int fd, Action closed)
        : base(loop, fd)
    {
        _closed = closed;
        _input = new(this);
        _output = new(this);
    }

    public PipeReader Input => _input;

    public PipeWriter Output => _output;

    /// <summary>Why it ended before its time; null while it has not.</summary>
    public Exception? Reason => Volatile.Read(ref _reason);

    /// <summary>Resets the connection: reads fail with the reason, flushes say that nobody reads. From any thread.</summary>
    public void Abort(Exception reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, null) is null)
        {
            Loop.Post(static self => ((LoopTransport)self).End(reset: true), this);
        }
    }

    /// <summary>Sends what was written, then closes. After both ends were completed.</summary>
    public Task FinishAsync()
    {
        Interlocked.CompareExchange(ref _done, new(TaskCreationOptions.RunContinuationsAsynchronously), null);
        Loop.Post(static self => ((LoopTransport)self).BeginClose(), this);
        return _done.Task;
    }

    public override void Abandon(Exception reason)
    {
        Interlocked.CompareExchange(ref _reason, reason, null);
        End(reset: true);
    }

    /// <summary>The peer has ended, or the socket has failed; from the reader and the writer, on the loop.</summary>
    internal void Lose(int negatedErrno)
    {
        Interlocked.CompareExchange(ref _reason, Lost(negatedErrno), null);
        End(reset: true);
    }

    internal void TellClosed()
    {
        if (!_toldClosed)
        {
            _toldClosed = true;
            _closed();
        }
    }

    internal bool IsConnected => IsOpen;

    internal bool CanReceive => MayReceive;

    internal bool HasTurn() => TakeTurn();

    internal new void NewTurn() => base.NewTurn();

    internal int Receive(Span<byte> buffer) => TryReceive(buffer);

    internal int Send(ReadOnlySpan<byte> data, bool more) => TrySend(data, more);

    /// <summary>After a request was received to its last byte: whether the peer has hung up behind it.</summary>
    internal void LookForEnd()
    {
        if (IsAtEnd())
        {
            TellClosed();
        }
    }

    /// <summary>The writer has sent everything.</summary>
    internal void Sent()
    {
        if (_closing && !_output.IsSending)
        {
            End(reset: false);
        }
    }

    protected override void OnReadable()
    {
        if (_input.IsWaiting)
        {
            _input.Progress();
        }
        else
        {
            LookForEnd();
        }
    }

    protected override void OnWritable() => _output.Progress();

    private void BeginClose()
    {
        _closing = true;
        if (!_output.IsSending)
        {
            End(reset: false);
        }
    }

    private void End(bool reset)
    {
        Close(reset);
        TellClosed();
        _output.Closed();
        _input.Closed();
        if (_closing)
        {
            _done!.TrySetResult();
        }
    }
}
