using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Gatehouse.Management;

/// <summary>
/// Puts a backup back, in one transaction under the head's lock, so that running managers and their nodes see the old state or
/// the new and nothing between. It begins a new history. Nobody gets a right back by it that was taken since: certificates
/// denied, keys deleted and tokens revoked after the backup stay so.
/// </summary>
/// <param name="database">Where to; set up to this build.</param>
/// <param name="clusterKey">Opens what is wrapped in the backup.</param>
/// <param name="catalogueKeySecret">The name of the catalogue key among the secrets.</param>
/// <param name="time">The clock.</param>
public sealed class Restore(
    CatalogueDatabase database,
    ClusterKey clusterKey,
    string catalogueKeySecret,
    TimeProvider time
)
{
    private const int MostListed = 10_000;
    private const int MostNamed = 10;

    /// <summary>Puts <paramref name="path"/> back. Throws <see cref="BackupException"/> before anything is changed when it cannot be used.</summary>
    public async Task<RestoreResult> FromAsync(string path, Actor actor, CancellationToken cancellation)
    {
        // 1. Nothing is touched before all of the backup is known to be good, and to open with this key.
        var manifest = Backups.Verify(path);
        using var backup = Backups.Open(path);
        await RequireKnownAsync(backup, cancellation).ConfigureAwait(false);
        using var signer = SignerOf(backup);
        using var catalogue = new Catalogue(database, signer, time);
        return await catalogue
            .WriteAsync(
                async context =>
                {
                    // 2. What the present catalogue has beyond the backup, while it is still there.
                    var head = await Catalogue.LockHeadAsync(context, cancellation).ConfigureAwait(false);
                    var present = await context.Entities.AsNoTracking().ToListAsync(cancellation).ConfigureAwait(false);
                    var undone = Undone(backup, present);
                    var revoked = await context
                        .AccessTokens.AsNoTracking()
                        .Where(t => t.RevokedAt != null)
                        .ToDictionaryAsync(t => t.Id, t => t.RevokedAt, cancellation)
                        .ConfigureAwait(false);
                    var secrets = await context.Secrets.AsNoTracking().ToListAsync(cancellation).ConfigureAwait(false);
                    var former = backup.Rows("catalogue_head").Single();
                    var keepsAudit = await IsContinuedAsync(context, former, cancellation).ConfigureAwait(false);

                    // 3. Every table, then the head, whose row stays the one that is locked.
                    await ReplaceAsync(context, backup, keepsAudit, cancellation).ConfigureAwait(false);
                    head.Epoch = former("epoch").GetInt64();
                    if (!keepsAudit)
                    {
                        head.AuditId = former("audit_id").GetInt64();
                        head.AuditChain = Digest.From(former("audit_chain").GetBytesFromBase64());
                    }

                    // 4. Rights that were taken stay taken, and the authority that nodes believe by now stays theirs.
                    await KeepTakenAsync(context, head, present, revoked, cancellation).ConfigureAwait(false);
                    await KeepAuthorityAsync(context, secrets, cancellation).ConfigureAwait(false);
                    await context.SaveChangesAsync(cancellation).ConfigureAwait(false);

                    // 5. A new history, which signs everything anew.
                    var reason = ReasonOf(manifest, undone);
                    await catalogue
                        .BeginHistoryAsync(context, head, signer, reason, actor, Edits(undone), cancellation)
                        .ConfigureAwait(false);
                    var result = new RestoreResult(
                        manifest.CreatedAt,
                        head.History,
                        head.Epoch,
                        [.. undone.Take(MostListed)],
                        undone.Length
                    );
                    return (result, Save: true);
                },
                cancellation
            )
            .ConfigureAwait(false);
    }

    internal static string Name(ImmutableArray<UndoneChange> undone)
    {
        if (undone.IsEmpty)
        {
            return "nothing was changed since";
        }

        var names = string.Join(", ", undone.Take(MostNamed).Select(u => $"{u.Kind} {u.Name} {u.What}"));
        var more = undone.Length > MostNamed ? $", and {undone.Length - MostNamed} more (the audit lists them)" : "";
        return $"undone: {names}{more}";
    }

    internal static IReadOnlyList<AuditEdit> Edits(ImmutableArray<UndoneChange> undone) =>
        [
            .. undone
                .Take(MostListed)
                .Select(u => new AuditEdit(
                    u.Kind,
                    u.Name,
                    new JsonObject { ["epoch"] = u.Epoch, ["undone"] = u.What },
                    null
                )),
        ];

    private static string ReasonOf(BackupManifest manifest, ImmutableArray<UndoneChange> undone) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"restored from the backup of {manifest.CreatedAt:u} (epoch {manifest.Epoch}); {Name(undone)}"
        );

    // Older is taken: what it lacks gets its zero. Newer would be misread.
    private async Task RequireKnownAsync(BackupReader backup, CancellationToken cancellation)
    {
        var plan = await CatalogueSetup.PlanAsync(database, cancellation).ConfigureAwait(false);
        if (!plan.IsCurrent)
        {
            throw new BackupException(
                $"The {database.Description} is not set up to this version: run gatehouse setup first."
            );
        }

        var known = new HashSet<string>();
        foreach (var open in database.Contexts)
        {
            var context = open(database);
            await using (context.ConfigureAwait(false))
            {
                known.UnionWith(context.Database.GetMigrations());
            }
        }

        if (backup.Manifest.Migrations.FirstOrDefault(m => !known.Contains(m)) is { } unknown)
        {
            throw new BackupException(
                $"{backup.Path} was written by Gatehouse {backup.Manifest.Version}, which has {unknown}; this build does not know it. Restore with that version or a newer one."
            );
        }
    }

    private CatalogueKey SignerOf(BackupReader backup)
    {
        var wrapped = backup.Rows("secrets").FirstOrDefault(r => r("name").GetString() == catalogueKeySecret);
        try
        {
            return CatalogueKey.Load(
                clusterKey.Unwrap(
                    catalogueKeySecret,
                    (
                        wrapped
                        ?? throw new BackupException($"{backup.Path} holds no cluster: its catalogue key is missing.")
                    )("wrapped")
                        .GetBytesFromBase64()
                )
            );
        }
        catch (CryptographicException e)
        {
            throw new BackupException(
                $"{backup.Path} does not open with this node's cluster key: it is of another cluster. Put that cluster's key, which 'gatehouse init' told to save, into pki/cluster.key.",
                e
            );
        }
    }

    private static ImmutableArray<UndoneChange> Undone(BackupReader backup, List<EntityRow> present)
    {
        var kept = new Dictionary<(string, string), (Digest Digest, bool Deleted)>();
        foreach (var row in backup.Rows("entities"))
        {
            kept[(row("kind").GetString()!, row("name").GetString()!)] = (
                Digest.From(row("digest").GetBytesFromBase64()),
                row("deleted").GetBoolean()
            );
        }

        return
        [
            .. present
                .OrderBy(e => e.Epoch)
                .Select(e =>
                {
                    var was = kept.TryGetValue((e.Kind, e.Name), out var k) && !k.Deleted ? k.Digest : (Digest?)null;
                    var what =
                        e.Deleted ? (was is null ? null : "deleted")
                        : was is null ? "created"
                        : was != e.Digest ? "changed"
                        : null;
                    return what is null || IsTaken(e) ? null : new UndoneChange(e.Kind, e.Name, what, e.Epoch);
                })
                .OfType<UndoneChange>(),
        ];
    }

    private static bool IsTaken(EntityRow row) =>
        row.Kind is EntityKinds.DeniedCertificate or EntityKinds.Revocation && !row.Deleted
        || row is { Kind: EntityKinds.Key, Deleted: true };

    // The audit goes on where it stands when the backup's is its beginning: what was done since stays on record.
    private static async Task<bool> IsContinuedAsync(
        CatalogueContext context,
        Func<string, System.Text.Json.JsonElement> former,
        CancellationToken cancellation
    )
    {
        var id = former("audit_id").GetInt64();
        var chain = await context
            .Audit.AsNoTracking()
            .Where(a => a.Id == id)
            .Select(a => (Digest?)a.Chain)
            .SingleOrDefaultAsync(cancellation)
            .ConfigureAwait(false);
        return chain == Digest.From(former("audit_chain").GetBytesFromBase64());
    }

    private async Task ReplaceAsync(
        CatalogueContext catalogue,
        BackupReader backup,
        bool keepsAudit,
        CancellationToken cancellation
    )
    {
        var contexts = database.Contexts.Select(open => open(database)).ToList();
        try
        {
            var tables = contexts.SelectMany(BackupTables.Of).Where(t => Replaces(t, keepsAudit)).ToList();
            // A row that somebody adds to a table after it was cleared would outlive the restore.
            await database.LockTablesAsync(catalogue, tables.Select(t => t.Name), cancellation).ConfigureAwait(false);
            foreach (var table in Enumerable.Reverse(tables))
            {
                await BackupTables.ClearAsync(catalogue, table, cancellation).ConfigureAwait(false);
            }

            foreach (var table in tables)
            {
                if (backup.Find(table.Name) is { } written)
                {
                    await BackupTables
                        .InsertAsync(catalogue, table, written.Columns, backup.Values(table.Name), cancellation)
                        .ConfigureAwait(false);
                }
            }

            foreach (var context in contexts)
            {
                await database.ResetNumbersAsync(catalogue, context, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var context in contexts)
            {
                await context.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static bool Replaces(ITable table, bool keepsAudit) =>
        table.Name != "catalogue_head" && table.Name != "node_status" && !(keepsAudit && table.Name == "audit");

    private async Task KeepAuthorityAsync(
        CatalogueContext context,
        List<SecretRow> present,
        CancellationToken cancellation
    )
    {
        var restored = await context.Secrets.ToListAsync(cancellation).ConfigureAwait(false);
        var kept = ClusterAuthorities.KeptOver(clusterKey, present, restored);
        if (kept.Count == 0)
        {
            return;
        }

        foreach (var row in restored.Where(r => ClusterAuthorities.IsOf(r.Name)))
        {
            if (kept.FirstOrDefault(k => k.Name == row.Name) is { } own)
            {
                row.Wrapped = own.Wrapped;
            }
            else
            {
                context.Secrets.Remove(row);
            }
        }

        context.Secrets.AddRange(kept.Where(k => restored.All(r => r.Name != k.Name)));
    }

    private static async Task KeepTakenAsync(
        CatalogueContext context,
        HeadRow head,
        List<EntityRow> present,
        Dictionary<string, DateTimeOffset?> revoked,
        CancellationToken cancellation
    )
    {
        foreach (var taken in present.Where(IsTaken))
        {
            var row = await context.Entities.FindAsync([taken.Kind, taken.Name], cancellation).ConfigureAwait(false);
            if (taken.Deleted)
            {
                if (row is not null)
                {
                    context.Entities.Remove(row);
                }

                continue;
            }

            if (row is null)
            {
                row = new() { Kind = taken.Kind, Name = taken.Name };
                context.Entities.Add(row);
            }

            (row.Payload, row.Digest, row.ExpiresAt, row.Deleted) = (
                taken.Payload,
                taken.Digest,
                taken.ExpiresAt,
                false
            );
            row.Epoch = ++head.Epoch;
        }

        foreach (var token in await context.AccessTokens.ToListAsync(cancellation).ConfigureAwait(false))
        {
            token.RevokedAt ??= revoked.GetValueOrDefault(token.Id);
        }
    }
}

/// <summary>A change that the restored state does not have.</summary>
/// <param name="Kind">The entity's kind.</param>
/// <param name="Name">The entity's name.</param>
/// <param name="What"><c>created</c>, <c>changed</c> or <c>deleted</c>.</param>
/// <param name="Epoch">The epoch it had in the former history.</param>
public sealed record UndoneChange(string Kind, string Name, string What, long Epoch);

/// <summary>What a restore came to.</summary>
/// <param name="From">When the backup was made.</param>
/// <param name="History">The history that began.</param>
/// <param name="Epoch">The epoch it begins at.</param>
/// <param name="Undone">What the former state had beyond the backup, oldest first; the first of them.</param>
/// <param name="UndoneInAll">How many those are.</param>
public sealed record RestoreResult(
    DateTimeOffset From,
    string History,
    long Epoch,
    ImmutableArray<UndoneChange> Undone,
    int UndoneInAll
);
