using System.Buffers;
using System.Globalization;
using System.Text;

namespace Gatehouse.Gateway.Strictness;

/// <summary>The response to a request whose head is refused, written without Kestrel.</summary>
internal static class RefusalAnswer
{
    /// <summary>Writes a whole response that ends the connection.</summary>
    public static void Write(IBufferWriter<byte> output, Violation violation, string requestId, DateTimeOffset now)
    {
        var (status, reason) = ViolationText.Status(violation);
        var payload =
            $$"""{"code":"{{status}}","type":"Status report","message":"{{reason}}","description":"{{ViolationText.Explain(violation)}}"}""";
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status} {reason}\r\nDate: {now:r}\r\nContent-Type: application/json\r\n"
                + $"Content-Length: {payload.Length}\r\nX-Request-Id: {requestId}\r\nConnection: close\r\n\r\n"
        );
        Encoding.ASCII.GetBytes(head, output);
        Encoding.ASCII.GetBytes(payload, output);
    }
}
