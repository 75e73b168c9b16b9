using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Cluster;

/// <summary>How a node takes part in the cluster, as written by the operator (seed: axis2.xml <c>clustering</c>).</summary>
public sealed record MembershipSettings
{
    /// <summary>Off: the same product without the member table (seed: <c>enable</c>).</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>How other members are found (seed: <c>membershipScheme</c>).</summary>
    public MembershipScheme Scheme { get; init; } = MembershipScheme.WellKnownMembers;

    /// <summary>The cluster's name. Nodes of another domain never join (seed: <c>domain</c>).</summary>
    public string Domain { get; init; } = "wso2.am.domain";

    /// <summary>This node's name, unique in the cluster.</summary>
    public required string NodeName { get; init; }

    /// <summary>What this node runs; shown to others, authorises nothing.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Role label inside the domain; shown to others, authorises nothing (seed: <c>subDomain</c>).</summary>
    public string SubDomain { get; init; } = "worker";

    /// <summary>The version of the program, shown to others.</summary>
    public string Version { get; init; } = "";

    /// <summary>The host that other members reach this one on (seed: <c>localMemberHost</c>).</summary>
    public string LocalMemberHost { get; init; } = "127.0.0.1";

    /// <summary>The membership port; no port offset is added (seed: <c>localMemberPort</c>).</summary>
    public int LocalMemberPort { get; init; } = 4000;

    /// <summary>Whether a taken port moves on to the next free one, up to <see cref="PortIncrements"/> further.</summary>
    public bool AllowPortIncrement { get; init; } = true;

    /// <summary>The address to listen on; null for the local member host when this machine has it, else every address.</summary>
    public string? BindHost { get; init; }

    /// <summary>Addresses any one of which lets this node in (seed: <c>members</c>).</summary>
    public ImmutableArray<WellKnownMember> WellKnownMembers { get; init; } = [];

    /// <summary>With <see cref="MembershipScheme.Dns"/>: the name to look up, either of SRV records (<c>_gatehouse._tcp.example</c>) or of addresses.</summary>
    public string? DnsName { get; init; }

    /// <summary>Free properties shown beside the member: ports, <c>port.mapping.N</c>, URLs (seed: <c>properties</c>).</summary>
    public ImmutableSortedDictionary<string, string> Properties { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>How fast a lost member is noticed.</summary>
    public FailureDetection FailureDetection { get; init; } = FailureDetection.Lan;

    /// <summary>Where the members last seen are remembered over a restart of the process; null for nowhere.</summary>
    public string? StateFile { get; init; }

    /// <summary>How far beyond <see cref="LocalMemberPort"/> a free port is looked for.</summary>
    public const int PortIncrements = 100;
}

/// <summary>How other members are found.</summary>
public enum MembershipScheme
{
    /// <summary><c>wka</c>: a list of well-known members.</summary>
    WellKnownMembers,

    /// <summary><c>dns</c>: the SRV or address records of one name, such as a headless service.</summary>
    Dns,
}

/// <summary>How fast a lost member is noticed.</summary>
public enum FailureDetection
{
    /// <summary>Within 3 s: one data centre.</summary>
    Lan,

    /// <summary>Within 15 s: members with slow or lossy links between them.</summary>
    Wan,
}
