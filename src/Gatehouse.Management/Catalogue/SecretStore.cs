using Gatehouse.Deployment.Trust;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Secrets in the catalogue, each wrapped by the cluster key under its name. Needs no catalogue key: that one lies here too.</summary>
public sealed class SecretStore(CatalogueDatabase database, ClusterKey key)
{
    /// <summary>The secret; null when there is none. Throws <c>CryptographicException</c> when the cluster key is another one.</summary>
    public async Task<byte[]?> FindAsync(string name, CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            var row = await context
                .Secrets.AsNoTracking()
                .SingleOrDefaultAsync(s => s.Name == name, cancellation)
                .ConfigureAwait(false);
            return row is null ? null : key.Unwrap(name, row.Wrapped);
        }
    }

    /// <summary>Stores or replaces a secret.</summary>
    public Task PutAsync(string name, ReadOnlyMemory<byte> secret, CancellationToken cancellation) =>
        PutAsync([(name, secret)], cancellation);

    /// <summary>Forgets a secret. Safe to call twice.</summary>
    public async Task DeleteAsync(string name, CancellationToken cancellation)
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            await context.Secrets.Where(s => s.Name == name).ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Stores or replaces secrets, all of them or none.</summary>
    public async Task PutAsync(
        IReadOnlyList<(string Name, ReadOnlyMemory<byte> Secret)> secrets,
        CancellationToken cancellation
    )
    {
        var context = database.Open();
        await using (context.ConfigureAwait(false))
        {
            foreach (var (name, secret) in secrets)
            {
                await PutAsync(context, name, secret, cancellation).ConfigureAwait(false);
            }

            await context.SaveChangesAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The same within a transaction, which saves it.</summary>
    internal async Task PutAsync(
        CatalogueContext context,
        string name,
        ReadOnlyMemory<byte> secret,
        CancellationToken cancellation
    )
    {
        var wrapped = key.Wrap(name, secret.Span);
        if (await context.Secrets.FindAsync([name], cancellation).ConfigureAwait(false) is { } row)
        {
            row.Wrapped = wrapped;
        }
        else
        {
            context.Secrets.Add(new() { Name = name, Wrapped = wrapped });
        }
    }
}
