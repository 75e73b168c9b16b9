using System.Buffers;
using System.Text;

namespace Gatehouse.Gateway.Strictness;

/// <summary>One request line, taken apart (RFC 9112 §3).</summary>
internal readonly ref struct RequestLine
{
    private static readonly SearchValues<byte> TargetBytes = SearchValues.Create(
        "!\"$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8
    );

    /// <summary>Whether the version is 1.1, else it is 1.0.</summary>
    public bool IsHttp11 { get; private init; }

    /// <summary>Whether a body is expected: POST and PUT.</summary>
    public bool MeansBody { get; private init; }

    /// <summary><c>host[:port]</c> of a target that has one.</summary>
    public ReadOnlySpan<byte> Authority { get; private init; }

    /// <summary>The port that <see cref="Authority"/> means when it names none, as text with its colon.</summary>
    public ReadOnlySpan<byte> DefaultPort { get; private init; }

    /// <summary>Reads a line without its line end; the bytes are known to hold no control characters but tabs.</summary>
    public static Violation TryRead(ReadOnlySpan<byte> line, out RequestLine read)
    {
        read = default;
        var space = line.IndexOfAnyExcept(Token.Bytes);
        if (space <= 0 || line[space] != ' ')
        {
            return Violation.Method;
        }

        var method = line[..space];
        var rest = line[(space + 1)..];
        if (rest.Length < 10)
        {
            return Violation.RequestLine;
        }

        var version = rest[^9..];
        var target = rest[..^9];
        var http11 = version.SequenceEqual(" HTTP/1.1"u8);
        if (!http11 && !version.SequenceEqual(" HTTP/1.0"u8))
        {
            return
                version
                    is [
                        (byte)' ',
                        (byte)'H',
                        (byte)'T',
                        (byte)'T',
                        (byte)'P',
                        (byte)'/',
                        >= (byte)'0'
                        and <= (byte)'9',
                        (byte)'.',
                        >= (byte)'0'
                        and <= (byte)'9',
                    ]
                ? Violation.Version
                : Violation.RequestLine;
        }

        if (target.ContainsAnyExcept(TargetBytes))
        {
            return target.Contains((byte)' ') ? Violation.RequestLine : Violation.Target;
        }

        if (target[0] == '/')
        {
            read = new() { IsHttp11 = http11, MeansBody = MeansBodyIn(method) };
            return Violation.None;
        }

        return TryReadOtherForm(method, target, http11, out read);
    }

    /// <summary>Whether a Host names the same host and port as the target.</summary>
    public static bool Agree(ReadOnlySpan<byte> authority, ReadOnlySpan<byte> defaultPort, ReadOnlySpan<byte> host)
    {
        return Ascii.EqualsIgnoreCase(WithoutPort(authority, defaultPort), WithoutPort(host, defaultPort));

        static ReadOnlySpan<byte> WithoutPort(ReadOnlySpan<byte> name, ReadOnlySpan<byte> port) =>
            !port.IsEmpty && name.EndsWith(port) ? name[..^port.Length] : name;
    }

    private static Violation TryReadOtherForm(
        ReadOnlySpan<byte> method,
        ReadOnlySpan<byte> target,
        bool http11,
        out RequestLine read
    )
    {
        read = new() { IsHttp11 = http11 };
        if (target.SequenceEqual("*"u8))
        {
            return method.SequenceEqual("OPTIONS"u8) ? Violation.None : Violation.Target;
        }

        ReadOnlySpan<byte> authority;
        ReadOnlySpan<byte> defaultPort = default;
        if (method.SequenceEqual("CONNECT"u8))
        {
            authority = target;
        }
        else
        {
            var secure = StartsWith(target, "https://"u8);
            if (!secure && !StartsWith(target, "http://"u8))
            {
                return Violation.Target;
            }

            authority = target[(secure ? 8 : 7)..];
            var end = authority.IndexOfAny("/?"u8);
            authority = end < 0 ? authority : authority[..end];
            defaultPort = secure ? ":443"u8 : ":80"u8;
        }

        // CONNECT has no scheme and so no default port.
        if (!HostName.TrySplit(authority, out var host) || (defaultPort.IsEmpty && host == authority.Length))
        {
            return Violation.Target;
        }

        read = new()
        {
            IsHttp11 = http11,
            MeansBody = MeansBodyIn(method),
            Authority = authority,
            DefaultPort = defaultPort,
        };
        return Violation.None;
    }

    private static bool MeansBodyIn(ReadOnlySpan<byte> method) =>
        method.SequenceEqual("POST"u8) || method.SequenceEqual("PUT"u8);

    private static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> start) =>
        text.Length >= start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);
}
