namespace Gatehouse.Gateway.Strictness;

/// <summary>What is wrong with the bytes of an HTTP/1 message: a closed set, each a way in which parsers differ.</summary>
public enum Violation
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A line ends in LF alone, or has a CR within it.</summary>
    LineEnd,

    /// <summary>A control character within a line.</summary>
    ControlCharacter,

    /// <summary>The request line is not method, target and version with one space between.</summary>
    RequestLine,

    /// <summary>The method is no token.</summary>
    Method,

    /// <summary>The target has bytes that no URI has, or a form that its method does not take.</summary>
    Target,

    /// <summary>The version is not HTTP/1.0 or HTTP/1.1.</summary>
    Version,

    /// <summary>The bytes after the first line of an HTTP/2 preface are another's.</summary>
    Preface,

    /// <summary>A field name is empty, no token, or followed by a space.</summary>
    FieldName,

    /// <summary>A field goes on in the next line.</summary>
    LineFolding,

    /// <summary>HTTP/1.1 without Host.</summary>
    HostMissing,

    /// <summary>More than one Host.</summary>
    HostRepeated,

    /// <summary>Host is no host name or address with an optional port.</summary>
    HostInvalid,

    /// <summary>Host and the URI of the request line name different hosts.</summary>
    HostMismatch,

    /// <summary>More than one Content-Length.</summary>
    LengthRepeated,

    /// <summary>Content-Length is anything but digits, or too large.</summary>
    LengthInvalid,

    /// <summary>A POST or PUT in HTTP/1.0 without Content-Length: its body is none, or everything up to the end.</summary>
    LengthMissing,

    /// <summary>More than one Transfer-Encoding.</summary>
    EncodingRepeated,

    /// <summary>Transfer-Encoding is anything but <c>chunked</c>.</summary>
    EncodingInvalid,

    /// <summary>Transfer-Encoding in HTTP/1.0.</summary>
    EncodingInHttp10,

    /// <summary>Both Content-Length and Transfer-Encoding.</summary>
    LengthAndEncoding,

    /// <summary>A chunk size is no hexadecimal number, or too large.</summary>
    ChunkSize,

    /// <summary>A chunk's data is longer than its size says.</summary>
    ChunkEnd,

    /// <summary>A field that frames or routes a message, in its trailers.</summary>
    TrailerField,

    /// <summary>The request line is longer than allowed.</summary>
    RequestLineTooLong,

    /// <summary>The fields are longer than allowed.</summary>
    FieldsTooLong,

    /// <summary>There are more fields than allowed.</summary>
    TooManyFields,

    /// <summary>A chunk-size line is longer than allowed.</summary>
    ChunkLineTooLong,
}
