using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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

    /// <summary>
    /// Whether the text is that of the bytes, told in a time that does not say how much of it is: the connection of a proxy
    /// brings the secrets of many callers, one after the other.
    /// </summary>
    public static bool IsText(ReadOnlySpan<byte> bytes, string text)
    {
        if (bytes.Length != text.Length)
        {
            return false;
        }

        var chars = MemoryMarshal.Cast<char, ushort>(text.AsSpan());
        var difference = Vector128<ushort>.Zero;
        var i = 0;
        for (; i <= bytes.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
        {
            var (low, high) = Vector128.Widen(Vector128.Create(bytes[i..]));
            difference |= low ^ Vector128.Create(chars[i..]);
            difference |= high ^ Vector128.Create(chars[(i + Vector128<ushort>.Count)..]);
        }

        var rest = 0;
        for (; i < bytes.Length; i++)
        {
            rest |= bytes[i] ^ chars[i];
        }

        return rest == 0 && difference == Vector128<ushort>.Zero;
    }

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
