using System.Text.Json;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>
/// Which definition answers on which address. Kept in memory and brought up to date by reading only what changed since, so
/// that an import costs the same beside ten APIs and beside ten thousand.
/// </summary>
internal sealed class AddressIndex
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _holders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string[]> _addresses = new(StringComparer.Ordinal);
    private long _epoch;

    /// <summary>
    /// Throws <see cref="ConflictException"/> when another API than <paramref name="giver"/>, which gives its address up in the
    /// same transaction, holds an address of <paramref name="definition"/>. Called inside
    /// the transaction that writes it, the head row locked, so nobody takes the address in between.
    /// </summary>
    public async Task EnsureFreeAsync(
        CatalogueContext context,
        ApiDefinition definition,
        CancellationToken cancellation,
        string? giver = null
    )
    {
        await UpdateAsync(context, cancellation).ConfigureAwait(false);
        foreach (var address in definition.Addresses())
        {
            string? holder;
            lock (_lock)
            {
                holder = _holders.GetValueOrDefault(address);
            }

            if (holder is null || holder == definition.Id || holder == giver)
            {
                continue;
            }

            // A tombstone purged before it was seen here would hold the address for ever.
            var isLive = await context
                .Entities.AsNoTracking()
                .AnyAsync(e => e.Kind == EntityKinds.Definition && e.Name == holder && !e.Deleted, cancellation)
                .ConfigureAwait(false);
            if (isLive)
            {
                throw new ConflictException(
                    $"{address} is the address of {holder} already",
                    "give another --context or --version, or delete the other API"
                );
            }

            lock (_lock)
            {
                ForgetNeedsLock(holder);
            }
        }
    }

    public async Task UpdateAsync(CatalogueContext context, CancellationToken cancellation)
    {
        var seen = Volatile.Read(ref _epoch);
        var rows = await context
            .Entities.AsNoTracking()
            .ChangedAfter(seen, [EntityKinds.Definition])
            .ToListAsync(cancellation)
            .ConfigureAwait(false);
        lock (_lock)
        {
            foreach (var row in rows.Where(r => r.Epoch > _epoch))
            {
                ForgetNeedsLock(row.Name);
                if (!row.Deleted)
                {
                    var definition = JsonSerializer.Deserialize(row.Payload, DefinitionJson.Default.ApiDefinition)!;
                    _addresses[row.Name] = [.. definition.Addresses()];
                    foreach (var address in _addresses[row.Name])
                    {
                        _holders[address] = row.Name;
                    }
                }

                _epoch = row.Epoch;
            }
        }
    }

    private void ForgetNeedsLock(string name)
    {
        if (_addresses.Remove(name, out var addresses))
        {
            foreach (var address in addresses.Where(a => _holders.GetValueOrDefault(a) == name))
            {
                _holders.Remove(address);
            }
        }
    }
}
