using System.Buffers;
using System.Text.Json;

namespace Gatehouse.Gateway.Accounting;

/// <summary>
/// One JSON object on one line, written straight into an array. Escapes as <see cref="Utf8JsonWriter"/> does; nearly
/// everything that a log says needs none, which one look tells.
/// </summary>
internal ref struct LineWriter
{
    private const int LongestNumber = 20;
    private const int LongestTime = 33;

    private static readonly SearchValues<char> s_plain = SearchValues.Create([
        .. Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c).Except("\"&'+<>\\`"),
    ]);

    private byte[] _bytes;
    private int _length;

    /// <param name="array">Where it is written; a longer line goes on in a larger one.</param>
    public LineWriter(byte[] array)
    {
        _bytes = array;
        _bytes[_length++] = (byte)'{';
    }

    /// <summary>A field with a text.</summary>
    /// <param name="name">The field's name, in quotes and with its colon; before any but the first, a comma.</param>
    /// <param name="text">What it says.</param>
    public void Text(ReadOnlySpan<byte> name, ReadOnlySpan<char> text)
    {
        if (text.ContainsAnyExcept(s_plain))
        {
            Escaped(name, text);
            return;
        }

        var room = Room(name.Length + text.Length + 2);
        name.CopyTo(room);
        room = room[name.Length..];
        room[0] = (byte)'"';
        System.Text.Ascii.FromUtf16(text, room[1..], out _);
        room[text.Length + 1] = (byte)'"';
        _length += name.Length + text.Length + 2;
    }

    /// <summary>A field with a number.</summary>
    public void Number(ReadOnlySpan<byte> name, long number)
    {
        var room = Room(name.Length + LongestNumber);
        name.CopyTo(room);
        number.TryFormat(room[name.Length..], out var written);
        _length += name.Length + written;
    }

    /// <summary>A field with a time, to 100 ns (RFC 3339).</summary>
    public void Time(ReadOnlySpan<byte> name, DateTimeOffset time)
    {
        var room = Room(name.Length + LongestTime + 2);
        name.CopyTo(room);
        room = room[name.Length..];
        room[0] = (byte)'"';
        time.TryFormat(room[1..], out var written, "O");
        room[written + 1] = (byte)'"';
        _length += name.Length + written + 2;
    }

    /// <summary>Ends the line and gives it.</summary>
    public ReadOnlySpan<byte> End()
    {
        "}\n"u8.CopyTo(Room(2));
        _length += 2;
        return _bytes.AsSpan(0, _length);
    }

    private void Escaped(ReadOnlySpan<byte> name, ReadOnlySpan<char> text)
    {
        var escaped = JsonEncodedText.Encode(text).EncodedUtf8Bytes;
        var room = Room(name.Length + escaped.Length + 2);
        name.CopyTo(room);
        room = room[name.Length..];
        room[0] = (byte)'"';
        escaped.CopyTo(room[1..]);
        room[escaped.Length + 1] = (byte)'"';
        _length += name.Length + escaped.Length + 2;
    }

    private Span<byte> Room(int size)
    {
        if (_bytes.Length - _length < size)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + size));
        }

        return _bytes.AsSpan(_length);
    }
}
