using System.Text.Json.Serialization;

namespace Gatehouse.Management;

/// <summary>How a registered node stands, by what it said and when it was last heard of.</summary>
[JsonConverter(typeof(DashedEnum<NodeState>))]
public enum NodeState
{
    /// <summary>Registered and never heard of.</summary>
    NeverSeen,

    /// <summary>Runs, and is not ready yet.</summary>
    Starting,

    /// <summary>Serves.</summary>
    Serving,

    /// <summary>Takes no new requests.</summary>
    Draining,

    /// <summary>Serves what nobody vouches to be the newest: a table from a peer, or from another history.</summary>
    Stale,

    /// <summary>Said that it stops, and was not heard of since.</summary>
    Stopped,

    /// <summary>Said nothing for more than <see cref="NodeBoard.LostAfter"/>.</summary>
    Lost,

    /// <summary>Serves the table it has and takes no changes: its configuration says so (<c>node.hold</c>).</summary>
    Held,
}

/// <summary>How one entity stands on one node.</summary>
[JsonConverter(typeof(DashedEnum<DeploymentState>))]
public enum DeploymentState
{
    /// <summary>Not reported yet.</summary>
    Pending,

    /// <summary>The node runs it, at this epoch or a newer one.</summary>
    Applied,

    /// <summary>The node cannot run it and serves the last good one.</summary>
    Refused,

    /// <summary>The node has not been heard of since the change.</summary>
    Stale,
}

/// <summary>One entity on one node.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="State">How it stands there.</param>
/// <param name="Epoch">What the node has applied up to.</param>
/// <param name="Since">When it was last heard of; null when never.</param>
/// <param name="Field">JSON pointer to what it refused; null when it did not.</param>
/// <param name="Reason">Why it refused; null when it did not.</param>
public sealed record NodeDeployment(
    string Node,
    DeploymentState State,
    long Epoch,
    DateTimeOffset? Since,
    string? Field = null,
    string? Reason = null
);
