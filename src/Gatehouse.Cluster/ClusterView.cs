using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Cluster;

/// <summary>The cluster as this node sees it. Complete and immutable; the next change makes another.</summary>
public sealed record ClusterView
{
    /// <summary>Grows with every change.</summary>
    public long Number { get; init; }

    /// <summary>The domain this node is configured for.</summary>
    public required string Domain { get; init; }

    /// <summary>What this node is about.</summary>
    public required MembershipPhase Phase { get; init; }

    /// <summary>The address others reach this node on, with the port it really got; null while it has none.</summary>
    public MemberAddress? OwnAddress { get; init; }

    /// <summary>The same on every member of one cluster; null outside of one.</summary>
    public string? ClusterId { get; init; }

    /// <summary>Every member, this node included, by name; the departed for an hour.</summary>
    public ImmutableArray<ClusterMember> Members { get; init; } = [];

    /// <summary>What the operator should know: refused peers, addresses nobody answers at, a moved port.</summary>
    public ImmutableArray<Problem> Problems { get; init; } = [];
}

/// <summary>What this node is about, as far as membership goes.</summary>
public enum MembershipPhase
{
    /// <summary>Switched off, or stopped.</summary>
    Off,

    /// <summary>Starts, or starts again after a fault.</summary>
    Starting,

    /// <summary>Looks for a cluster to join.</summary>
    Searching,

    /// <summary>Found one and waits to be let in.</summary>
    Joining,

    /// <summary>Is a member.</summary>
    Up,
}

/// <summary>One member as this node sees it.</summary>
public sealed record ClusterMember
{
    /// <summary>Its node name; its address until its name is known.</summary>
    public required string Name { get; init; }

    /// <summary>Where it is reached.</summary>
    public required MemberAddress Address { get; init; }

    /// <summary>How it stands.</summary>
    public required MemberState State { get; init; }

    /// <summary>Since when, by this node's clock.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>The node that made this view.</summary>
    public bool IsSelf { get; init; }

    /// <summary>What it says it runs; null until known.</summary>
    public Profile? Profile { get; init; }

    /// <summary>What it says its sub-domain is; null until known.</summary>
    public string? SubDomain { get; init; }

    /// <summary>What it says its version is; null until known.</summary>
    public string? Version { get; init; }

    /// <summary>When its process began; null until known.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>Its free properties.</summary>
    public ImmutableSortedDictionary<string, string> Properties { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;
}

/// <summary>How a member stands.</summary>
public enum MemberState
{
    /// <summary>Known, not yet let in.</summary>
    Joining,

    /// <summary>A member.</summary>
    Up,

    /// <summary>A member that answers nobody or some no longer.</summary>
    Unreachable,

    /// <summary>On its way out, by its own wish.</summary>
    Leaving,

    /// <summary>Left.</summary>
    Left,

    /// <summary>Was unreachable for too long and is no member any more.</summary>
    Gone,
}
