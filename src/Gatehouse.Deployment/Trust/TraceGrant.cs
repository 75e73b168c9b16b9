using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// Lets whoever shows it look behind the gateway for a short time: <c>ghx1_</c>, then base64url of its end (8 bytes, Unix
/// milliseconds), its user's name, and the catalogue key's signature. Every node holds that key's public half since it
/// joined, so a worker that is behind, or sees no manager, knows a grant all the same.
/// </summary>
public static class TraceGrant
{
    /// <summary>The longest that one is good for: it cannot be taken back.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromHours(1);

    private const string Prefix = "ghx1_";
    private const int LongestText = 512;
    private const int SignatureSize = 64;

    // A length that neither a change nor a heartbeat begins with, so that none of the three can pass for another.
    private const int Mark = -2;

    /// <summary>A grant for <paramref name="user"/>.</summary>
    public static string Issue(CatalogueKey key, string user, DateTimeOffset ends)
    {
        var claim = new byte[8 + Encoding.UTF8.GetByteCount(user)];
        BinaryPrimitives.WriteInt64BigEndian(claim, ends.ToUnixTimeMilliseconds());
        Encoding.UTF8.GetBytes(user, claim.AsSpan(8));
        return Prefix + Base64Url.EncodeToString([.. claim, .. key.Sign(Signed(claim))]);
    }

    /// <summary>When <paramref name="text"/> ends; null when it is no grant of this cluster. Does not throw.</summary>
    public static DateTimeOffset? EndOf(string text, CatalogueVerifier key)
    {
        if (text.Length > LongestText || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[LongestText];
        if (
            Base64Url.DecodeFromChars(text.AsSpan(Prefix.Length), bytes, out _, out var length)
                != System.Buffers.OperationStatus.Done
            || length <= 8 + SignatureSize
        )
        {
            return null;
        }

        var claim = bytes[..(length - SignatureSize)];
        var ends = BinaryPrimitives.ReadInt64BigEndian(claim);
        return key.Verify(Signed(claim), bytes[claim.Length..length])
            ? DateTimeOffset.FromUnixTimeMilliseconds(ends)
            : null;
    }

    private static byte[] Signed(ReadOnlySpan<byte> claim)
    {
        var bytes = new byte[4 + claim.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, Mark);
        claim.CopyTo(bytes.AsSpan(4));
        return bytes;
    }
}
