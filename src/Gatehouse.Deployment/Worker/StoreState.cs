using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// The one row of the store beside its entities, written in the same commit as they are: where it stands, and what lets a
/// start see that a row is missing.
/// </summary>
internal sealed record StoreState
{
    /// <summary>The newest form this build reads.</summary>
    public const int NewestFormat = 1;

    public int Format { get; init; } = NewestFormat;

    /// <summary>Null while only a full scan can tell what the rows are worth.</summary>
    public CatalogueHead? Cursor { get; init; }

    /// <summary>Whose deployments the rows hold; null in files of builds without environments.</summary>
    public string[]? Environments { get; init; }

    /// <summary>True while the rows came from a peer and no manager confirmed them.</summary>
    public bool Unverified { get; init; }

    /// <summary>The seals of all rows, combined.</summary>
    public Tally Rows { get; init; }

    /// <summary>The seals of the rows that close access (<see cref="EntityKinds.IsRestrictive"/>).</summary>
    public Tally Restrictions { get; init; }

    public CatalogueHead? VouchedHead { get; init; }

    public DateTimeOffset? VouchedAt { get; init; }

    public byte[] VouchedSignature { get; init; } = [];

    /// <summary>The newest heartbeat whose head the rows hold: a manager says they were all there was at that time.</summary>
    [JsonIgnore]
    public SignedHeartbeat? Vouched
    {
        get => VouchedHead is { } head && VouchedAt is { } at ? new(head, at, VouchedSignature) : null;
        init
        {
            VouchedHead = value?.Head;
            VouchedAt = value?.IssuedAt;
            VouchedSignature = value is null ? [] : value.Signature.ToArray();
        }
    }

    /// <summary>Its digest, then JSON.</summary>
    public byte[] Write()
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.StoreState);
        return [.. Digest.Of(json).ToArray(), .. json];
    }

    /// <summary>Null when a bit of it is not as it was written.</summary>
    public static StoreState? TryRead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= Digest.Size || Digest.Of(bytes[Digest.Size..]) != Digest.From(bytes[..Digest.Size]))
        {
            return null;
        }

        // Intact, so whatever cannot be read here was written by another build.
        var json = bytes[Digest.Size..];
        using var document = JsonDocument.Parse(json.ToArray());
        var format = document.RootElement.GetProperty(nameof(Format)).GetInt32();
        return format <= NewestFormat
            ? JsonSerializer.Deserialize(json, StoreJson.Default.StoreState)
            : throw new StoreFormatException(
                $"The store has format {format}, this build reads up to {NewestFormat}. Run the newer build, or move the "
                    + "store away: the node then reads everything again from a manager."
            );
    }
}

[JsonSerializable(typeof(StoreState))]
internal sealed partial class StoreJson : JsonSerializerContext;
