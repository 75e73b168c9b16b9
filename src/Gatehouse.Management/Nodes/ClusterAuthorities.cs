using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// The cluster's authority as every manager reads it from the catalogue, and the one that takes over from it while a rotation
/// runs. Both lie there wrapped by the cluster key.
/// </summary>
public sealed class ClusterAuthorities
{
    /// <summary>The secret with the authority's key. Append only, as the others: the name is part of the wrapping.</summary>
    public const string KeySecret = "authority-key";

    /// <summary>The secret with its certificate.</summary>
    public const string CertificateSecret = "authority-certificate";

    /// <summary>The secret with the next authority and the stage of its rotation; there is none while no rotation runs.</summary>
    public const string RotationSecret = "authority-rotation";

    /// <summary>The secret with the pins of those before the present one; there is none before the first rotation.</summary>
    public const string FormerSecret = "authority-former";

    private static readonly string[] s_names = [KeySecret, CertificateSecret, RotationSecret, FormerSecret];

    private readonly CatalogueDatabase _database;
    private readonly ClusterKey _key;
    private readonly TimeProvider _time;
    private readonly Lock _taking = new();
    private State? _state;
    private long _asked;
    private long _taken;

    private ClusterAuthorities(CatalogueDatabase database, ClusterKey key, TimeProvider time)
    {
        _database = database;
        _key = key;
        _time = time;
    }

    /// <summary>Who issues and who is believed, for the next certificate.</summary>
    public ClusterTrust Current => Now.Trust;

    /// <summary>The rotation that runs; null when none does.</summary>
    public RunningRotation? Rotation => Now.Rotation;

    /// <summary>The authority that a rotation replaces, or the one there is.</summary>
    public X509Certificate2 Present => Now.Present.Certificate;

    private State Now => Volatile.Read(ref _state)!;

    /// <summary>Reads them. Throws <see cref="InvalidDataException"/> when the catalogue holds none.</summary>
    public static async Task<ClusterAuthorities> LoadAsync(
        CatalogueDatabase database,
        ClusterKey key,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        var authorities = new ClusterAuthorities(database, key, time);
        await authorities.RefreshAsync(cancellation).ConfigureAwait(false);
        return authorities;
    }

    /// <summary>Reads them again, for what another manager did. Cheap when nothing is new.</summary>
    public async Task RefreshAsync(CancellationToken cancellation)
    {
        var asked = Interlocked.Increment(ref _asked);
        List<SecretRow> rows;
        var context = _database.Open();
        await using (context.ConfigureAwait(false))
        {
            rows = await context
                .Secrets.AsNoTracking()
                .Where(s => s_names.Contains(s.Name))
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
        }

        var stored = rows.ToImmutableSortedDictionary(r => r.Name, r => r.Wrapped, StringComparer.Ordinal);
        lock (_taking)
        {
            // What was asked for later holds all that there was when this was asked for, and may hold more.
            if (asked > _taken)
            {
                _taken = asked;
                Take(stored);
            }
        }
    }

    private void Take(ImmutableSortedDictionary<string, byte[]> stored)
    {
        if (_state is { } known && Equal(known.Stored, stored))
        {
            return;
        }

        var present = CertificateAuthority.Load(Require(stored, CertificateSecret), Require(stored, KeySecret), _time);
        var kept = Open(stored, RotationSecret) is { } json
            ? JsonSerializer.Deserialize(json, RotationJson.Default.KeptRotation)
            : null;
        var next = kept is null ? null : CertificateAuthority.Load(kept.Certificate, kept.Key, _time);
        var trust =
            next is null ? new ClusterTrust(present)
            : kept!.Stage == RotationStage.Issue ? new ClusterTrust(next, present.Certificate)
            : new ClusterTrust(present, next.Certificate);
        Volatile.Write(
            ref _state,
            new(stored, present, trust, kept is null ? null : new(kept.Stage, next!.Certificate, kept.BeganAt, kept.By))
        );
    }

    /// <summary>Adds the next authority to a transaction: nodes are to learn to believe it.</summary>
    internal Task BeginAsync(CatalogueContext context, string cluster, string by, CancellationToken cancellation)
    {
        using var next = CertificateAuthority.CreateSuccessor(cluster, _time);
        var rotation = new KeptRotation(
            RotationStage.Trust,
            next.Certificate.RawData,
            next.ExportKey(),
            _time.GetUtcNow(),
            by
        );
        return PutAsync(context, RotationSecret, Write(rotation), cancellation);
    }

    /// <summary>The rotation as it is stored, read under the transaction's lock; null when none runs.</summary>
    internal async Task<KeptRotation?> FindAsync(CatalogueContext context, CancellationToken cancellation) =>
        await context.Secrets.FindAsync([RotationSecret], cancellation).ConfigureAwait(false) is { } row
            ? JsonSerializer.Deserialize(_key.Unwrap(RotationSecret, row.Wrapped), RotationJson.Default.KeptRotation)
            : null;

    /// <summary>Moves a rotation to another stage.</summary>
    internal Task MoveAsync(
        CatalogueContext context,
        KeptRotation rotation,
        RotationStage stage,
        CancellationToken cancellation
    ) => PutAsync(context, RotationSecret, Write(rotation with { Stage = stage }), cancellation);

    /// <summary>Ends a rotation that was taken back: the present authority stays.</summary>
    internal static async Task DropNextAsync(CatalogueContext context, CancellationToken cancellation)
    {
        if (await context.Secrets.FindAsync([RotationSecret], cancellation).ConfigureAwait(false) is { } row)
        {
            context.Secrets.Remove(row);
        }
    }

