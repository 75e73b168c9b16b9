namespace Gatehouse.Gateway.Floods;

/// <summary>
/// Follows one direction of an HTTP/2 connection from frame to frame (RFC 9113 §4.1), whatever pieces the bytes come in.
/// Payloads are skipped.
/// </summary>
/// <param name="skip">Bytes before the first frame.</param>
internal struct FrameReader(int skip)
{
    /// <summary>Length of what a client sends before its first frame (RFC 9113 §3.4).</summary>
    public const int PrefaceLength = 24;

    private const int HeadLength = 9;

    // The head as far as it was read, but for the stream's number.
    private ulong _head;
    private int _headRead;
    private int _payloadLeft = skip;

    /// <summary>Reads on in <paramref name="bytes"/> and takes away what it read. True when a frame's head is complete.</summary>
    public bool TryRead(ref ReadOnlySpan<byte> bytes, out Frame frame)
    {
        while (true)
        {
            var taken = Math.Min(_payloadLeft, bytes.Length);
            bytes = bytes[taken..];
            _payloadLeft -= taken;
            if (bytes.IsEmpty)
            {
                frame = default;
                return false;
            }

            while (_headRead < HeadLength && !bytes.IsEmpty)
            {
                if (_headRead < 5)
                {
                    _head = (_head << 8) | bytes[0];
                }

                _headRead++;
                bytes = bytes[1..];
            }

            if (_headRead == HeadLength)
            {
                _payloadLeft = (int)(_head >> 16) & 0xff_ffff;
                frame = new((FrameType)(byte)(_head >> 8), (byte)_head, _payloadLeft);
                _headRead = 0;
                return true;
            }
        }
    }
}

/// <summary>The head of a frame.</summary>
/// <param name="Type">What it is; any value may come.</param>
/// <param name="Flags">As sent.</param>
/// <param name="Length">Bytes of payload.</param>
internal readonly record struct Frame(FrameType Type, byte Flags, int Length)
{
    /// <summary>The last of its stream in this direction; only HEADERS and DATA carry it.</summary>
    public bool EndsStream => Type is FrameType.Headers or FrameType.Data && (Flags & 1) != 0;
}

/// <summary>RFC 9113 §6; those that are told apart here.</summary>
internal enum FrameType : byte
{
    /// <summary>A piece of a body.</summary>
    Data = 0,

    /// <summary>A head, or trailers.</summary>
    Headers = 1,

    /// <summary>The end of one stream by force.</summary>
    ResetStream = 3,
}
