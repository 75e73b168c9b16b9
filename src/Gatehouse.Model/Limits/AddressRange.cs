using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Model;

/// <summary>Addresses from one to another, both included. IPv4 counts as its IPv6-mapped form, so one order holds all.</summary>
/// <param name="From">The first.</param>
/// <param name="To">The last.</param>
public readonly record struct AddressRange(UInt128 From, UInt128 To)
{
    /// <summary>Reads <c>address</c>, <c>from-to</c> or <c>network/bits</c>. False on anything else, on mixed families and on a range that runs backwards.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out AddressRange range)
    {
        range = default;
        if (text.IndexOf('/') is >= 0 and var slash)
        {
            if (
                !IPAddress.TryParse(text[..slash], out var network)
                || !int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var bits)
            )
            {
                return false;
            }

            var width = network.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
            if (bits > width)
            {
                return false;
            }

            var host = width - bits >= 128 ? UInt128.MaxValue : (UInt128.One << (width - bits)) - 1;
            range = new(ToNumber(network) & ~host, ToNumber(network) | host);
            return true;
        }

        var dash = text.IndexOf('-');
        var first = dash < 0 ? text : text[..dash].Trim();
        var last = dash < 0 ? text : text[(dash + 1)..].Trim();
        if (
            !IPAddress.TryParse(first, out var from)
            || !IPAddress.TryParse(last, out var to)
            || from.AddressFamily != to.AddressFamily
        )
        {
            return false;
        }

        range = new(ToNumber(from), ToNumber(to));
        return range.From <= range.To;
    }

    /// <summary>True when the address is in the range.</summary>
    public bool Contains(UInt128 address) => From <= address && address <= To;

    /// <summary>The number of an address; IPv4 as IPv6-mapped.</summary>
    public static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            bytes.Clear();
            bytes[10] = bytes[11] = 0xff;
            address.TryWriteBytes(bytes[12..], out _);
        }
        else
        {
            address.TryWriteBytes(bytes, out _);
        }

        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
