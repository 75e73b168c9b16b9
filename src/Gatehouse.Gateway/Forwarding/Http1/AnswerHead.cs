using System.Buffers;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// The head of a backend's answer, read once and strictly (RFC 9112): whatever two readers could understand differently is
/// refused, because a connection that is used again after such an answer may give the next caller somebody else's.
/// Holds places within the bytes it was read from, not copies. One per connection, used again.
/// </summary>
internal sealed class AnswerHead
{
    /// <summary>Most bytes of a head: its places are 16 bits wide.</summary>
    public const int Longest = ushort.MaxValue;

    private const int MostFields = 512;

    // Tab, visible ASCII, space, and the bytes above ASCII (RFC 9110 §5.5); no other control means anything good.
    private static readonly SearchValues<byte> s_text = SearchValues.Create([
        (byte)'\t',
        .. Enumerable.Range(0x20, 0x5F).Select(b => (byte)b),
        .. Enumerable.Range(0x80, 0x80).Select(b => (byte)b),
    ]);

    private Field[] _fields = new Field[24];
    private int _count;
    private bool _saysClose;
    private bool _saysKeepAlive;

    public int Status { get; private set; }

    /// <summary>The bytes of the head that are the reason phrase.</summary>
    public Range Reason { get; private set; }

    public AnswerFraming Framing { get; private set; }

    /// <summary>What <c>Content-Length</c> says; null without one.</summary>
    public long? Length { get; private set; }

    /// <summary>True when the connection may serve another request after this answer.</summary>
    public bool KeepsAlive { get; private set; }

    /// <summary>True when <c>Connection</c> names headers of its own.</summary>
    public bool NamesHeaders { get; private set; }

    public bool IsInterim => Status is >= 100 and < 200;

    public ReadOnlySpan<Field> Fields => _fields.AsSpan(0, _count);

    /// <summary>
    /// Looks for the end of a head, or of a trailer section, in what has arrived so far.
    /// </summary>
    /// <param name="bytes">All that has arrived of it.</param>
    /// <param name="line">Where the line begins that has not ended yet; 0 at first, moved on by this.</param>
    /// <param name="length">How long the head is, with its empty line.</param>
    public static HeadEnd Find(ReadOnlySpan<byte> bytes, ref int line, out int length)
    {
        length = 0;
        while (true)
        {
            var feed = bytes[line..].IndexOf((byte)'\n');
            if (feed < 0)
            {
                return bytes.Length >= Longest ? HeadEnd.Never : HeadEnd.NotYet;
            }

            if (feed == 0 || bytes[line + feed - 1] != '\r')
            {
                return HeadEnd.Never;
            }

            line += feed + 1;
            if (feed == 1)
            {
                length = line;
                return length <= Longest ? HeadEnd.Here : HeadEnd.Never;
            }
        }
    }

    /// <summary>False when what has arrived cannot become an answer whatever follows.</summary>
    public static bool CanBegin(ReadOnlySpan<byte> bytes)
    {
        var start = "HTTP/1."u8;
        var common = Math.Min(bytes.Length, start.Length);
        return bytes[..common].SequenceEqual(start[..common]);
    }

    /// <summary>Reads a whole head. False when it is not a sound one.</summary>
    /// <param name="head">From the status line to the empty line.</param>
    /// <param name="toHead">True for the answer to HEAD, which has no body whatever it says.</param>
    public bool TryRead(ReadOnlySpan<byte> head, bool toHead)
    {
        (_saysClose, _saysKeepAlive, NamesHeaders, Length) = (false, false, false, null);
        var line = head.IndexOf((byte)'\r');
        if (
            head[line + 1] != '\n'
            || !TryReadStatus(head[..line], out var isHttp10)
            || !TryReadFields(head, line + 2, isHttp10, out var chunked)
        )
        {
            return false;
        }

        var persists = isHttp10 ? _saysKeepAlive && !_saysClose : !_saysClose;
        if (IsInterim || toHead || Status is 204 or 205 or 304)
        {
            // These end with their head. Where that head announces a body all the same, some backends do send one.
            Framing = AnswerFraming.None;
            KeepsAlive = persists && (toHead || Status == 304 || !chunked && Length is null or 0);
        }
        else if (chunked)
        {
            Framing = AnswerFraming.Chunked;
            KeepsAlive = persists;
        }
        else if (Length is not null)
        {
            Framing = AnswerFraming.Length;
            KeepsAlive = persists;
        }
        else
        {
            Framing = AnswerFraming.UntilClose;
            KeepsAlive = false;
        }

        return true;
    }

    /// <summary>Reads a trailer section into <see cref="Fields"/>. False when it is not a sound one.</summary>
    public bool TryReadTrailers(ReadOnlySpan<byte> section) => TryReadLines(section, 0);

