using System.IO.Pipelines;

namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// The transport's writer as Kestrel sees it. It passes everything on, and when asked to, looks whether the next
/// response is a 101: from the wire, so that no pipeline has to remember to say so.
/// </summary>
internal sealed class GuardedWriter(PipeWriter inner) : PipeWriter
{
    private static ReadOnlySpan<byte> Interim => "HTTP/1.1 100"u8;
    private static ReadOnlySpan<byte> Switching => "HTTP/1.1 101"u8;

    private readonly byte[] _beginning = new byte[Switching.Length];
    private Memory<byte> _memory;
    private int _seen;
    private int _lineFeeds;
    private bool _watching;

    /// <summary>Whether the response watched for was a 101.</summary>
    public bool HasSwitchedProtocols { get; private set; }

    /// <summary>Keeps the output open for the guard's answer when Kestrel is done with it.</summary>
    public bool KeepOpen { get; set; }

    /// <summary>Looks at the response that is written next.</summary>
    public void Watch()
    {
        _watching = true;
        _seen = 0;
    }

    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        var memory = inner.GetMemory(sizeHint);
        if (_watching)
        {
            _memory = memory;
        }

        return memory;
    }

    public override Span<byte> GetSpan(int sizeHint = 0) =>
        _watching ? GetMemory(sizeHint).Span : inner.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        if (_watching && bytes > 0)
        {
            Look(_memory.Span[..bytes]);
            _memory = default;
        }

        inner.Advance(bytes);
    }

    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken = default
    )
    {
        if (_watching)
        {
            Look(source.Span);
        }

        return inner.WriteAsync(source, cancellationToken);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        inner.FlushAsync(cancellationToken);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        if (!KeepOpen)
        {
            inner.Complete(exception);
        }
    }

    public override ValueTask CompleteAsync(Exception? exception = null) =>
        KeepOpen ? default : inner.CompleteAsync(exception);

    private void Look(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (_seen < _beginning.Length)
            {
                _beginning[_seen++] = b;
                _lineFeeds = 0;
                continue;
            }

            if (!_beginning.AsSpan().SequenceEqual(Interim))
            {
                break;
            }

            // An interim response has no fields: two line feeds with a CR between end it.
            _lineFeeds =
                b == '\n' ? _lineFeeds + 1
                : b == '\r' ? _lineFeeds
                : 0;
            if (_lineFeeds == 2)
            {
                _seen = 0;
            }
        }

        if (_seen == _beginning.Length && !_beginning.AsSpan().SequenceEqual(Interim))
        {
            HasSwitchedProtocols = _beginning.AsSpan().SequenceEqual(Switching);
            _watching = false;
        }
    }
}
