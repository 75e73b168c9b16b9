namespace Gatehouse.Gateway.Strictness;

/// <summary>What the caller is told about a violation.</summary>
internal static class ViolationText
{
    /// <summary>The status line of the answer.</summary>
    public static (int Status, string Reason) Status(Violation violation) =>
        violation switch
        {
            Violation.RequestLineTooLong => (414, "URI Too Long"),
            Violation.FieldsTooLong or Violation.TooManyFields => (431, "Request Header Fields Too Large"),
            Violation.Version => (505, "HTTP Version Not Supported"),
            _ => (400, "Bad Request"),
        };

    /// <summary>One sentence without anything the caller sent, so that it needs no escaping anywhere.</summary>
    public static string Explain(Violation violation) =>
        violation switch
        {
            Violation.LineEnd => "Every line of a request ends in CR LF, and neither occurs elsewhere in it.",
            Violation.ControlCharacter => "The request has a control character in a line.",
            Violation.RequestLine => "The request line is not 'METHOD target HTTP/1.1' with one space between.",
            Violation.Method => "The method is not a token.",
            Violation.Target => "The request target has characters or a form that are not allowed there.",
            Violation.Version => "The version is neither HTTP/1.1 nor HTTP/1.0.",
            Violation.Preface => "The HTTP/2 connection preface is incomplete.",
            Violation.FieldName =>
                "A header name is empty, has characters that are not allowed, or is followed by a space.",
            Violation.LineFolding => "A header is continued on a second line.",
            Violation.HostMissing => "The request has no Host.",
            Violation.HostRepeated => "There is more than one Host header.",
            Violation.HostInvalid => "The Host header is not a host name or address with an optional port.",
            Violation.HostMismatch => "The Host header and the request target name different hosts.",
            Violation.LengthRepeated => "There is more than one Content-Length header.",
            Violation.LengthInvalid => "Content-Length is not a number of at most 19 digits.",
            Violation.LengthMissing => "POST and PUT need a Content-Length in HTTP/1.0.",
            Violation.EncodingRepeated => "There is more than one Transfer-Encoding header.",
            Violation.EncodingInvalid => "Transfer-Encoding is not 'chunked', the only one accepted.",
            Violation.EncodingInHttp10 => "HTTP/1.0 has no Transfer-Encoding.",
            Violation.LengthAndEncoding => "There are both a Content-Length and a Transfer-Encoding header.",
            Violation.ChunkSize => "A chunk size is not a hexadecimal number below 2 GiB.",
            Violation.ChunkEnd => "The data of a chunk does not end where its size says.",
            Violation.TrailerField => "Host, Content-Length and Transfer-Encoding are not allowed in trailers.",
            Violation.RequestLineTooLong => "The request line is too long.",
            Violation.FieldsTooLong => "The headers are too long.",
            Violation.TooManyFields => "There are too many headers.",
            Violation.ChunkLineTooLong => "A chunk-size line is too long.",
            _ => throw new ArgumentOutOfRangeException(nameof(violation), violation, null),
        };
}
