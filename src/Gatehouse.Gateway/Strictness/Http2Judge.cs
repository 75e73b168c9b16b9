using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// Refuses HTTP/2 and HTTP/3 requests that RFC 9113 §8.2 calls malformed and Kestrel lets pass, because a request that
/// goes on as HTTP/1 would be read differently.
/// </summary>
/// <remarks>
/// Kestrel itself refuses upper case in names, <c>connection</c>, a <c>te</c> other than <c>trailers</c>, unknown, repeated or late
/// pseudo-header fields, a <c>:path</c> without its slash, and a body of another length than declared. Two things it settles
/// before anyone sees them, so that one reading is left: <c>:authority</c> replaces <c>host</c>, and a length is kept as a
/// number. It lets pass, and this judge refuses: names that are no tokens; control characters, and blanks at either end, in
/// values; the other connection-specific fields; a repeated length; no host, several, or one that is none.
/// </remarks>
public static class Http2Judge
{
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    );

    private static readonly SearchValues<char> Controls = SearchValues.Create([
        .. Enumerable.Range(0, 32).Where(c => c != '\t').Append(127).Select(c => (char)c),
    ]);

    /// <summary>Why the request is malformed, or null. Call it for HTTP/2 and HTTP/3 requests only.</summary>
    public static string? Judge(IHeaderDictionary headers)
    {
        foreach (var (name, values) in headers)
        {
            // Pseudo-header fields are among Kestrel's headers, and were checked by it.
            if (name.StartsWith(':'))
            {
                continue;
            }

            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(NameCharacters))
            {
                return "A header name is empty or has characters that are not allowed.";
            }

            if (JudgeValues(values) is { } reason)
            {
                return reason;
            }
        }

        return
            headers.ContainsKey("Connection")
            || headers.ContainsKey("Proxy-Connection")
            || headers.ContainsKey("Keep-Alive")
            || headers.ContainsKey("Transfer-Encoding")
            || headers.ContainsKey("Upgrade")
            ? "Connection, Proxy-Connection, Keep-Alive, Transfer-Encoding and Upgrade belong to HTTP/1 only."
            : JudgeLength(headers["Content-Length"]) ?? JudgeHost(headers.Host);
    }

    private static string? JudgeValues(StringValues values)
    {
        foreach (var value in values)
        {
            var text = value.AsSpan();
            if (text.ContainsAny(Controls))
            {
                return "A header value has a control character.";
            }

            if (text is [' ' or '\t', ..] or [.., ' ' or '\t'])
            {
                return "A header value begins or ends with a blank.";
            }
        }

        return null;
    }

    private static string? JudgeLength(StringValues values) =>
        values.Count == 0 ? null
        : values.Count > 1 ? ViolationText.Explain(Violation.LengthRepeated)
        : values[0] is { Length: > 0 and <= 19 } length && !length.AsSpan().ContainsAnyExceptInRange('0', '9') ? null
        : ViolationText.Explain(Violation.LengthInvalid);

    private static string? JudgeHost(StringValues values)
    {
        if (values.Count != 1)
        {
            return ViolationText.Explain(values.Count == 0 ? Violation.HostMissing : Violation.HostRepeated);
        }

        Span<byte> bytes = stackalloc byte[320];
        var host = values[0].AsSpan();
        return
            host.Length <= bytes.Length
            && Ascii.FromUtf16(host, bytes, out var count) == OperationStatus.Done
            && HostName.TrySplit(bytes[..count], out _)
            ? null
            : ViolationText.Explain(Violation.HostInvalid);
    }
}
