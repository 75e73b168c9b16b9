using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;

namespace Gatehouse.Gateway.Lane;

/// <summary>
/// An answer on its way out: its head, as the first byte of the body or the end makes it final, and the body in the framing
/// that the head announces (RFC 9112 §6). Bytes are written where they are sent from; only those of the first piece, whose
/// head may still become another, wait aside.
/// </summary>
internal sealed class LaneAnswer(LaneConnection connection) : PipeWriter, IHttpResponseFeature, IHttpResponseBodyFeature
{
    private const int LongestDigits = 5;
    private const long UnknownLength = -1;

    private readonly HeaderList _headers = new(checks: true);
    private PipeWriter _output = null!;
    private byte[] _aside = [];
    private Memory<byte> _chunk;
    private int _chunkHead;
    private long _left;
    private bool _headWritten;
    private bool _isChunked;
    private bool _hasNoBody;
    private bool _closes;

    public int StatusCode { get; set; }

    public string? ReasonPhrase { get; set; }

    public IHeaderDictionary Headers
    {
        get => _headers;
        set => throw new NotSupportedException("The headers of an answer are changed, not replaced.");
    }

    /// <summary>True when some of it is on the wire, so that it cannot become another answer.</summary>
    public bool HasStarted { get; private set; }

    public Stream Body
    {
        get => Stream;
        set => throw new NotSupportedException("The body of an answer is written, not replaced.");
    }

    public Stream Stream => field ??= AsStream(leaveOpen: true);

    public PipeWriter Writer => this;

    public override bool CanGetUnflushedBytes => _output.CanGetUnflushedBytes;

    public override long UnflushedBytes => _output.UnflushedBytes;

    /// <summary>Begins with a request.</summary>
    public void Begin(PipeWriter output)
    {
        _output = output;
        StatusCode = StatusCodes.Status200OK;
        ReasonPhrase = null;
        _headers.IsReadOnly = false;
        _headers.Clear();
        HasStarted = _headWritten = _isChunked = _hasNoBody = _closes = false;
        _left = UnknownLength;
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (!_headWritten || _hasNoBody)
        {
            return Aside(sizeHint);
        }

        if (!_isChunked)
        {
            return _output.GetMemory(sizeHint);
        }

        // Room for the length before and the line end behind.
        var digits = sizeHint > 0xFFFF ? LongestDigits : LongestDigits - 1;
        _chunkHead = digits + 2;
        _chunk = _output.GetMemory(Math.Max(sizeHint, 1) + _chunkHead + 2);
        return _chunk.Slice(_chunkHead, Math.Min(_chunk.Length - _chunkHead - 2, (1 << (4 * digits)) - 1));
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        if (!_headWritten || _hasNoBody)
        {
            Append(_aside.AsSpan(0, bytes));
        }
        else if (_isChunked)
        {
            EndChunk(bytes);
        }
        else
        {
            Take(bytes);
            _output.Advance(bytes);
        }
    }

    /// <summary>Writes a piece of the body that is at hand as a whole.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        if (!_headWritten)
        {
            WriteHead(isWhole: false);
        }

        if (_hasNoBody)
        {
            return;
        }

        if (!_isChunked)
        {
            Take(bytes.Length);
            _output.Write(bytes);
            return;
        }

