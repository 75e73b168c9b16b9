using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Who did what. Each entry's chain covers the one before, so an edited or missing entry shows.</summary>
public sealed class AuditTrail(CatalogueDatabase database)
{
    /// <summary>The newest entries, newest first, that are older than <paramref name="before"/>.</summary>
    public async Task<IReadOnlyList<AuditRow>> ReadAsync(long? before, int limit, CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            return await context
                .Audit.AsNoTracking()
                .Where(a => before == null || a.Id < before)
                .OrderByDescending(a => a.Id)
                .Take(limit)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>The first entry that was edited, or after which one is missing; null when the trail is whole.</summary>
    public async Task<long?> FindBreakAsync(CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var snapshot = await database.BeginSnapshotAsync(context, cancellation).ConfigureAwait(false);
            await using (snapshot.ConfigureAwait(false))
            {
                var head = await context.Head.AsNoTracking().SingleAsync(cancellation).ConfigureAwait(false);
                long id = 0;
                Digest chain = default;
                await foreach (
                    var row in context
                        .Audit.AsNoTracking()
                        .OrderBy(a => a.Id)
                        .AsAsyncEnumerable()
                        .WithCancellation(cancellation)
                        .ConfigureAwait(false)
                )
                {
                    chain = Link(chain, row);
                    if (row.Id != ++id || row.Chain != chain)
                    {
                        return id;
                    }
                }

                return id == head.AuditId && chain == head.AuditChain ? null : id + 1;
            }
        }
    }

    // Under the head row's lock, as all writing is.
    internal static void Append(
        CatalogueContext context,
        HeadRow head,
        DateTimeOffset at,
        Actor actor,
        string summary,
        IReadOnlyList<AuditEdit> edits
    )
    {
        var row = new AuditRow
        {
            Id = ++head.AuditId,
            At = DateTimeOffset.FromUnixTimeMilliseconds(at.ToUnixTimeMilliseconds()),
            Actor = actor.Name,
            From = actor.From,
            Summary = summary,
            Changes = JsonSerializer.Serialize(edits, ManagementJson.Default.IReadOnlyListAuditEdit),
        };
        head.AuditChain = row.Chain = Link(head.AuditChain, row);
        context.Audit.Add(row);
    }

    internal static Digest Link(Digest chain, AuditRow row)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(chain.ToArray());
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, row.Id);
        hash.AppendData(number);
        BinaryPrimitives.WriteInt64BigEndian(number, row.At.ToUnixTimeMilliseconds());
        hash.AppendData(number);
        foreach (var text in (ReadOnlySpan<string>)[row.Actor, row.From, row.Summary, row.Changes])
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt64BigEndian(number, bytes.Length);
            hash.AppendData(number);
            hash.AppendData(bytes);
        }

        return Digest.From(hash.GetHashAndReset());
    }
}
