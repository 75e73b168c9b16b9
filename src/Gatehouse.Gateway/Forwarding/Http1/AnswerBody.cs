using System.Buffers;
using System.IO.Pipelines;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// The body of an answer on its way to the caller, piece by piece as it arrives: the next piece is received when the caller
/// has taken the last, so a slow caller slows its backend.
/// </summary>
internal sealed class AnswerBody(
    Exchange exchange,
    BackendConnection connection,
    BodySender? request,
    TimeSpan silence,
    TimeSpan callerSilence,
    Func<Exchange, bool> stillAdmitted
)
{
    private const int FirstPiece = 4 * 1024;
    private const int LargestPiece = 64 * 1024;

    private readonly PipeWriter _writer = exchange.AnswerBody;

    public ValueTask<ForwardingOutcome> CopyAsync() =>
        connection.Head.Framing == AnswerFraming.Chunked
            ? CopyChunksAsync()
            : CopyBytesAsync(
                connection.Head.Length ?? long.MaxValue,
                connection.Head.Framing == AnswerFraming.UntilClose
            );

    private async ValueTask<ForwardingOutcome> CopyBytesAsync(long remaining, bool untilClose)
    {
        var first = (int)Math.Min(connection.Buffered.Length, remaining);
        _writer.Append(connection.Buffered[..first]);
        connection.Consume(first);
        exchange.BytesOut += first;
        remaining -= first;
        if (first > 0 && remaining > 0 && await DeliverAsync().ConfigureAwait(false) is { } failed)
        {
            return failed;
        }

        for (var piece = untilClose ? FirstPiece : LargestPiece; remaining > 0; piece = NextPiece(piece, remaining))
        {
            // Never past the end: what follows it is not this answer's.
            var room = _writer.GetMemory((int)Math.Min(piece, remaining));
            var received = await connection
                .ReceiveAsync(room.Length > remaining ? room[..(int)remaining] : room)
                .ConfigureAwait(false);
            if (received == 0)
            {
                return untilClose ? ForwardingOutcome.Completed : ForwardingOutcome.ConnectionClosed;
            }

            _writer.Advance(received);
            exchange.BytesOut += received;
            remaining -= received;
            if (
                (remaining > 0 || exchange.Response.HasStarted)
                && await DeliverAsync().ConfigureAwait(false) is { } refused
            )
            {
                return refused;
            }
        }

        return ForwardingOutcome.Completed;
    }

    private async ValueTask<ForwardingOutcome> CopyChunksAsync()
    {
        var chunks = new ChunkReader();
        while (true)
        {
            if (!chunks.TryRead(connection.Buffered, out var consumed, _writer, out var written))
            {
                return ForwardingOutcome.ProtocolViolation;
            }

            connection.Consume(consumed);
            exchange.BytesOut += written;
            // What came with the end of the body waits for it; a stream of events that has none yet still has a head that its
            // reader waits for.
            var started = exchange.Response.HasStarted;
            var deliver =
                written > 0 ? started || !chunks.AtTrailers : !started && !chunks.AtTrailers && !connection.HasInput;
            if (deliver && await DeliverAsync().ConfigureAwait(false) is { } failed)
            {
                return failed;
            }

            if (chunks.AtTrailers)
            {
                return await TakeTrailersAsync().ConfigureAwait(false);
            }

            if (await connection.ReceiveMoreAsync().ConfigureAwait(false) == 0)
            {
                return ForwardingOutcome.ConnectionClosed;
            }
        }
    }

    private async ValueTask<ForwardingOutcome> TakeTrailersAsync()
    {
        var line = 0;
        int length;
        HeadEnd end;
        while ((end = AnswerHead.Find(connection.Buffered, ref line, out length)) == HeadEnd.NotYet)
        {
            if (await connection.ReceiveMoreAsync().ConfigureAwait(false) == 0)
            {
                return ForwardingOutcome.ConnectionClosed;
            }
        }

        if (end != HeadEnd.Here || !connection.Head.TryReadTrailers(connection.Buffered[..length]))
        {
            return ForwardingOutcome.ProtocolViolation;
        }

        ResponseHead.CopyTrailers(exchange, connection.Head, connection.Buffered[..length]);
        connection.Consume(length);
        return ForwardingOutcome.Completed;
    }

    /// <summary>Sends on what was written. Null when all is well.</summary>
    private async ValueTask<ForwardingOutcome?> DeliverAsync()
    {
        if (!stillAdmitted(exchange))
        {
            exchange.Lifetime.Abort();
            return ForwardingOutcome.Withdrawn;
        }

        var deadline = exchange.Deadline;
        var flushing = _writer.FlushAsync(deadline.Token);
        if (!flushing.IsCompleted)
        {
            deadline.WaitForCaller(callerSilence);
        }

        if ((await flushing.ConfigureAwait(false)).IsCompleted)
        {
            return ForwardingOutcome.CallerGone;
        }

        // While the caller still sends, it may be the caller's next piece that the backend waits for.
        if (request is { WaitsForCaller: true })
        {
            deadline.WaitForCaller(callerSilence);
        }
        else
        {
            deadline.WaitForTarget(silence);
        }

        return null;
    }

    // Larger pieces for larger bodies: no caller with a small answer holds a large buffer. How large a body without a length
    // is, shows as it comes.
    private static int NextPiece(int piece, long remaining) =>
        (int)Math.Clamp(Math.Min(remaining, piece * 4L), FirstPiece, LargestPiece);
}
