using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// The transport's reader as Kestrel sees it: the same buffers, cut off before the first byte that is refused.
/// </summary>
/// <remarks>
/// Bytes are scanned once, when they are first seen, and not copied. Kestrel reads the head of a request only after the
/// response to the one before it was written. So when it has examined all that was accepted and asks for more, a
/// refusal in a head can be answered here, and a refusal in a body belongs to the request that is being processed.
/// </remarks>
internal sealed class GuardedReader(
    PipeReader inner,
    GuardedWriter output,
    RequestScanner scanner,
    Func<Violation, ValueTask> answer
) : PipeReader
{
    private ReadOnlySequence<byte> _buffer;

    // Positions on the connection: where the buffer starts, what was scanned and accepted, what Kestrel examined.
    private long _start;
    private long _accepted;
    private long _examined;
    private bool _passThrough;

    /// <summary>Whether bytes were refused and Kestrel was told so.</summary>
    public bool HasRefused { get; private set; }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_passThrough)
        {
            return inner.ReadAsync(cancellationToken);
        }

        if (HasRefused)
        {
            throw new ConnectionResetException("The connection is closing after a refused request.");
        }

        var pending = inner.ReadAsync(cancellationToken);
        if (!pending.IsCompletedSuccessfully)
        {
            return ExposeAsync(pending);
        }

        var read = pending.Result;
        return TryExpose(read, out var exposed) ? new(exposed) : RefuseAsync(read);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (_passThrough)
        {
            return inner.TryRead(out result);
        }

        result = default;
        if (HasRefused || !inner.TryRead(out var read))
        {
            return false;
        }

        if (TryExpose(read, out result))
        {
            return true;
        }

        // Left for ReadAsync, which can answer.
        inner.AdvanceTo(read.Buffer.Start);
        return false;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (!_passThrough)
        {
            var origin = _buffer.GetOffset(_buffer.Start);
            _examined = Math.Max(_examined, _start + _buffer.GetOffset(examined) - origin);
            _start += _buffer.GetOffset(consumed) - origin;
            _buffer = default;

            if (scanner.IsAwaitingResponse && _start == _accepted)
            {
                // Kestrel has taken the head that asks for an upgrade: what is written next is the response to it.
                output.Watch();
            }
        }

        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        // After a refusal the rest of the input is still to be drained.
        if (!HasRefused)
        {
            inner.Complete(exception);
        }
    }

    public override ValueTask CompleteAsync(Exception? exception = null) =>
        HasRefused ? default : inner.CompleteAsync(exception);

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<ReadResult> ExposeAsync(ValueTask<ReadResult> pending)
    {
        var read = await pending.ConfigureAwait(false);
        return TryExpose(read, out var exposed) ? exposed : await RefuseAsync(read).ConfigureAwait(false);
    }

    private async ValueTask<ReadResult> RefuseAsync(ReadResult read)
    {
        inner.AdvanceTo(read.Buffer.End);
        HasRefused = true;
        await answer(scanner.Violation).ConfigureAwait(false);
        if (scanner.RefusedInBody)
        {
            // Whoever reads the body gets this, and answers if no response has begun.
            throw new BadHttpRequestException(
                ViolationText.Explain(scanner.Violation),
                ViolationText.Status(scanner.Violation).Status
            );
        }

        throw new ConnectionResetException("The request was refused and answered.");
    }

    /// <summary>Scans what is new; false when all that was accepted has been examined and the rest is refused.</summary>
    private bool TryExpose(ReadResult read, out ReadResult exposed)
    {
        _buffer = read.Buffer;
        if (scanner.IsAwaitingResponse && _examined >= _accepted && _buffer.Length > _accepted - _start)
        {
            scanner.Resume(output.HasSwitchedProtocols);
        }

        var end = _start + _buffer.Length;
        if (_accepted < end)
        {
            Scan(_buffer.Slice(_accepted - _start));
        }

        if (_accepted == end)
        {
            _passThrough = scanner.IsNotHttp1;
            exposed = read;
            return true;
        }

        exposed = new ReadResult(_buffer.Slice(0, _accepted - _start), read.IsCanceled, isCompleted: false);
        return read.IsCanceled || _accepted > _examined;
    }

    private void Scan(in ReadOnlySequence<byte> fresh)
    {
        foreach (var piece in fresh)
        {
            var count = scanner.Read(piece.Span);
            _accepted += count;
            if (count < piece.Length)
            {
                return;
            }
        }
    }
}
