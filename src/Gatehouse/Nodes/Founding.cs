using System.Collections.Immutable;
using System.Security.Cryptography;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Nodes;

/// <summary>
/// Makes a cluster: its authority, its cluster key, its catalogue, and the identity of its first manager. The identity is
/// written last, so a founding that was cut short leaves no half cluster: the next one begins anew.
/// </summary>
internal static class Founding
{
    /// <summary>A wrapped secret in the catalogue. For ever: the name is part of the wrapping.</summary>
    public const string CatalogueKeySecret = "catalogue-key";

    public static async Task<NodeIdentity> FoundAsync(
        string dataDirectory,
        CatalogueDatabase database,
        ClusterPlan plan,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        if (database.Embedded)
        {
            DropRemains(dataDirectory);
        }

        await CatalogueSetup.ApplyAsync(database, cancellation);
        using var clusterKey = await KeyForAsync(database, dataDirectory, cancellation);
        using var authority = CertificateAuthority.Create(plan.Cluster, time);
        using var catalogueKey = CatalogueKey.Create();
        await new SecretStore(database, clusterKey).PutAsync(
            [
                (ClusterAuthorities.KeySecret, authority.ExportKey()),
                (ClusterAuthorities.CertificateSecret, authority.Certificate.RawData),
                (CatalogueKeySecret, catalogueKey.ExportKey()),
            ],
            cancellation
        );

        var facts = new ClusterFacts
        {
            Cluster = plan.Cluster,
            Domain = plan.Domain,
            Managers = [plan.InternalAddress],
            Members = plan.Members,
            GatewayHosts = plan.GatewayHosts,
            ManagementHosts = plan.ManagementHosts,
            CatalogueKey = catalogueKey.PublicHalf,
        };
        return NodeIdentity.Create(
            dataDirectory,
            authority,
            facts,
            plan.Profile,
            plan.Node,
            [plan.Host, .. plan.GatewayHosts, .. plan.ManagementHosts]
        );
    }

    // A shared database may hold somebody's cluster. Only where this data directory's key opens it, it is what a founding
    // left that was cut short.
    private static async Task<ClusterKey> KeyForAsync(
        CatalogueDatabase database,
        string dataDirectory,
        CancellationToken cancellation
    )
    {
        ClusterKey? present = File.Exists(ClusterKey.PathFor(dataDirectory)) ? ClusterKey.Load(dataDirectory) : null;
        var key = present ?? ClusterKey.Create();
        try
        {
            if (
                await new SecretStore(database, key).FindAsync(ClusterAuthorities.KeySecret, cancellation) is not null
                && present is null
            )
            {
                throw new CryptographicException();
            }
        }
        catch (CryptographicException)
        {
            key.Dispose();
            throw new InvalidOperationException(
                $"The {database.Description} already holds a cluster. To add a manager to it, make a token with 'gatehouse token create --profile control-plane' and run 'gatehouse join TOKEN'; to found another cluster, give it a database of its own."
            );
        }

        key.Save(dataDirectory);
        return key;
    }

    private static void DropRemains(string dataDirectory)
    {
        var catalogue = Configuration.DataDirectory.CatalogueFile(dataDirectory);
        Directory.CreateDirectory(Path.GetDirectoryName(catalogue)!);
        foreach (
            var file in new[] { catalogue, catalogue + "-wal", catalogue + "-shm", ClusterKey.PathFor(dataDirectory) }
        )
        {
            File.Delete(file);
        }
    }
}

/// <summary>What a new cluster is called and where its first manager stands.</summary>
internal sealed record ClusterPlan
{
    /// <summary>In every certificate.</summary>
    public required string Cluster { get; init; }

    /// <summary>For membership.</summary>
    public required string Domain { get; init; }

    /// <summary>The first manager's name.</summary>
    public required string Node { get; init; }

    /// <summary>What it runs.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Where other nodes reach it.</summary>
    public required string Host { get; init; }

    /// <summary><c>host:port</c> of its 7443.</summary>
    public required string InternalAddress { get; init; }

    /// <summary>Well-known members, <c>host:port</c>.</summary>
    public required ImmutableArray<string> Members { get; init; }

    public required ImmutableArray<string> GatewayHosts { get; init; }

    public required ImmutableArray<string> ManagementHosts { get; init; }
}
