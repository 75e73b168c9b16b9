using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>A live entity as the catalogue holds it.</summary>
/// <param name="Kind">One of <see cref="EntityKinds"/>.</param>
/// <param name="Name">Unique within the kind.</param>
/// <param name="Epoch">Its newest change; what an <c>ETag</c> shows and an expected epoch is compared with.</param>
/// <param name="Digest">Of its canonical JSON.</param>
/// <param name="Value">The entity.</param>
/// <param name="ExpiresAt">When it stops being honoured; null for never.</param>
public sealed record StoredEntity<T>(
    string Kind,
    string Name,
    long Epoch,
    Digest Digest,
    T Value,
    DateTimeOffset? ExpiresAt
);

/// <summary>What a commit came to.</summary>
/// <param name="Head">The head after it.</param>
/// <param name="Moved">False when every put had equal content and every deleted entity was gone: no epoch was taken.</param>
public sealed record CommitResult(CatalogueHead Head, bool Moved)
{
    /// <summary>The epoch a node must have applied to run everything in this commit.</summary>
    public long Epoch => Head.Epoch;
}

/// <summary>An entity is not at the epoch its writer expected: somebody else was faster.</summary>
/// <param name="kind">The entity's kind.</param>
/// <param name="name">The entity's name.</param>
/// <param name="expected">The epoch the writer knew; 0 when it must not exist.</param>
/// <param name="actual">Its epoch now; 0 when there is none.</param>
public sealed class EntityConflictException(string kind, string name, long expected, long actual)
    : Exception(
        (expected, actual) switch
        {
            (0, _) => $"There already is a {kind} '{name}' (epoch {actual}).",
            (_, 0) => $"There is no {kind} '{name}' any more (expected epoch {expected}).",
            _ => $"The {kind} '{name}' was changed meanwhile: it is at epoch {actual}, not {expected}. Read it again.",
        }
    )
{
    /// <summary>The entity's kind.</summary>
    public string Kind { get; } = kind;

    /// <summary>The entity's name.</summary>
    public string Name { get; } = name;

    /// <summary>The epoch the writer knew; 0 when the entity must not exist.</summary>
    public long Expected { get; } = expected;

    /// <summary>The entity's epoch now; 0 when there is none.</summary>
    public long Actual { get; } = actual;
}

/// <summary>An entity is larger than the feed carries.</summary>
public sealed class EntityTooLargeException(string message) : Exception(message);

/// <summary>
/// The database went away under a commit and did not come back in time to tell whether it holds it.
/// </summary>
public sealed class CommitInDoubtException(string reason, Exception cause)
    : Exception($"The database went away while the change was committed ({reason.TrimEnd('.')}).", cause);
