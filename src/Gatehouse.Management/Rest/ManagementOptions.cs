using Gatehouse.Cluster;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What the management side is given by the node that runs it.</summary>
public sealed record ManagementOptions
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The catalogue's database, set up (<see cref="CatalogueSetup"/>).</summary>
    public required CatalogueDatabase Database { get; init; }

    /// <summary>Signs every change of the catalogue.</summary>
    public required CatalogueKey CatalogueKey { get; init; }

    /// <summary>
    /// Wraps what users' sign-ins need: keys of cookies, keys of authenticator apps. Null for one that ends with the process,
    /// and all of that with it.
    /// </summary>
    public ClusterKey? ClusterKey { get; init; }

    /// <summary>The cluster's authority; null where none can be rotated.</summary>
    public ClusterAuthorities? Authorities { get; init; }

    /// <summary>This node's own name.</summary>
    public required string NodeName { get; init; }

    /// <summary>What this node runs of management: the rest of it it answers like an unknown path.</summary>
    public Func<ManagementPart> Runs { get; init; } = static () => ManagementPart.All;

    /// <summary>Writes a join token as its holder gets it, with this cluster's addresses and pin.</summary>
    public required Func<JoinGrant, string> EncodeJoinToken { get; init; }

    /// <summary>The cluster as membership sees it; null when membership is off.</summary>
    public Func<ClusterView>? Membership { get; init; }

    /// <summary>
    /// Asks a node for its configuration and the end of its log. Throws <see cref="HttpRequestException"/>,
    /// <see cref="IOException"/> or <see cref="Deployment.Internal.PeerRefusedException"/> when it cannot be asked; null
    /// where nothing reaches other nodes.
    /// </summary>
    public Func<Node, CancellationToken, Task<NodeInspection>>? Inspect { get; init; }

    /// <summary>Kept current with the catalogue's denied certificates; null when nothing on this node checks it.</summary>
    public DenyList? DenyList { get; init; }

    /// <summary>Where a manager remembers what it saw of the catalogue (<see cref="HistoryWatch"/>); null to remember while it runs.</summary>
    public string? HistoryFile { get; init; }

    /// <summary>Told of every registered node, now and at each change; null when nothing on this node asks.</summary>
    public Action<IEnumerable<Node>>? FollowNodes { get; init; }

    /// <summary>Who people may sign in by besides a password; null for nobody.</summary>
    public OidcProvider? Oidc { get; init; }

    /// <summary>Where people reach the managers, for links in mail; null when it is not known, and no link is mailed.</summary>
    public Func<string?> PublicUrl { get; init; } = static () => null;

    /// <summary>How long usage is kept.</summary>
    public UsageRetention UsageRetention { get; init; } = UsageRetention.Default;

    /// <summary>The build, for status.</summary>
    public string Version { get; init; } = "";
}
