using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Floods;

/// <summary>
/// Connection middleware that cuts HTTP/2 connections whose frames cost work and ask for nothing: resets (by the client, or
/// provoked from us), SETTINGS, PING, PRIORITY, unknown types, empty DATA, CONTINUATION without end, windows opened by crumbs
/// (CVE-2019-9511 to -9518, CVE-2023-44487, CVE-2024-27316, CVE-2025-8671). It looks at the heads of frames as they pass and
/// copies nothing.
/// </summary>
internal sealed partial class FloodGuard(ILogger<FloodGuard> logger, TimeProvider time)
{
    private static long s_cut;

    /// <summary>How many connections were cut since the process started.</summary>
    public static long Cut => Volatile.Read(ref s_cut);

    /// <summary>Wraps the rest of a listener's connection pipeline; leaves HTTP/1 alone.</summary>
    /// <param name="next">The rest.</param>
    /// <param name="always">The listener speaks only HTTP/2; otherwise ALPN decides.</param>
    public ConnectionDelegate Middleware(ConnectionDelegate next, bool always) =>
        connection =>
            always
            || connection.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol.Span.SequenceEqual("h2"u8)
                == true
                ? GuardAsync(connection, next)
                : next(connection);

    private async Task GuardAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var transport = connection.Transport;
        var budget = new FloodBudget(time);
        connection.Transport = new Duplex(
            new MeteredReader(transport.Input, budget, () => CutOff(connection)),
            new MeteredWriter(transport.Output, budget)
        );
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
        }
    }

    private void CutOff(ConnectionContext connection)
    {
        Interlocked.Increment(ref s_cut);
        LogCut(connection.RemoteEndPoint?.ToString());
        connection.Abort(
            new ConnectionAbortedException("The client floods the connection with frames that ask for nothing.")
        );
    }

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "Cut an HTTP/2 connection from {Remote}: it floods this node with frames that ask for nothing"
    )]
    private partial void LogCut(string? remote);

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }

    /// <summary>What the client sends.</summary>
    private sealed class MeteredReader(PipeReader inner, FloodBudget budget, Action cut) : PipeReader
    {
        private FrameReader _frames = new(FrameReader.PrefaceLength);
        private ReadOnlySequence<byte> _buffer;

        // Bytes at the beginning of the buffer that were looked at when they came.
        private long _seen;

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var pending = inner.ReadAsync(cancellationToken);
            return pending.IsCompletedSuccessfully ? new(Look(pending.Result)) : LookAsync(pending);
        }

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
            {
                return false;
            }

            result = Look(result);
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            _seen -= _buffer.Slice(0, consumed).Length;
            _buffer = default;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private async ValueTask<ReadResult> LookAsync(ValueTask<ReadResult> pending) => Look(await pending);

        private ReadResult Look(ReadResult read)
        {
            _buffer = read.Buffer;
            foreach (var piece in _buffer.Slice(_seen))
            {
                var bytes = piece.Span;
                while (_frames.TryRead(ref bytes, out var frame))
                {
                    Price(frame);
                }
            }

            _seen = _buffer.Length;
            if (!budget.IsSpent)
            {
                return read;
            }

            // Nothing of it is shown to the server: what it would answer is not read anyway.
            inner.AdvanceTo(_buffer.End);
            cut();
            throw new ConnectionAbortedException("The connection was cut because of a flood of frames.");
        }

        private void Price(Frame frame)
        {
            switch (frame.Type)
            {
                case FrameType.Headers:
                    break;
                case FrameType.Data when frame.Length > 0 || frame.EndsStream:
                    budget.EarnBytes(frame.Length);
                    break;
                default:
                    budget.Spend(1);
                    break;
            }
        }
    }

    /// <summary>What the server sends: the answers that earn, and the resets that a client provokes.</summary>
    private sealed class MeteredWriter(PipeWriter inner, FloodBudget budget) : PipeWriter
    {
        private FrameReader _frames = new(0);
        private Memory<byte> _memory;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _memory = inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            Look(_memory.Span[..bytes]);
            _memory = _memory[bytes..];
            inner.Advance(bytes);
        }

        public override ValueTask<FlushResult> WriteAsync(
            ReadOnlyMemory<byte> source,
            CancellationToken cancellationToken = default
        )
        {
            Look(source.Span);
            return inner.WriteAsync(source, cancellationToken);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private void Look(ReadOnlySpan<byte> bytes)
        {
            while (_frames.TryRead(ref bytes, out var frame))
            {
                switch (frame.Type)
                {
                    case FrameType.Data:
                        budget.EarnBytes(frame.Length);
                        break;
                    case FrameType.ResetStream:
                        budget.Spend(1);
                        break;
                }

                if (frame.EndsStream)
                {
                    budget.EarnAnswer();
                }
            }
        }
    }
}
