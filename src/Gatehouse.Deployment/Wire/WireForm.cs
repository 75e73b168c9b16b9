using System.Security.Cryptography;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;
using Google.Protobuf;

namespace Gatehouse.Deployment.Wire;

/// <summary>Turns what the feed says into our own types and back. Reading is strict: what it returns is whole and intact.</summary>
internal static class WireForm
{
    /// <summary>The newest form of feed message this build writes and reads.</summary>
    public const uint Format = 1;

    public static Cursor Write(CatalogueHead head) =>
        new()
        {
            History = head.History,
            Epoch = head.Epoch,
            Chain = Write(head.Chain),
        };

    public static FeedMessage Write(EntityChange change) =>
        new()
        {
            Change = new Change
            {
                Kind = change.Kind,
                Name = change.Name,
                Epoch = change.Epoch,
                Deleted = change.Deleted,
                // Neither is written to after it was made, so the message may share the bytes.
                Payload = UnsafeByteOperations.UnsafeWrap(change.Payload),
                Signature = UnsafeByteOperations.UnsafeWrap(change.Signature),
                Digest = Write(change.Digest),
                ExpiresAt = change.ExpiresAt?.ToUnixTimeMilliseconds() ?? 0,
            },
        };

    public static FeedMessage Write(SignedHeartbeat heartbeat) =>
        new()
        {
            Heartbeat = new Heartbeat
            {
                Head = Write(heartbeat.Head),
                IssuedAt = heartbeat.IssuedAt.ToUnixTimeMilliseconds(),
                Signature = UnsafeByteOperations.UnsafeWrap(heartbeat.Signature),
            },
        };

    public static FeedMessage WriteEnd(CatalogueHead head) =>
        new() { End = new TransactionEnd { Cursor = Write(head) } };

    public static FeedMessage WriteFooter(FeedScan scan) =>
        new()
        {
            Footer = new ScanFooter
            {
                Cursor = Write(scan.Head),
                Count = scan.Changes.Length,
                Digest = Write(DigestOf(scan.Changes)),
            },
        };

    /// <summary>What <see cref="ScanFooter.Digest"/> holds: SHA-256 over the digests in the order sent.</summary>
    public static Digest DigestOf(IEnumerable<EntityChange> scan)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> bytes = stackalloc byte[Digest.Size];
        foreach (var change in scan)
        {
            change.Digest.CopyTo(bytes);
            hash.AppendData(bytes);
        }

        return Digest.From(hash.GetHashAndReset());
    }

    /// <summary>Null when there is no cursor, or one that names no state.</summary>
    public static CatalogueHead? TryRead(Cursor? cursor) =>
        cursor is { History.Length: > 0 and <= 200, Epoch: >= 0, Chain.Length: Digest.Size }
            ? new(cursor.History, cursor.Epoch, Digest.From(cursor.Chain.Span))
            : null;

    public static CatalogueHead Read(Cursor? cursor, string where) =>
        TryRead(cursor) ?? throw new FeedViolationException($"The {where} names no state of a catalogue.");

    public static EntityChange Read(Change change)
    {
        if (change.Kind.Length is 0 or > 100 || change.Name.Length is 0 or > 1000 || change.Epoch <= 0)
        {
            throw new FeedViolationException("A change came without its kind, name or epoch.");
        }

        if (change.Payload.Length > EntityChange.MaxPayload || change.Signature.Length > 1000)
        {
            throw new FeedViolationException(
                $"{change.Kind} {change.Name} at epoch {change.Epoch} is {change.Payload.Length} bytes; an entity has at most {EntityChange.MaxPayload}."
            );
        }

        if (change.Digest.Length != Digest.Size || Digest.Of(change.Payload.Span) != Digest.From(change.Digest.Span))
        {
            throw new FeedViolationException(
                $"The content of {change.Kind} {change.Name} at epoch {change.Epoch} does not have the digest it came with; it was damaged on the way."
            );
        }

        return new()
        {
            Kind = change.Kind,
            Name = change.Name,
            Epoch = change.Epoch,
            Deleted = change.Deleted,
            Payload = change.Payload.Memory,
            Digest = Digest.From(change.Digest.Span),
            ExpiresAt = change.ExpiresAt == 0 ? null : ReadTime(change.ExpiresAt),
            Signature = change.Signature.Memory,
        };
    }

    public static SignedHeartbeat Read(Heartbeat heartbeat) =>
        new(Read(heartbeat.Head, "heartbeat"), ReadTime(heartbeat.IssuedAt), heartbeat.Signature.Memory);

    private static ByteString Write(Digest digest) => UnsafeByteOperations.UnsafeWrap(digest.ToArray());

    private static DateTimeOffset ReadTime(long milliseconds) =>
        milliseconds is > 0 and < 253_402_300_800_000
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : throw new FeedViolationException($"{milliseconds} is no time.");
}

/// <summary>The other side of a feed sent what no sound manager sends. Nothing of the transaction it came in is used.</summary>
internal sealed class FeedViolationException(string message) : Exception(message);
