using System.Text;

namespace Gatehouse.Gateway.Strictness;

/// <summary>What the lines of one head said so far about how the message is framed and where it goes.</summary>
internal sealed class MessageHead
{
    private bool _http11;
    private bool _meansBody;
    private bool _host;
    private bool _encoding;
    private bool _upgrade;
    private byte[] _authority = [];
    private int _authorityLength;
    private bool _secure;
    private byte[] _connection = new byte[32];
    private int _connectionLength;
    private bool _connectionListed;

    /// <summary>Whether the version is 1.1, else it is 1.0.</summary>
    public bool IsHttp11 => _http11;

    /// <summary>What <c>Connection</c> said in all its lines; empty for nothing.</summary>
    public ReadOnlySpan<byte> ConnectionBytes => _connection.AsSpan(0, _connectionLength);

    /// <summary>The body's length, or -1 when none was sent.</summary>
    public long Length { get; private set; }

    /// <summary>Whether the body comes in chunks.</summary>
    public bool IsChunked => _encoding;

    /// <summary>Whether the response may be a 101, after which the bytes are no longer HTTP/1.</summary>
    public bool MayUpgrade => _upgrade && !_encoding && Length <= 0;

    /// <summary>What <c>Connection</c> said in all its lines, when that is more than one word; else null.</summary>
    public string? Connection =>
        _connectionListed ? Encoding.Latin1.GetString(_connection.AsSpan(0, _connectionLength)) : null;

    public Violation Begin(ReadOnlySpan<byte> line)
    {
        var violation = RequestLine.TryRead(line, out var read);
        _http11 = read.IsHttp11;
        _meansBody = read.MeansBody;
        _host = _encoding = _upgrade = false;
        _connectionLength = 0;
        _connectionListed = false;
        Length = -1;

        _authorityLength = read.Authority.Length;
        if (_authorityLength > 0)
        {
            // Kept until Host is seen; requests in this form are rare.
            _authority = _authority.Length < _authorityLength ? new byte[_authorityLength] : _authority;
            read.Authority.CopyTo(_authority);
            _secure = read.DefaultPort.Length == 4;
        }

        return violation;
    }

    public Violation Add(ReadOnlySpan<byte> line)
    {
        var violation = Split(line, out var name, out var value);
        if (violation != Violation.None)
        {
            return violation;
        }

        // Switching on the length leaves nearly every field with one comparison.
        return name.Length switch
        {
            4 when Ascii.EqualsIgnoreCase(name, "host"u8) => AddHost(value),
            7 when Ascii.EqualsIgnoreCase(name, "upgrade"u8) => AddUpgrade(),
            10 when Ascii.EqualsIgnoreCase(name, "connection"u8) => AddConnection(value),
            14 when Ascii.EqualsIgnoreCase(name, "content-length"u8) => AddLength(value),
            17 when Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8) => AddEncoding(value),
            _ => Violation.None,
        };
    }

    public Violation End() =>
        _encoding && !_http11 ? Violation.EncodingInHttp10
        : _encoding && Length >= 0 ? Violation.LengthAndEncoding
        : !_http11 && _meansBody && Length < 0 ? Violation.LengthMissing
        : _http11 && !_host ? Violation.HostMissing
        : Violation.None;

    /// <summary>Judges a line of a trailer section.</summary>
    public static Violation JudgeTrailer(ReadOnlySpan<byte> line)
    {
        var violation = Split(line, out var name, out _);
        if (violation != Violation.None)
        {
            return violation;
        }

        // A parser that merges trailers into the head would read another message.
        return
            Ascii.EqualsIgnoreCase(name, "host"u8)
            || Ascii.EqualsIgnoreCase(name, "content-length"u8)
            || Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8)
            ? Violation.TrailerField
            : Violation.None;
    }

    private static Violation Split(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        name = value = default;
        var colon = line.IndexOfAnyExcept(Token.Bytes);
        if (colon <= 0 || line[colon] != ':')
        {
            return colon == 0 && line[0] is (byte)' ' or (byte)'\t' ? Violation.LineFolding : Violation.FieldName;
        }

        name = line[..colon];
        value = line[(colon + 1)..].Trim(" \t"u8);
        return Violation.None;
    }

    private Violation AddHost(ReadOnlySpan<byte> value)
    {
        if (_host)
        {
            return Violation.HostRepeated;
        }

        _host = true;
        if (!HostName.TrySplit(value, out _))
        {
            return Violation.HostInvalid;
        }

        // A CONNECT has no scheme: its authority always has a port, so the default does not matter there.
        return
            _authorityLength > 0
            && !RequestLine.Agree(_authority.AsSpan(0, _authorityLength), _secure ? ":443"u8 : ":80"u8, value)
            ? Violation.HostMismatch
            : Violation.None;
    }

    private Violation AddLength(ReadOnlySpan<byte> value)
    {
        if (Length >= 0)
        {
            return Violation.LengthRepeated;
        }

        if (value.Length is 0 or > 19 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return Violation.LengthInvalid;
        }

        ulong length = 0;
        foreach (var digit in value)
        {
            length = (length * 10) + (ulong)(digit - '0');
        }

        Length = (long)length;
        return length > long.MaxValue ? Violation.LengthInvalid : Violation.None;
    }

    private Violation AddEncoding(ReadOnlySpan<byte> value)
    {
        if (_encoding)
        {
            return Violation.EncodingRepeated;
        }

        _encoding = true;
        return Ascii.EqualsIgnoreCase(value, "chunked"u8) ? Violation.None : Violation.EncodingInvalid;
    }

    private Violation AddUpgrade()
    {
        _upgrade = true;
        return Violation.None;
    }

    private Violation AddConnection(ReadOnlySpan<byte> value)
    {
        NoteConnection(value);

        // Kestrel offers the upgrade for this option alone, with or without an Upgrade field. Wider than a token
        // comparison on purpose: all it costs is a look at the response.
        for (; value.Length >= 7; value = value[1..])
        {
            if (Ascii.EqualsIgnoreCase(value[..7], "upgrade"u8))
            {
                _upgrade = true;
                break;
            }
        }

        return Violation.None;
    }

    private void NoteConnection(ReadOnlySpan<byte> value)
    {
        var separator = _connectionLength > 0 ? ", "u8 : default;
        var length = _connectionLength + separator.Length + value.Length;
        if (length > _connection.Length)
        {
            Array.Resize(ref _connection, length);
        }

        separator.CopyTo(_connection.AsSpan(_connectionLength));
        value.CopyTo(_connection.AsSpan(length - value.Length));
        _connectionListed |= separator.Length > 0 || value.Contains((byte)',');
        _connectionLength = length;
    }
}
