using System.Collections.Immutable;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Internal;

/// <summary>Whom a client expects at the other end: a certificate of the cluster alone would let a worker pose as a manager.</summary>
/// <param name="Node">The node's name; null for any.</param>
/// <param name="Profiles">One of these.</param>
public sealed record PeerExpectation(string? Node, ImmutableArray<Profile> Profiles)
{
    /// <summary>Any manager: the feed, reports, joining, renewal.</summary>
    public static PeerExpectation Manager { get; } =
        new(null, [.. Enum.GetValues<Profile>().Where(p => p.IsManager())]);

    /// <summary>Any worker: a lent store.</summary>
    public static PeerExpectation Worker { get; } = new(null, [.. Enum.GetValues<Profile>().Where(p => p.IsWorker())]);

    /// <summary>Exactly this registered node.</summary>
    public static PeerExpectation For(Node node) => new(node.Name, [node.Profile]);

    /// <summary>Why <paramref name="peer"/> is not the one; null when it is.</summary>
    public string? Mismatch(PeerIdentity peer)
    {
        if (Node is not null && peer.Node != Node)
        {
            return $"{Node} was expected there, but {peer} answers; check the addresses";
        }

        return Profiles.Contains(peer.Profile)
            ? null
            : $"{peer} answers there, but only {string.Join(" or ", Profiles.Select(p => p.Name()))} is believed for this; check the addresses";
    }
}
