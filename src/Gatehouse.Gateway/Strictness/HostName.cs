using System.Buffers;

namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// The syntax of <c>host[:port]</c> in a request: a host name or an address. Narrower than RFC 3986, whose reg-name also
/// takes percent-encodings and punctuation that no host name has.
/// </summary>
internal static class HostName
{
    private static readonly SearchValues<byte> NameBytes = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"u8
    );

    private static readonly SearchValues<byte> AddressBytes = SearchValues.Create("0123456789abcdefABCDEF:."u8);

    /// <summary>Whether this is a host with an optional port, and where the host ends.</summary>
    public static bool TrySplit(ReadOnlySpan<byte> authority, out int hostLength)
    {
        hostLength = 0;
        if (authority is [(byte)'[', ..])
        {
            var bracket = authority.IndexOf((byte)']');
            if (bracket < 3 || authority[1..bracket].ContainsAnyExcept(AddressBytes))
            {
                return false;
            }

            hostLength = bracket + 1;
        }
        else
        {
            var end = authority.IndexOfAnyExcept(NameBytes);
            hostLength = end < 0 ? authority.Length : end;
        }

        var rest = authority[hostLength..];
        return hostLength > 0 && (rest.IsEmpty || (rest[0] == ':' && IsPort(rest[1..])));
    }

    private static bool IsPort(ReadOnlySpan<byte> digits)
    {
        if (digits.Length is 0 or > 5 || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        var port = 0;
        foreach (var digit in digits)
        {
            port = (port * 10) + (digit - '0');
        }

        return port <= ushort.MaxValue;
    }
}
