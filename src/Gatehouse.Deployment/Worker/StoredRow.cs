using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>What a node holds of one entity.</summary>
/// <param name="Change">The entity as it was sent.</param>
/// <param name="Refusal">Why the node does not run it; null for a row that runs.</param>
internal sealed record StoredRow(EntityChange Change, Refusal? Refusal)
{
    /// <summary>A digest over every column, so that a flipped bit in a name or an expiry shows as one in the content does.</summary>
    public Digest Seal() => SealOf(Change, Refusal);

    public static Digest SealOf(EntityChange change, Refusal? refusal)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(change.SignedBytes(""));
        hash.AppendData(change.Signature.Span);
        if (refusal is not null)
        {
            hash.AppendData("refused"u8);
            hash.AppendData(Encoding.UTF8.GetBytes($"{refusal.Field}\n{refusal.Reason}"));
        }

        return Digest.From(hash.GetHashAndReset());
    }
}

/// <summary>What the store remembers of a row in memory.</summary>
internal readonly record struct RowFacts(Digest Content, DateTimeOffset? ExpiresAt, Digest Seal);

/// <summary>The name of a row: kind and name of its entity.</summary>
internal readonly record struct RowKey(string Kind, string Name)
{
    public RowKey(EntityChange change)
        : this(change.Kind, change.Name) { }

    public RowKey(Refusal refusal)
        : this(refusal.Kind, refusal.Name) { }

    public override string ToString() => $"{Kind} {Name}";
}
