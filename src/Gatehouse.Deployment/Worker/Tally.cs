using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// The exclusive or of many digests: adding and taking away one costs the same however many there are. Shows that a row is
/// missing or too many; a page of the file that lost its rows reads as an empty one.
/// </summary>
internal readonly record struct Tally(UInt128 High, UInt128 Low)
{
    /// <summary>The tally with <paramref name="digest"/> added, or taken away when it is in.</summary>
    public Tally With(Digest digest)
    {
        Span<byte> bytes = stackalloc byte[Digest.Size];
        digest.CopyTo(bytes);
        return new(
            High ^ System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes),
            Low ^ System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes[16..])
        );
    }
}
