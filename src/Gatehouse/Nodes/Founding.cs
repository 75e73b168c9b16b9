using System.Collections.Immutable;
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
    /// <summary>The wrapped secrets in the catalogue. Append only: the name is part of the wrapping.</summary>
    public const string AuthorityKeySecret = "authority-key";
    public const string AuthorityCertificateSecret = "authority-certificate";
    public const string CatalogueKeySecret = "catalogue-key";

    public static async Task<NodeIdentity> FoundAsync(
        string dataDirectory,
        ClusterPlan plan,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        var catalogue = CataloguePath(dataDirectory);
        DropRemains(dataDirectory, catalogue);
        Directory.CreateDirectory(Path.GetDirectoryName(catalogue)!);

        using var clusterKey = ClusterKey.Create();
        clusterKey.Save(dataDirectory);
        using var authority = CertificateAuthority.Create(plan.Cluster, time);
        using var catalogueKey = CatalogueKey.Create();

        var database = CatalogueDatabase.Sqlite(catalogue);
        await CatalogueSetup.ApplyAsync(database, cancellation);
        var secrets = new SecretStore(database, clusterKey);
        await secrets.PutAsync(AuthorityKeySecret, authority.ExportKey(), cancellation);
        await secrets.PutAsync(AuthorityCertificateSecret, authority.Certificate.RawData, cancellation);
        await secrets.PutAsync(CatalogueKeySecret, catalogueKey.ExportKey(), cancellation);

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

    public static string CataloguePath(string dataDirectory) =>
        Path.Combine(dataDirectory, "catalogue", "catalogue.db");

    private static void DropRemains(string dataDirectory, string catalogue)
    {
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
