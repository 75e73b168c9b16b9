using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>The one row that every writer locks first.</summary>
public sealed class HeadRow
{
    /// <summary>Always 1.</summary>
    public int Id { get; set; } = 1;

    /// <summary>Names one unbroken line of epochs.</summary>
    public required string History { get; set; }

    /// <summary>When this history began.</summary>
    public DateTimeOffset HistoryBeganAt { get; set; }

    /// <summary>Why it began: <c>created</c>, or what a restore said.</summary>
    public required string HistoryReason { get; set; }

    /// <summary>The newest change.</summary>
    public long Epoch { get; set; }

    /// <summary>The chain at <see cref="Epoch"/>.</summary>
    public Digest Chain { get; set; }

    /// <summary>Tombstones up to here were purged: a cursor below it needs a full scan.</summary>
    public long TombstoneFloor { get; set; }

    /// <summary>The newest audit entry, so that a cut tail is noticed.</summary>
    public long AuditId { get; set; }

    /// <summary>The audit chain at <see cref="AuditId"/>.</summary>
    public Digest AuditChain { get; set; }
}

/// <summary>The end of one transaction.</summary>
public sealed class HeadMark
{
    /// <summary>Its last epoch.</summary>
    public long Epoch { get; set; }

    /// <summary>The chain there.</summary>
    public Digest Chain { get; set; }

    /// <summary>When it was committed.</summary>
    public DateTimeOffset At { get; set; }
}

/// <summary>The newest change of one entity.</summary>
public sealed class EntityRow
{
    /// <summary>One of <see cref="EntityKinds"/>.</summary>
    public required string Kind { get; set; }

    /// <summary>Unique within the kind.</summary>
    public required string Name { get; set; }

    /// <summary>The number of this change.</summary>
    public long Epoch { get; set; }

    /// <summary>Of <see cref="Payload"/>.</summary>
    public Digest Digest { get; set; }

    /// <summary>Canonical JSON; empty for a tombstone.</summary>
    public byte[] Payload { get; set; } = [];

    /// <summary>A tombstone.</summary>
    public bool Deleted { get; set; }

    /// <summary>When holders stop honouring it.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }

    /// <summary>The catalogue key's signature.</summary>
    public byte[] Signature { get; set; } = [];

    internal EntityChange ToChange() =>
        new()
        {
            Kind = Kind,
            Name = Name,
            Epoch = Epoch,
            Deleted = Deleted,
            Payload = Payload,
            Digest = Digest,
            ExpiresAt = ExpiresAt,
            Signature = Signature,
        };
}

/// <summary>One immutable state of one API.</summary>
public sealed class RevisionRow
{
    /// <summary>The API's entity name, <c>name:version</c>.</summary>
    public required string Api { get; set; }

    /// <summary>1 and up within the API.</summary>
    public int Number { get; set; }

    /// <summary>Of <see cref="Definition"/>.</summary>
    public Digest Digest { get; set; }

    /// <summary>Canonical JSON of the definition.</summary>
    public byte[] Definition { get; set; } = [];

    /// <summary>The document it was made from; null when there is none.</summary>
    public Digest? DocumentDigest { get; set; }

    /// <summary>What its publisher said about it.</summary>
    public string? Message { get; set; }

