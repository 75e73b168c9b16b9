using System.Collections.Immutable;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// Writes and checks backups: one file with every table as it was at one moment, whatever the product, taken beside running
/// managers. The cluster key is not in it, so what is secret in it stays wrapped.
/// </summary>
public static class Backups
{
    private const string ManifestName = "manifest.json";

    /// <summary>Writes a backup to <paramref name="path"/>, readable by this user only; a file that is there is not replaced.</summary>
    public static async Task<BackupManifest> CreateAsync(
        CatalogueDatabase database,
        string path,
        string version,
        DateTimeOffset now,
        CancellationToken cancellation
    )
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var file = new FileStream(path, options);
        await using (file.ConfigureAwait(false))
        {
            try
            {
                var manifest = await WriteAsync(database, file, version, now, cancellation).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
                return manifest;
            }
            catch
            {
                File.Delete(path); // half a backup is worse than none
                throw;
            }
        }
    }

    /// <summary>
    /// Reads all of a backup: every table has the digest and the rows its manifest says, every entity its own digest, and the
    /// audit is whole. Throws <see cref="BackupException"/> naming what is wrong.
    /// </summary>
    public static BackupManifest Verify(string path)
    {
        using var backup = Open(path);
        foreach (var table in backup.Manifest.Tables)
        {
            backup.Check(table);
        }

        CheckEntities(backup);
        CheckAudit(backup);
        return backup.Manifest;
    }

    internal static BackupReader Open(string path)
    {
        try
        {
            var zip = ZipFile.OpenRead(path);
            try
            {
                using var entry = zip.GetEntry(ManifestName)?.Open() ?? throw new InvalidDataException("no manifest");
                var manifest =
                    JsonSerializer.Deserialize(entry, BackupJson.Default.BackupManifest)
                    ?? throw new InvalidDataException("no manifest");
                return manifest.Format == BackupManifest.CurrentFormat
                    ? new(path, zip, manifest)
                    : throw new BackupException(
                        $"{path} is a backup in form {manifest.Format}; this build reads form {BackupManifest.CurrentFormat}. Use the Gatehouse {manifest.Version} that wrote it, or a newer one."
                    );
            }
            catch
            {
                zip.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            throw new BackupException($"{path} is no backup, or it was cut: {e.Message}", e);
        }
    }

    internal static string EntryName(string table) => $"tables/{table}.jsonl";

    private static async Task<BackupManifest> WriteAsync(
        CatalogueDatabase database,
        FileStream file,
        string version,
        DateTimeOffset now,
        CancellationToken cancellation
    )
    {
        using var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true);
        var catalogue = database.Open();
        await using (catalogue.ConfigureAwait(false))
        {
            var snapshot = await database.BeginSnapshotAsync(catalogue, cancellation).ConfigureAwait(false);
            await using (snapshot.ConfigureAwait(false))
            {
                var head = await catalogue.Head.AsNoTracking().SingleAsync(cancellation).ConfigureAwait(false);
                var tables = ImmutableArray.CreateBuilder<BackupTable>();
                var migrations = ImmutableArray.CreateBuilder<string>();
                foreach (var open in database.Contexts)
                {
                    var context = open(database);
                    await using (context.ConfigureAwait(false))
                    {
                        migrations.AddRange(
                            await context.Database.GetAppliedMigrationsAsync(cancellation).ConfigureAwait(false)
                        );
                        // Every table is read on the one connection that sees the one moment.
                        foreach (var table in BackupTables.Of(context).Where(BackupTables.IsKept))
                        {
                            using var entry = zip.CreateEntry(EntryName(table.Name), CompressionLevel.Fastest).Open();
                            using var hash = SHA256.Create();
                            using var hashing = new CryptoStream(entry, hash, CryptoStreamMode.Write);
                            var rows = await BackupTables
                                .WriteAsync(catalogue, table, hashing, cancellation)
                                .ConfigureAwait(false);
                            await hashing.FlushFinalBlockAsync(cancellation).ConfigureAwait(false);
                            tables.Add(
                                new(
                                    table.Name,
                                    [.. BackupTables.Columns(table).Select(c => c.Name)],
                                    rows,
                                    Convert.ToHexString(hash.Hash!)
                                )
                            );
                        }
                    }
                }

                var manifest = new BackupManifest
                {
                    Format = BackupManifest.CurrentFormat,
                    Version = version,
                    CreatedAt = now,
                    History = head.History,
                    Epoch = head.Epoch,
                    Migrations = migrations.ToImmutable(),
                    Tables = tables.ToImmutable(),
                };
                using var last = zip.CreateEntry(ManifestName).Open();
                await JsonSerializer
                    .SerializeAsync(last, manifest, BackupJson.Default.BackupManifest, cancellation)
                    .ConfigureAwait(false);
                return manifest;
            }
        }
    }

    private static void CheckEntities(BackupReader backup)
    {
        foreach (var row in backup.Rows("entities"))
        {
            var payload = row("payload").GetBytesFromBase64();
            if (!SHA256.HashData(payload).AsSpan().SequenceEqual(row("digest").GetBytesFromBase64()))
            {
                throw new BackupException(
                    $"{backup.Path}: the {row("kind")} '{row("name")}' does not match its digest. Its catalogue was damaged when the backup was made; take an older backup."
                );
            }
        }
    }

    private static void CheckAudit(BackupReader backup)
    {
        var head = backup.Rows("catalogue_head").Single();
        long id = 0;
        Digest chain = default;
        foreach (var row in backup.Rows("audit"))
        {
            var entry = new AuditRow
            {
                Id = row("id").GetInt64(),
                At = DateTimeOffset.FromUnixTimeMilliseconds(row("at").GetInt64()),
                Actor = row("actor").GetString()!,
                From = row("from").GetString()!,
                Summary = row("summary").GetString()!,
                Changes = row("changes").GetString()!,
            };
            chain = AuditTrail.Link(chain, entry);
            if (entry.Id != ++id || chain != Digest.From(row("chain").GetBytesFromBase64()))
            {
                throw new BackupException($"{backup.Path}: the audit is broken at entry {id}.");
            }
        }

        if (id != head("audit_id").GetInt64() || chain != Digest.From(head("audit_chain").GetBytesFromBase64()))
        {
            throw new BackupException($"{backup.Path}: the audit ends at entry {id}; later ones are missing.");
        }
    }
}