        while (!bytes.IsEmpty)
        {
            var piece = bytes[..Math.Min(bytes.Length, 0xFFFF)];
            piece.CopyTo(GetSpan(piece.Length));
            EndChunk(piece.Length);
            bytes = bytes[piece.Length..];
        }
    }

    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken = default
    )
    {
        Append(source.Span);
        return FlushAsync(cancellationToken);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (!_headWritten)
        {
            WriteHead(isWhole: false);
        }

        HasStarted = true;
        return _output.FlushAsync(cancellationToken);
    }

    public override void CancelPendingFlush() => _output.CancelPendingFlush();

    // It ends with its request.
    public override void Complete(Exception? exception = null) { }

    /// <summary>The request is done. Sends what is left; false when the connection serves no other.</summary>
    public ValueTask<bool> EndAsync()
    {
        Release();
        if (connection.IsAborted)
        {
            return new(false);
        }

        if (!_headWritten)
        {
            WriteHead(isWhole: true);
        }
        else if (_isChunked)
        {
            _output.Write("0\r\n\r\n"u8);
        }

        if (_left > 0 && !_hasNoBody)
        {
            // Half an answer must never look like a whole one.
            connection.Abort();
            return new(false);
        }

        var flushing = _output.FlushAsync();
        return flushing.IsCompletedSuccessfully
            ? new(!flushing.Result.IsCompleted && !_closes)
            : WaitAsync(flushing, !_closes);
    }

    public void DisableBuffering() { }

    public Task StartAsync(CancellationToken cancellationToken = default) => FlushAsync(cancellationToken).AsTask();

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

    public Task CompleteAsync() => FlushAsync().AsTask();

    void IHttpResponseFeature.OnStarting(Func<object, Task> callback, object state) =>
        throw new NotSupportedException("Nothing in a data plane asks to be called before an answer starts.");

    void IHttpResponseFeature.OnCompleted(Func<object, Task> callback, object state) =>
        throw new NotSupportedException("Nothing in a data plane asks to be called after an answer.");

    private static async ValueTask<bool> WaitAsync(ValueTask<FlushResult> flushing, bool keeps) =>
        !(await flushing.ConfigureAwait(false)).IsCompleted && keeps;

    private Memory<byte> Aside(int sizeHint)
    {
        if (_aside.Length < Math.Max(sizeHint, 1))
        {
            Release();
            _aside = Buffers.Rent(Math.Max(sizeHint, Buffers.Small));
        }

        return _aside;
    }

    private void Release()
    {
        if (_aside.Length > 0)
        {
            Buffers.Return(_aside);
            _aside = [];
        }
    }

    private void Take(int bytes)
    {
        if (bytes > _left)
        {
            throw new InvalidOperationException("The body of the answer is longer than its Content-Length.");
        }

        _left -= bytes;
    }

    private void EndChunk(int bytes)
    {
        var room = _chunk.Span;
        Span<byte> digits = stackalloc byte[8];
        Utf8Formatter.TryFormat(bytes, digits, out var count, 'x');

        // A shorter length moves the piece up to it: no more than some hundred bytes of a small piece, or one step.
        var data = count + 2;
        if (data != _chunkHead)
        {
            room.Slice(_chunkHead, bytes).CopyTo(room[data..]);
        }

        digits[..count].CopyTo(room);
        "\r\n"u8.CopyTo(room[count..]);
        "\r\n"u8.CopyTo(room[(data + bytes)..]);
        _chunk = default;
        _output.Advance(data + bytes + 2);
    }

    /// <param name="isWhole">True when nothing of a body follows.</param>
    private void WriteHead(bool isWhole)
    {
        var status = StatusCode;
        _hasNoBody = connection.IsHead || status is < 200 or 204 or 205 or 304;
        var length = _headers.ContentLength;
        if (length is null && (status == 205 || isWhole && !_hasNoBody))
        {
            length = 0;
        }

        _isChunked = length is null && !_hasNoBody;
        _left = length ?? UnknownLength;
        var date = DateLine.Now;
        var size = (ReasonPhrase?.Length ?? 64) + date.Length + 128;
        var saysDate = false;
        foreach (ref readonly var entry in _headers.Entries)
        {
            foreach (var value in entry.Value)
            {
                size += entry.Name.Length + (value?.Length ?? 0) + 4;
            }
        }

        var line = new HeadLine(_output.GetSpan(size));
        line.Status(status, ReasonPhrase ?? ReasonPhrases.GetReasonPhrase(status));
        _closes = connection.IsStopping;
        var saysConnection = false;
        foreach (ref readonly var entry in _headers.Entries)
        {
            // How a body is framed is said below.
            if (Is(entry.Name, "Transfer-Encoding"))
            {
                continue;
            }

            saysDate |= Is(entry.Name, "Date");
            saysConnection |= Is(entry.Name, "Connection");
            foreach (var value in entry.Value)
            {
                line.Field(entry.Name, value);
            }
        }

        if (length is { } known && status is not (< 200 or 204))
        {
            line.Length(known);
        }
        else if (_isChunked)
        {
            line.Bytes("Transfer-Encoding: chunked\r\n"u8);
        }

        if (saysConnection)
        {
            _closes = true;
        }
        else if (_closes)
        {
            line.Bytes("Connection: close\r\n"u8);
        }

        if (!saysDate)
        {
            line.Bytes(date);
        }

        line.Bytes("\r\n"u8);
        _output.Advance(line.Written);
        _headers.IsReadOnly = true;
        _headWritten = true;
    }

    private static bool Is(string name, string other) =>
        name.Length == other.Length && name.Equals(other, StringComparison.OrdinalIgnoreCase);

    /// <summary>Writes lines into room that is known to be enough.</summary>
    private ref struct HeadLine(Span<byte> room)
    {
        private Span<byte> _rest = room;

        public int Written { get; private set; }

        public void Status(int status, string reason)
        {
            Bytes("HTTP/1.1 "u8);
            status.TryFormat(_rest, out var digits, provider: CultureInfo.InvariantCulture);
            Skip(digits);
            Bytes(" "u8);
            Text(reason);
            Bytes("\r\n"u8);
        }

        public void Field(string name, string? value)
        {
            Text(name);
            Bytes(": "u8);
            Text(value);
            Bytes("\r\n"u8);
        }

        public void Length(long length)
        {
            Bytes("Content-Length: "u8);
            Utf8Formatter.TryFormat(length, _rest, out var digits);
            Skip(digits);
            Bytes("\r\n"u8);
        }

        public void Bytes(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_rest);
            Skip(bytes.Length);
        }

        // Nearly all of it is ASCII, which is told and written in one pass.
        private void Text(ReadOnlySpan<char> text)
        {
            if (Ascii.FromUtf16(text, _rest, out var written) != OperationStatus.Done)
            {
                written = Encoding.Latin1.GetBytes(text, _rest);
            }

            Skip(written);
        }

        private void Skip(int count)
        {
            _rest = _rest[count..];
            Written += count;
        }
    }
}
