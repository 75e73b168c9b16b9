namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// Follows the bytes of an HTTP/1 connection, in fragments of any size, and stops at the first that two parsers could
/// read differently. The verdict does not depend on how the bytes are cut.
/// </summary>
/// <param name="limits">How long lines may be.</param>
/// <param name="fromFirstByte">False when the connection has served requests before: then no HTTP/2 begins any more.</param>
internal sealed class RequestScanner(StrictnessLimits limits, bool fromFirstByte = true) : IDisposable
{
    private readonly LineReader _lines = new();
    private readonly MessageHead _head = new();
    private State _state = fromFirstByte ? State.FirstRequestLine : State.RequestLine;
    private int _fieldBytes;
    private int _fieldCount;
    private int _chunkLine;
    private long _remaining;

    // The order matters: from Body to Trailer, the request was passed on already.
    private enum State
    {
        FirstRequestLine,
        RequestLineAfterEmptyLine,
        RequestLine,
        Field,
        Body,
        ChunkSize,
        ChunkExtension,
        ChunkSizeLf,
        ChunkData,
        ChunkDataCr,
        ChunkDataLf,
        Trailer,
        Preface,
        AwaitingResponse,
        NotHttp1,
        Refused,
    }

    /// <summary>What the heads that have ended said in <c>Connection</c>.</summary>
    public ConnectionNotes Notes { get; } = new();

    /// <summary>What the bytes were refused for.</summary>
    public Violation Violation { get; private set; }

    /// <summary>Whether the refused bytes belong to the body of a request that was passed on already.</summary>
    public bool RefusedInBody { get; private set; }

    /// <summary>Whether what follows depends on the response to the request that just ended: a 101 or another.</summary>
    public bool IsAwaitingResponse => _state == State.AwaitingResponse;

    /// <summary>Whether the rest of the connection is HTTP/2 or an upgraded protocol, which nobody here reads.</summary>
    public bool IsNotHttp1 => _state == State.NotHttp1;

    /// <summary>Tells what the response was that <see cref="IsAwaitingResponse"/> waited for.</summary>
    public void Resume(bool switched) => _state = switched ? State.NotHttp1 : State.RequestLine;

    /// <summary>
    /// Reads on. Returns how many bytes may be passed on; fewer than given when they are refused or when the response
    /// has to be awaited.
    /// </summary>
    public int Read(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length)
        {
            switch (_state)
            {
                case State.Body:
                    at += Skip(bytes.Length - at, State.RequestLine);
                    break;
                case State.ChunkData:
                    at += Skip(bytes.Length - at, State.ChunkDataCr);
                    break;
                case State.NotHttp1:
                    return bytes.Length;
                case State.AwaitingResponse or State.Refused:
                    return at;
                case State.ChunkExtension:
                    at += ReadExtension(bytes[at..]);
                    break;
                case State.ChunkSize or State.ChunkSizeLf or State.ChunkDataCr or State.ChunkDataLf:
                    at += ReadChunkByte(bytes[at]);
                    break;
                default:
                    at += ReadLine(bytes[at..]);
                    break;
            }
        }

