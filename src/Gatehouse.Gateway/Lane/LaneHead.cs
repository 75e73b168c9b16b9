using System.Text;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Gateway.Lane;

/// <summary>
/// Reads the head of a request that the lane may serve. Judged by what judges heads for the server behind: a head that is
/// refused there is not taken here, nor is one that means anything but a request without a body and its answer.
/// </summary>
internal sealed class LaneHead(StrictnessLimits limits)
{
    private const int LineEnd = 2;

    private readonly MessageHead _head = new();

    public string Method { get; private set; } = "";

    public string Target { get; private set; } = "";

    /// <summary>
    /// Reads a head from its first byte. False when the server behind serves the request, or refuses it, or knows how long to wait
    /// for the rest of the head.
    /// </summary>
    /// <param name="bytes">What has arrived, in one piece.</param>
    /// <param name="headers">Gets the headers.</param>
    /// <param name="length">How long the head is, with its empty line.</param>
    public bool TryRead(ReadOnlySpan<byte> bytes, HeaderList headers, out int length)
    {
        // The server behind counts line ends where the guard does not; what is within a hair of a limit is left to them.
        length = 0;
        if (
            !TryTakeLine(bytes, limits.RequestLine - LineEnd, out var line)
            || _head.Begin(line) != Violation.None
            || !_head.IsHttp11
            || !TryTakeRequestLine(line)
        )
        {
            return false;
        }

        length = line.Length + LineEnd;
        var (count, fields) = (0, 0);
        headers.BeginReading();
        while (true)
        {
            if (!TryTakeLine(bytes[length..], limits.Fields - fields - 2 * LineEnd, out line))
            {
                return false;
            }

            length += line.Length + LineEnd;
            if (line.IsEmpty)
            {
                break;
            }

            fields += line.Length + LineEnd;
            if (++count >= limits.FieldCount || !TryTakeField(line, headers))
            {
                return false;
            }
        }

        // A body, another protocol, a word about the connection: the server behind knows all of them.
        if (
            _head.End() != Violation.None
            || _head.Length >= 0
            || _head.IsChunked
            || _head.MayUpgrade
            || !IsKept(_head.ConnectionBytes)
        )
        {
            return false;
        }

        headers.EndReading();
        return true;
    }

    private static bool TryTakeLine(ReadOnlySpan<byte> bytes, int limit, out ReadOnlySpan<byte> line)
    {
        var end = bytes.IndexOfAny(LineReader.Controls);
        var isWhole = end >= 0 && end <= limit && bytes[end..].StartsWith("\r\n"u8);
        line = isWhole ? bytes[..end] : default;
        return isWhole;
    }

    private bool TryTakeRequestLine(ReadOnlySpan<byte> line)
    {
        var space = line.IndexOf((byte)' ');
        var method = line[..space] switch
        {
            [(byte)'G', (byte)'E', (byte)'T'] => "GET",
            [(byte)'H', (byte)'E', (byte)'A', (byte)'D'] => "HEAD",
            var other when other.SequenceEqual("DELETE"u8) => "DELETE",
            var other when other.SequenceEqual("OPTIONS"u8) => "OPTIONS",
            _ => null,
        };
        var target = line[(space + 1)..^" HTTP/1.1".Length];

        // The server behind refuses an encoded NUL before anybody else judges the path.
        if (method is null || target[0] != '/' || target.IndexOf("%00"u8) >= 0)
        {
            return false;
        }

        Method = method;
        if (!Ascii.Equals(target, Target))
        {
            Target = Encoding.ASCII.GetString(target);
        }

        return true;
    }

    private bool TryTakeField(ReadOnlySpan<byte> line, HeaderList headers)
    {
        if (_head.Add(line) != Violation.None)
        {
            return false;
        }

        var colon = line.IndexOf((byte)':');
        var name = line[..colon];
        if (name.Length == 6 && Ascii.EqualsIgnoreCase(name, "expect"u8))
        {
            return false;
        }

        headers.Read(name, line[(colon + 1)..].Trim(" \t"u8));
        return true;
    }

    private static bool IsKept(ReadOnlySpan<byte> connection) =>
        connection.IsEmpty || Ascii.EqualsIgnoreCase(connection, "keep-alive"u8);
}
