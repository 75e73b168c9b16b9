using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// Puts and deletes that become visible together, with the rows of other tables that belong to them. Each entity may occur
/// once.
/// </summary>
/// <param name="actor">Who does it, for the audit.</param>
/// <param name="summary">What it is in one line, for the audit.</param>
public sealed class CatalogueTransaction(Actor actor, string summary)
{
    private readonly List<EntityWrite> _writes = [];
    private readonly HashSet<(string, string)> _names = [];
    private readonly List<Func<CatalogueContext, CancellationToken, Task>> _rows = [];

    internal Actor Actor { get; } = actor;

    // Rows decide some outcomes, such as a token's; they may say it here.
    internal string Summary { get; set; } = summary;

    internal IReadOnlyList<EntityWrite> Writes => _writes;

    internal IReadOnlyList<Func<CatalogueContext, CancellationToken, Task>> Rows => _rows;

    /// <summary>
    /// Writes an entity; equal content changes nothing. Throws <see cref="EntityTooLargeException"/> when its canonical JSON
    /// is larger than the feed carries.
    /// </summary>
    /// <param name="kind">One of <see cref="EntityKinds"/>.</param>
    /// <param name="name">Unique within the kind.</param>
    /// <param name="value">The entity.</param>
    /// <param name="type">How it is written.</param>
    /// <param name="expectedEpoch">The epoch it must be at; 0 when it must not exist; null for whatever there is.</param>
    /// <param name="expiresAt">When every holder stops honouring it.</param>
    public CatalogueTransaction Put<T>(
        string kind,
        string name,
        T value,
        JsonTypeInfo<T> type,
        long? expectedEpoch = null,
        DateTimeOffset? expiresAt = null
    )
    {
        var payload = CanonicalJson.Write(value, type);
        if (payload.Length > EntityChange.MaxPayload)
        {
            throw new EntityTooLargeException(TooLarge(kind, name, payload));
        }

        return Add(new(kind, name, payload, Deleted: false, expectedEpoch, Truncate(expiresAt)));
    }

    /// <summary>Deletes an entity; one that is gone already changes nothing unless <paramref name="expectedEpoch"/> says it must be there.</summary>
    public CatalogueTransaction Delete(string kind, string name, long? expectedEpoch = null) =>
        Add(new(kind, name, [], Deleted: true, expectedEpoch, null));

    /// <summary>Adds rows of other tables to the same transaction. They are saved by the commit; a throw undoes all of it.</summary>
    public CatalogueTransaction Also(Func<CatalogueContext, CancellationToken, Task> rows)
    {
        _rows.Add(rows);
        return this;
    }

    private CatalogueTransaction Add(EntityWrite write)
    {
        ArgumentException.ThrowIfNullOrEmpty(write.Kind);
        ArgumentException.ThrowIfNullOrEmpty(write.Name);
        if (!_names.Add((write.Kind, write.Name)))
        {
            throw new InvalidOperationException(
                $"The {write.Kind} '{write.Name}' is already part of this transaction."
            );
        }

        _writes.Add(write);
        return this;
    }

    // The wire and the signature know milliseconds only.
    private static DateTimeOffset? Truncate(DateTimeOffset? time) =>
        time is { } t ? DateTimeOffset.FromUnixTimeMilliseconds(t.ToUnixTimeMilliseconds()) : null;

    private static string TooLarge(string kind, string name, byte[] payload)
    {
        using var document = JsonDocument.Parse(payload);
        var parts =
            document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                    .RootElement.EnumerateObject()
                    .Select(m => (m.Name, Size: System.Text.Encoding.UTF8.GetByteCount(m.Value.GetRawText())))
                    .OrderByDescending(m => m.Size)
                    .Take(3)
                    .Select(m => $"{m.Name} {m.Size:N0}")
                : [];
        return $"The {kind} '{name}' has {payload.Length:N0} bytes; a node takes at most {EntityChange.MaxPayload:N0}. "
            + $"Its largest parts: {string.Join(", ", parts)}.";
    }
}

internal sealed record EntityWrite(
    string Kind,
    string Name,
    byte[] Payload,
    bool Deleted,
    long? ExpectedEpoch,
    DateTimeOffset? ExpiresAt
);