        return at;
    }

    /// <summary>Gives pooled memory back.</summary>
    public void Dispose() => _lines.Dispose();

    private int Skip(int available, State then)
    {
        var count = (int)Math.Min(_remaining, available);
        _remaining -= count;
        if (_remaining == 0)
        {
            _state = then;
        }

        return count;
    }

    private int ReadLine(ReadOnlySpan<byte> bytes)
    {
        var isField = _state is State.Field or State.Trailer;
        var limit = isField ? Math.Max(0, limits.Fields - _fieldBytes - 2) : limits.RequestLine;
        var tooLong = isField ? Violation.FieldsTooLong : Violation.RequestLineTooLong;
        var outcome = _lines.Take(bytes, limit, tooLong, out var line, out var used, out var violation);
        if (outcome == LineReader.Outcome.Line)
        {
            violation = _state switch
            {
                State.Field => ReadField(line),
                State.Trailer => ReadTrailer(line),
                State.Preface => ReadPreface(line),
                _ => ReadRequestLine(line),
            };
        }

        return violation == Violation.None ? used : Refuse(violation);
    }

    private Violation ReadRequestLine(ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty && _state != State.RequestLineAfterEmptyLine)
        {
            // RFC 9112 §2.2 asks to ignore one empty line here: some clients end a body with it.
            _state = State.RequestLineAfterEmptyLine;
            return Violation.None;
        }

        if (_state == State.FirstRequestLine && line.SequenceEqual("PRI * HTTP/2.0"u8))
        {
            _state = State.Preface;
            _fieldCount = 0;
            return Violation.None;
        }

        _state = State.Field;
        _fieldBytes = _fieldCount = 0;
        return _head.Begin(line);
    }

    private Violation ReadPreface(ReadOnlySpan<byte> line)
    {
        // PRI * HTTP/2.0 CRLF CRLF SM CRLF CRLF (RFC 9113 §3.4)
        var expected = _fieldCount++ == 1 ? "SM"u8 : default;
        if (!line.SequenceEqual(expected))
        {
            return Violation.Preface;
        }

        if (_fieldCount == 3)
        {
            _state = State.NotHttp1;
        }

        return Violation.None;
    }

    private Violation ReadField(ReadOnlySpan<byte> line)
    {
        if (!line.IsEmpty)
        {
            var violation = CountField(line);
            return violation == Violation.None ? _head.Add(line) : violation;
        }

        if (_head.End() is var wrong and not Violation.None)
        {
            return wrong;
        }

        Notes.EndHead(_head.Connection);
        _remaining = _head.Length;
        _state =
            _head.IsChunked ? BeginChunk()
            : _remaining > 0 ? State.Body
            : _head.MayUpgrade ? State.AwaitingResponse
            : State.RequestLine;
        return Violation.None;
    }

    private Violation ReadTrailer(ReadOnlySpan<byte> line)
    {
        if (!line.IsEmpty)
        {
            var violation = CountField(line);
            return violation == Violation.None ? MessageHead.JudgeTrailer(line) : violation;
        }

        _state = State.RequestLine;
        return Violation.None;
    }

    private Violation CountField(ReadOnlySpan<byte> line)
    {
        _fieldBytes += line.Length + 2;
        return ++_fieldCount > limits.FieldCount ? Violation.TooManyFields : Violation.None;
    }

    private State BeginChunk()
    {
        _remaining = 0;
        _chunkLine = 0;
        return State.ChunkSize;
    }

    private int ReadChunkByte(byte b)
    {
        switch (_state)
        {
            case State.ChunkSize:
                return ReadChunkSize(b);
            case State.ChunkSizeLf when b == '\n':
                _state = _remaining == 0 ? State.Trailer : State.ChunkData;
                return 1;
            case State.ChunkDataCr when b == '\r':
                _state = State.ChunkDataLf;
                return 1;
            case State.ChunkDataLf when b == '\n':
                _state = BeginChunk();
                return 1;
            case State.ChunkDataCr when b != '\n':
                return Refuse(Violation.ChunkEnd);
            default:
                return Refuse(Violation.LineEnd);
        }
    }

    private int ReadChunkSize(byte b)
    {
        if (char.IsAsciiHexDigit((char)b))
        {
            // Kestrel counts a chunk in 31 bits.
            if (_remaining > int.MaxValue >> 4)
            {
                return Refuse(Violation.ChunkSize);
            }

            _remaining = (_remaining << 4) | (uint)(b <= '9' ? b - '0' : (b | 0x20) - 'a' + 10);
            return ++_chunkLine > limits.ChunkLine ? Refuse(Violation.ChunkLineTooLong) : 1;
        }

        if (_chunkLine == 0 || b is not ((byte)'\r' or (byte)';'))
        {
            return Refuse(b == '\n' ? Violation.LineEnd : Violation.ChunkSize);
        }

        _state = b == ';' ? State.ChunkExtension : State.ChunkSizeLf;
        return 1;
    }

    private int ReadExtension(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOfAny(LineReader.Controls);
        var length = end < 0 ? bytes.Length : end;
        if (_chunkLine + length > limits.ChunkLine)
        {
            return Refuse(Violation.ChunkLineTooLong);
        }

        _chunkLine += length;
        if (end < 0)
        {
            return length;
        }

        if (bytes[end] != '\r')
        {
            return Refuse(bytes[end] == '\n' ? Violation.LineEnd : Violation.ControlCharacter);
        }

        _state = State.ChunkSizeLf;
        return end + 1;
    }

    private int Refuse(Violation violation)
    {
        Violation = violation;
        RefusedInBody = _state is >= State.Body and <= State.Trailer;
        _state = State.Refused;
        return 0;
    }
}