    /// <summary>Ends a rotation: the next authority is the present one, and the one before counts no more.</summary>
    internal async Task ReplaceAsync(CatalogueContext context, KeptRotation rotation, CancellationToken cancellation)
    {
        var former = await OpenAsync(context, FormerSecret, cancellation).ConfigureAwait(false) ?? [];
        var present = await OpenAsync(context, CertificateSecret, cancellation).ConfigureAwait(false) ?? [];
        await PutAsync(context, FormerSecret, [.. former, .. Digest.Of(present).ToArray()], cancellation)
            .ConfigureAwait(false);
        await PutAsync(context, CertificateSecret, rotation.Certificate, cancellation).ConfigureAwait(false);
        await PutAsync(context, KeySecret, rotation.Key, cancellation).ConfigureAwait(false);
        await DropNextAsync(context, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// What a restore of <paramref name="restored"/> over <paramref name="present"/> keeps of the present secrets: those of the
    /// authority when it is the restored one or took over from it. Nodes believe it by now, and its key is nowhere else.
    /// </summary>
    internal static IReadOnlyList<SecretRow> KeptOver(
        ClusterKey key,
        IReadOnlyCollection<SecretRow> present,
        IReadOnlyCollection<SecretRow> restored
    )
    {
        var own = present.Where(r => s_names.Contains(r.Name)).ToList();
        var mine = Find(own, CertificateSecret);
        var theirs = Find(restored, CertificateSecret);
        if (mine is null || theirs is null)
        {
            return [];
        }

        var pin = Digest.Of(theirs);
        var former = Find(own, FormerSecret) ?? [];
        return Digest.Of(mine) == pin || former.Chunk(Digest.Size).Any(f => Digest.From(f) == pin) ? own : [];

        byte[]? Find(IEnumerable<SecretRow> rows, string name)
        {
            try
            {
                return rows.FirstOrDefault(r => r.Name == name) is { } row ? key.Unwrap(name, row.Wrapped) : null;
            }
            catch (System.Security.Cryptography.CryptographicException)
            {
                return null; // of another cluster
            }
        }
    }

    /// <summary>True for the name of a secret of the authority.</summary>
    internal static bool IsOf(string secret) => s_names.Contains(secret);

    private async Task<byte[]?> OpenAsync(CatalogueContext context, string name, CancellationToken cancellation) =>
        await context.Secrets.FindAsync([name], cancellation).ConfigureAwait(false) is { } row
            ? _key.Unwrap(name, row.Wrapped)
            : null;

    private async Task PutAsync(CatalogueContext context, string name, byte[] secret, CancellationToken cancellation)
    {
        var wrapped = _key.Wrap(name, secret);
        if (await context.Secrets.FindAsync([name], cancellation).ConfigureAwait(false) is { } row)
        {
            row.Wrapped = wrapped;
        }
        else
        {
            context.Secrets.Add(new() { Name = name, Wrapped = wrapped });
        }
    }

    private static byte[] Write(KeptRotation rotation) =>
        JsonSerializer.SerializeToUtf8Bytes(rotation, RotationJson.Default.KeptRotation);

    private byte[]? Open(ImmutableSortedDictionary<string, byte[]> stored, string name) =>
        stored.TryGetValue(name, out var wrapped) ? _key.Unwrap(name, wrapped) : null;

    private byte[] Require(ImmutableSortedDictionary<string, byte[]> stored, string name) =>
        Open(stored, name)
        ?? throw new InvalidDataException(
            $"The catalogue holds no secret '{name}': it is not the catalogue of a founded cluster. Restore it from a backup, or found the cluster anew with gatehouse init in an empty data directory."
        );

    private static bool Equal(
        ImmutableSortedDictionary<string, byte[]> one,
        ImmutableSortedDictionary<string, byte[]> other
    ) =>
        one.Count == other.Count
        && one.Zip(other).All(p => p.First.Key == p.Second.Key && p.First.Value.AsSpan().SequenceEqual(p.Second.Value));

    private sealed record State(
        ImmutableSortedDictionary<string, byte[]> Stored,
        CertificateAuthority Present,
        ClusterTrust Trust,
        RunningRotation? Rotation
    );
}

/// <summary>How far the rotation of the authority is.</summary>
[JsonConverter(typeof(DashedEnum<RotationStage>))]
public enum RotationStage
{
    /// <summary>Nodes learn to believe the next authority beside the present one, which issues.</summary>
    Trust,

    /// <summary>The next one issues; nodes get certificates of it.</summary>
    Issue,

    /// <summary>The rotation is taken back: the present one issues again, nodes get certificates of it.</summary>
    Back,
}

/// <summary>A rotation of the authority that runs.</summary>
/// <param name="Stage">How far it is.</param>
/// <param name="Next">The certificate of the authority that takes over.</param>
/// <param name="BeganAt">When it began.</param>
/// <param name="By">Who began it.</param>
public sealed record RunningRotation(RotationStage Stage, X509Certificate2 Next, DateTimeOffset BeganAt, string By);

internal sealed record KeptRotation(
    RotationStage Stage,
    byte[] Certificate,
    byte[] Key,
    DateTimeOffset BeganAt,
    string By
);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(KeptRotation))]
internal sealed partial class RotationJson : JsonSerializerContext;
