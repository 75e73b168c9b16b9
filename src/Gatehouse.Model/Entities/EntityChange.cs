using System.Buffers.Binary;
using System.Text;

namespace Gatehouse.Model;

/// <summary>
/// One put or delete of one entity, as it stands in the catalogue, travels in the feed and lies in a worker's store.
/// </summary>
public sealed record EntityChange
{
    /// <summary>One of <see cref="EntityKinds"/>, or a kind that only a newer manager knows.</summary>
    public required string Kind { get; init; }

    /// <summary>Unique within the kind.</summary>
    public required string Name { get; init; }

    /// <summary>The cluster-wide number of this change. Grows without gaps within one history of the catalogue.</summary>
    public required long Epoch { get; init; }

    /// <summary>True for a tombstone: the entity is gone and <see cref="Payload"/> is empty.</summary>
    public bool Deleted { get; init; }

    /// <summary>Canonical JSON of the entity (<see cref="CanonicalJson"/>); at most <see cref="MaxPayload"/> bytes.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>SHA-256 of <see cref="Payload"/>.</summary>
    public required Digest Digest { get; init; }

    /// <summary>When every holder stops honouring the entity without being told; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The catalogue key's signature over <see cref="SignedBytes"/>; lets a node take the change from a peer.</summary>
    public ReadOnlyMemory<byte> Signature { get; init; }

    /// <summary>The largest payload the feed carries: 1 MiB.</summary>
    public const int MaxPayload = 1 << 20;

    /// <summary>True when <see cref="Digest"/> is the digest of <see cref="Payload"/>.</summary>
    public bool IsIntact() => Digest.Of(Payload.Span) == Digest;

    /// <summary>
    /// What the catalogue key signs and what the chain runs over: every field but the payload, which the digest stands for,
    /// each length-prefixed so that no two changes share an encoding.
    /// </summary>
    public byte[] SignedBytes(string history)
    {
        using var bytes = new MemoryStream(160);
        Write(bytes, history);
        Write(bytes, Kind);
        Write(bytes, Name);
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, Epoch);
        bytes.Write(number);
        bytes.WriteByte(Deleted ? (byte)1 : (byte)0);
        BinaryPrimitives.WriteInt64BigEndian(number, ExpiresAt?.ToUnixTimeMilliseconds() ?? 0);
        bytes.Write(number);
        bytes.Write(Digest.ToArray());
        return bytes.ToArray();
    }

    private static void Write(MemoryStream bytes, string text)
    {
        var encoded = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, encoded.Length);
        bytes.Write(length);
        bytes.Write(encoded);
    }
}