    private bool TryReadStatus(ReadOnlySpan<byte> line, out bool isHttp10)
    {
        // HTTP/1.x SP nnn [SP reason]. Many servers leave the last space out with the reason.
        isHttp10 = false;
        if (
            line.Length < 12
            || !line.StartsWith("HTTP/1."u8)
            || line[7] is not ((byte)'0' or (byte)'1')
            || line[8] != ' '
            || !IsDigit(line[9])
            || !IsDigit(line[10])
            || !IsDigit(line[11])
            || line.Length > 12 && line[12] != ' '
        )
        {
            return false;
        }

        isHttp10 = line[7] == '0';
        Status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
        Reason = line.Length > 13 ? 13..line.Length : 0..0;
        return Status >= 100 && !line[12..].ContainsAnyExcept(s_text);
    }

    private bool TryReadFields(ReadOnlySpan<byte> head, int start, bool isHttp10, out bool chunked)
    {
        chunked = false;
        if (!TryReadLines(head, start))
        {
            return false;
        }

        foreach (var field in Fields)
        {
            var value = field.Value(head);
            switch (field.NameLength)
            {
                case 10 when field.Is(head, "connection"u8):
                    ReadConnection(value);
                    break;
                case 14 when field.Is(head, "content-length"u8):
                    // One length, once: of two even equal ones somebody else may read the other.
                    if (Length is not null || !TryReadLength(value, out var length))
                    {
                        return false;
                    }

                    Length = length;
                    break;
                case 17 when field.Is(head, "transfer-encoding"u8):
                    if (chunked || isHttp10 || !EqualsIgnoreCase(value, "chunked"u8))
                    {
                        return false;
                    }

                    chunked = true;
                    break;
            }
        }

        return !(chunked && Length is not null);
    }

    private bool TryReadLines(ReadOnlySpan<byte> bytes, int start)
    {
        _count = 0;
        while (true)
        {
            var length = bytes[start..].IndexOf((byte)'\r');
            if (length < 0 || start + length + 1 >= bytes.Length || bytes[start + length + 1] != '\n')
            {
                return false;
            }

            if (length == 0)
            {
                return start + 2 == bytes.Length;
            }

            if (!TryReadLine(bytes.Slice(start, length), start))
            {
                return false;
            }

            start += length + 2;
        }
    }

    private bool TryReadLine(ReadOnlySpan<byte> line, int start)
    {
        // A line that begins with a blank continues the one before (obs-fold): it has no name, so it ends here as well.
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(Token.Bytes) || _count == MostFields)
        {
            return false;
        }

        var from = colon + 1;
        var to = line.Length;
        while (from < to && line[from] is (byte)' ' or (byte)'\t')
        {
            from++;
        }

        while (to > from && line[to - 1] is (byte)' ' or (byte)'\t')
        {
            to--;
        }

        if (line[from..to].ContainsAnyExcept(s_text))
        {
            return false;
        }

        if (_count == _fields.Length)
        {
            Array.Resize(ref _fields, _count * 2);
        }

        _fields[_count++] = new((ushort)start, (ushort)colon, (ushort)(start + from), (ushort)(to - from));
        return true;
    }

    private void ReadConnection(ReadOnlySpan<byte> value)
    {
        foreach (var range in value.Split((byte)','))
        {
            var option = value[range].Trim(" \t"u8);
            if (EqualsIgnoreCase(option, "close"u8))
            {
                _saysClose = true;
            }
            else if (EqualsIgnoreCase(option, "keep-alive"u8))
            {
                _saysKeepAlive = true;
            }
            else if (!option.IsEmpty)
            {
                NamesHeaders = true;
            }
        }
    }

    private static bool TryReadLength(ReadOnlySpan<byte> value, out long length)
    {
        length = 0;
        if (value.Length is 0 or > 18)
        {
            return false;
        }

        foreach (var digit in value)
        {
            if (!IsDigit(digit))
            {
                return false;
            }

            length = length * 10 + (digit - '0');
        }

        return true;
    }

    private static bool IsDigit(byte value) => value is >= (byte)'0' and <= (byte)'9';

    private static bool EqualsIgnoreCase(ReadOnlySpan<byte> value, ReadOnlySpan<byte> other) =>
        System.Text.Ascii.EqualsIgnoreCase(value, other);

    /// <summary>Where a header's name and value stand in the head.</summary>
    internal readonly record struct Field(ushort NameStart, ushort NameLength, ushort ValueStart, ushort ValueLength)
    {
        public ReadOnlySpan<byte> Name(ReadOnlySpan<byte> head) => head.Slice(NameStart, NameLength);

        public ReadOnlySpan<byte> Value(ReadOnlySpan<byte> head) => head.Slice(ValueStart, ValueLength);

        public bool Is(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name) => EqualsIgnoreCase(Name(head), name);
    }
}

/// <summary>Whether a head has arrived.</summary>
internal enum HeadEnd
{
    NotYet,
    Here,

    /// <summary>It is broken or too long; more bytes do not mend it.</summary>
    Never,
}

/// <summary>What tells where an answer ends.</summary>
internal enum AnswerFraming
{
    /// <summary>Its head.</summary>
    None,
    Length,
    Chunked,

    /// <summary>The end of the connection.</summary>
    UntilClose,
}
