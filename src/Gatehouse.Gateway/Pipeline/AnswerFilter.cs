using System.Buffers;
using System.IO.Pipelines;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>
/// A policy's hand on an answer's body: it is given every piece, in order, and then the end, and passes on what it likes.
/// One per answer. The writer that upstreams see is <see cref="Input"/>.
/// </summary>
internal abstract class AnswerFilter
{
    private PipeWriter _next = null!;

    protected AnswerFilter() => Input = new FilterInput(this);

    /// <summary>What whoever answers writes to.</summary>
    public PipeWriter Input { get; }

    /// <summary>Bytes passed on so far.</summary>
    public long Passed { get; private set; }

    /// <summary>The exchange whose answer this is.</summary>
    protected Exchange Exchange { get; private set; } = null!;

    public void Join(Exchange exchange, PipeWriter next)
    {
        Exchange = exchange;
        _next = next;
    }

    /// <summary>Takes one piece. False when no more is wanted: whoever answers stops.</summary>
    public abstract ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation);

    /// <summary>The answer is complete. A problem takes its place as long as nothing was passed on.</summary>
    public virtual ValueTask<GatewayProblem?> CompleteAsync(CancellationToken cancellation) =>
        new((GatewayProblem?)null);

    /// <summary>The end of it, complete or not: gives back what is held.</summary>
    public virtual void Release() { }

    /// <summary>Lets what is held here go on before the end: an answer that trickles must not stop.</summary>
    public virtual ValueTask<bool> FlushAsync(CancellationToken cancellation) => new(true);

    /// <summary>Passes bytes on to the next filter or the caller. False when the caller has gone.</summary>
    protected async ValueTask<bool> PassAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        Passed += bytes.Length;
        return !(await _next.WriteAsync(bytes, cancellation).ConfigureAwait(false)).IsCompleted;
    }

    /// <summary>A writer's face for a filter: what is written is handed over when it is flushed.</summary>
    private sealed class FilterInput(AnswerFilter filter) : PipeWriter
    {
        private readonly ArrayBufferWriter<byte> _held = new();

        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => _held.WrittenCount;

        public override void Advance(int bytes) => _held.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => _held.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _held.GetSpan(sizeHint);

        public override void CancelPendingFlush() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null) { }

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            if (_held.WrittenCount == 0)
            {
                return new(false, isCompleted: !await filter.FlushAsync(cancellationToken).ConfigureAwait(false));
            }

            var goesOn = await filter.WriteAsync(_held.WrittenMemory, cancellationToken).ConfigureAwait(false);
            _held.ResetWrittenCount();
            return new(false, isCompleted: !goesOn);
        }

        public override async ValueTask<FlushResult> WriteAsync(
            ReadOnlyMemory<byte> source,
            CancellationToken cancellationToken = default
        )
        {
            if (_held.WrittenCount > 0)
            {
                await FlushAsync(cancellationToken).ConfigureAwait(false);
            }

            var goesOn = await filter.WriteAsync(source, cancellationToken).ConfigureAwait(false);
            return new(false, isCompleted: !goesOn);
        }
    }
}