    /// <summary>Who made it.</summary>
    public required string CreatedBy { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>A document as it was handed in, such as an OpenAPI file.</summary>
public sealed class DocumentRow
{
    /// <summary>Of <see cref="Content"/>.</summary>
    public Digest Digest { get; set; }

    /// <summary>Its bytes.</summary>
    public byte[] Content { get; set; } = [];

    /// <summary>Such as <c>application/yaml</c>.</summary>
    public required string MediaType { get; set; }
}

/// <summary>A secret wrapped by the cluster key.</summary>
public sealed class SecretRow
{
    /// <summary>What it is called; bound into the wrapping.</summary>
    public required string Name { get; set; }

    /// <summary>Ciphertext.</summary>
    public byte[] Wrapped { get; set; } = [];
}

/// <summary>A join token. Its secret is never stored.</summary>
public sealed class JoinTokenRow
{
    /// <summary>Public part.</summary>
    public required string Id { get; set; }

    /// <summary>SHA-256 of the secret.</summary>
    public Digest SecretHash { get; set; }

    /// <summary>What its node becomes.</summary>
    public Profile Profile { get; set; }

    /// <summary>How its node is called.</summary>
    public required string Node { get; set; }

    /// <summary>The environments that its node may serve, with commas between; null for the default one.</summary>
    public string? Environments { get; set; }

    /// <summary><see cref="Environments"/> one by one.</summary>
    internal ImmutableArray<string> EnvironmentNames() =>
        Environments is { Length: > 0 } names ? [.. names.Split(',')] : [GatewayEnvironment.Default];

    /// <summary>Who made it.</summary>
    public required string CreatedBy { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>Not good for anything from here on.</summary>
    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; set; }

    /// <summary>The public key it was first used with.</summary>
    public Digest? PublicKey { get; set; }

    /// <summary>When it was first used.</summary>
    public DateTimeOffset? UsedAt { get; set; }
}

/// <summary>A bearer token. Only its hash is stored.</summary>
public sealed class AccessTokenRow
{
    /// <summary>Names it in lists and in the audit.</summary>
    public required string Id { get; set; }

    /// <summary>SHA-256 of the token.</summary>
    public Digest Hash { get; set; }

    /// <summary>Whose it is.</summary>
    public required string User { get; set; }

    /// <summary>What its holder may do.</summary>
    public required string Role { get; set; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it ends.</summary>
    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>When it was revoked; null while it is good.</summary>
    public DateTimeOffset? RevokedAt { get; set; }
}

/// <summary>A single-use sign-in code. Only its hash is stored.</summary>
public sealed class SignInCodeRow
{
    /// <summary>SHA-256 of the code.</summary>
    public Digest Hash { get; set; }

    /// <summary>Whom it signs in.</summary>
    public required string User { get; set; }

    /// <summary>What the token made from it may do.</summary>
    public required string Role { get; set; }

    /// <summary>When it ends.</summary>
    public DateTimeOffset ExpiresAt { get; set; }
}

/// <summary>What a node said last.</summary>
public sealed class NodeStatusRow
{
    /// <summary>The node's name.</summary>
    public required string Node { get; set; }

    /// <summary>Its last report, a serialised <c>NodeReport</c>.</summary>
    public byte[] Report { get; set; } = [];

    /// <summary>When it came.</summary>
    public DateTimeOffset ReportedAt { get; set; }

    /// <summary>When the node was last heard of.</summary>
    public DateTimeOffset SeenAt { get; set; }

    /// <summary>Serial number of the certificate it came with.</summary>
    public required string SerialNumber { get; set; }

    /// <summary>When it was seen to hold a state that this catalogue does not know; null when that never happened.</summary>
    public DateTimeOffset? ResetAt { get; set; }

    /// <summary>The state it held then.</summary>
    public string? ResetHeld { get; set; }
}

/// <summary>A certificate that was issued to a node, so that eviction knows what to deny.</summary>
public sealed class NodeCertificateRow
{
    /// <summary>Upper-case hexadecimal.</summary>
    public required string SerialNumber { get; set; }

    /// <summary>The node it names.</summary>
    public required string Node { get; set; }

    /// <summary>Its end.</summary>
    public DateTimeOffset NotAfter { get; set; }

    /// <summary>When it was issued.</summary>
    public DateTimeOffset IssuedAt { get; set; }
}

/// <summary>One line of the audit.</summary>
public sealed class AuditRow
{
    /// <summary>1 and up without gaps.</summary>
    public long Id { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>Who.</summary>
    public required string Actor { get; set; }

    /// <summary>From where.</summary>
    public required string From { get; set; }

    /// <summary>What, in one line.</summary>
    public required string Summary { get; set; }

    /// <summary>JSON array of the entities changed, before and after, secrets masked.</summary>
    public required string Changes { get; set; }

    /// <summary>SHA-256 over the entry before and this one.</summary>
    public Digest Chain { get; set; }
}
