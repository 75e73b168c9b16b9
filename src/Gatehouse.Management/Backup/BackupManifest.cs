using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Gatehouse.Management;

/// <summary>What a backup says about itself; the last entry of its file.</summary>
public sealed record BackupManifest
{
    /// <summary>The form of the file this build writes and reads.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The form of the file.</summary>
    public required int Format { get; init; }

    /// <summary>The build that wrote it.</summary>
    public required string Version { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The catalogue's history then.</summary>
    public required string History { get; init; }

    /// <summary>The newest change in it.</summary>
    public required long Epoch { get; init; }

    /// <summary>Migrations its tables had, of every context.</summary>
    public required ImmutableArray<string> Migrations { get; init; }

    /// <summary>Its tables.</summary>
    public required ImmutableArray<BackupTable> Tables { get; init; }
}

/// <summary>One table in a backup.</summary>
/// <param name="Name">The table's name.</param>
/// <param name="Columns">Its columns, in the order of a row's values.</param>
/// <param name="Rows">How many rows.</param>
/// <param name="Sha256">Over the entry's bytes, upper-case hexadecimal.</param>
public sealed record BackupTable(string Name, ImmutableArray<string> Columns, long Rows, string Sha256);

/// <summary>A backup that cannot be used: cut, changed, of a newer build, or of another cluster.</summary>
public sealed class BackupException(string message, Exception? cause = null) : Exception(message, cause);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(BackupManifest))]
internal sealed partial class BackupJson : JsonSerializerContext;