/// <summary>An opened backup.</summary>
internal sealed class BackupReader(string path, ZipArchive zip, BackupManifest manifest) : IDisposable
{
    public string Path => path;

    public BackupManifest Manifest => manifest;

    public BackupTable? Find(string table) => manifest.Tables.FirstOrDefault(t => t.Name == table);

    /// <summary>Compares a table with what the manifest says of it.</summary>
    public void Check(BackupTable table)
    {
        using var entry = OpenEntry(table.Name);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[64 * 1024];
        long rows = 0;
        try
        {
            while (entry.Read(buffer) is > 0 and var read)
            {
                hash.AppendData(buffer, 0, read);
                rows += buffer.AsSpan(0, read).Count((byte)'\n');
            }
        }
        catch (InvalidDataException e)
        {
            throw Damaged(table.Name, e);
        }

        if (Convert.ToHexString(hash.GetHashAndReset()) != table.Sha256 || rows != table.Rows)
        {
            throw Damaged(table.Name, null);
        }
    }

    /// <summary>The rows of a table, each as its values in the manifest's order of columns.</summary>
    public IEnumerable<JsonElement[]> Values(string table)
    {
        using var reader = new StreamReader(OpenEntry(table), Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            JsonElement[] values;
            try
            {
                using var document = JsonDocument.Parse(line);
                values = [.. document.RootElement.EnumerateArray().Select(v => v.Clone())];
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw Damaged(table, e);
            }

            yield return values.Length == Find(table)!.Columns.Length ? values : throw Damaged(table, null);
        }
    }

    /// <summary>The rows of a table, each as a function from a column's name to its value.</summary>
    public IEnumerable<Func<string, JsonElement>> Rows(string table)
    {
        var columns = (Find(table) ?? throw Damaged(table, null)).Columns;
        foreach (var values in Values(table))
        {
            yield return column =>
                columns.IndexOf(column) is >= 0 and var i ? values[i] : throw Damaged($"{table}.{column}", null);
        }
    }

    public void Dispose() => zip.Dispose();

    private Stream OpenEntry(string table) =>
        zip.GetEntry(Backups.EntryName(table))?.Open() ?? throw Damaged(table, null);

    private BackupException Damaged(string table, Exception? cause) =>
        new(
            $"{path} is damaged: its table {table} is not what its manifest says. Take another copy or an older backup.",
            cause
        );
}
