using System.Buffers;
using Gatehouse.Gateway.Lane;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>Writing to a server's body.</summary>
internal static class BodyWriting
{
    /// <summary>
    /// Writes all of it at once. The runtime's own <c>Write</c> asks for no particular room first, and before the head has
    /// left the server then gives none.
    /// </summary>
    public static void Append(this IBufferWriter<byte> body, ReadOnlySpan<byte> bytes)
    {
        if (body is LaneAnswer answer)
        {
            answer.Append(bytes);
        }
        else if (!bytes.IsEmpty)
        {
            bytes.CopyTo(body.GetSpan(bytes.Length));
            body.Advance(bytes.Length);
        }
    }
}
