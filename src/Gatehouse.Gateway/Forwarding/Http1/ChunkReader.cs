using System.Buffers;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// Takes the chunked transfer coding off a body (RFC 9112 §7.1), in whatever pieces it arrives. Sizes are hexadecimal
/// digits and nothing else, every line ends with CR LF, and extensions are skipped within a limit: what a lenient reader
/// would let pass is how two readers come to disagree about where an answer ends.
/// </summary>
internal struct ChunkReader
{
    private const int MostDigits = 15;
    private const int LongestExtension = 1024;

    // Bytes of extensions and sizes that a body may carry beyond its data, so that one byte cannot cost a kilobyte for ever.
    private const int FreeOverhead = 64 * 1024;

    private State _state;
    private long _remaining;
    private int _digits;
    private int _extension;
    private long _overhead;
    private long _data;

    /// <summary>True when the last chunk has been read and the trailer section begins.</summary>
    public readonly bool AtTrailers => _state == State.Trailers;

    /// <summary>Reads on, and writes what is data to <paramref name="body"/>. False when it is not sound.</summary>
    /// <param name="input">What has arrived.</param>
    /// <param name="consumed">How much of it was read: all, unless the trailer section has begun.</param>
    /// <param name="body">Where the data goes.</param>
    /// <param name="length">How much data that was.</param>
    public bool TryRead(ReadOnlySpan<byte> input, out int consumed, IBufferWriter<byte> body, out int length)
    {
        (consumed, length) = (0, 0);
        while (consumed < input.Length && _state != State.Trailers)
        {
            if (_state == State.Data)
            {
                var piece = (int)Math.Min(_remaining, input.Length - consumed);
                body.Append(input.Slice(consumed, piece));
                consumed += piece;
                length += piece;
                _data += piece;
                _remaining -= piece;
                _state = _remaining == 0 ? State.DataReturn : State.Data;
            }
            else if (!Take(input[consumed++]))
            {
                return false;
            }
        }

        return true;
    }

    private bool Take(byte next)
    {
        if (++_overhead > FreeOverhead + 8 * _data)
        {
            return false;
        }

        switch (_state)
        {
            case State.Size when char.IsAsciiHexDigit((char)next):
                _remaining = _remaining * 16 + (next <= '9' ? next - '0' : (next | 0x20) - 'a' + 10);
                return ++_digits <= MostDigits;
            case State.Size when _digits > 0 && next == '\r':
                _state = State.SizeFeed;
                return true;
            case State.Size or State.Padding when _digits > 0 && next == ';':
                _state = State.Extension;
                return true;
            case State.Size or State.Padding when _digits > 0 && (next is (byte)' ' or (byte)'\t'):
                // Old servers write all sizes equally wide.
                _state = State.Padding;
                return ++_extension <= LongestExtension;
            case State.Padding when next == '\r':
                _state = State.SizeFeed;
                return true;
            case State.Extension when next == '\r':
                _state = State.SizeFeed;
                return true;
            case State.Extension:
                return next is (byte)'\t' or >= 0x20 and not 0x7F && ++_extension <= LongestExtension;
            case State.SizeFeed when next == '\n':
                _state = _remaining == 0 ? State.Trailers : State.Data;
                (_digits, _extension) = (0, 0);
                return true;
            case State.DataReturn when next == '\r':
                _state = State.DataFeed;
                return true;
            case State.DataFeed when next == '\n':
                _state = State.Size;
                return true;
            default:
                return false;
        }
    }

    private enum State
    {
        Size,
        Padding,
        Extension,
        SizeFeed,
        Data,
        DataReturn,
        DataFeed,
        Trailers,
    }
}
