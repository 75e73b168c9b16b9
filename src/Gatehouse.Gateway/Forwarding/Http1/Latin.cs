using System.Buffers.Binary;
using System.Text;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// Strings of header bytes. What backends say is the same most of the time, so short texts are looked up before they are
/// made: a fixed number of places, the newest text of a place stays, and a wrong guess costs one small object.
/// </summary>
internal static class Latin
{
    private const int Places = 2048;
    private const int LongestKept = 64;
    private static readonly string?[] s_kept = new string?[Places];

    /// <summary>The bytes as Latin-1, which gives every byte back as it came.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return "";
        }

        if (bytes.Length > LongestKept)
        {
            return Encoding.Latin1.GetString(bytes);
        }

        ref var place = ref s_kept[PlaceOf(bytes)];
        var kept = Volatile.Read(ref place);
        if (kept is not null && Ascii.Equals(bytes, kept))
        {
            return kept;
        }

        var text = Encoding.Latin1.GetString(bytes);
        Volatile.Write(ref place, text);
        return text;
    }

    /// <summary>The bytes as Latin-1, for what is nobody else's business: nothing of it stays here.</summary>
    public static string Private(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    private static uint PlaceOf(ReadOnlySpan<byte> bytes)
    {
        ulong head;
        ulong tail;
        if (bytes.Length >= 8)
        {
            head = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            tail = BinaryPrimitives.ReadUInt64LittleEndian(bytes[^8..]);
        }
        else
        {
            head = bytes[0] | (ulong)bytes[bytes.Length / 2] << 8 | (ulong)bytes[^1] << 16;
            tail = bytes.Length > 3 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]) : 0;
        }

        var mixed = (head ^ (tail + (ulong)bytes.Length) * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93;
        return (uint)(mixed >> 53);
    }
}
