using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>Who a node certificate says its holder is: the URI SAN <c>gatehouse://cluster/profile/node</c>.</summary>
/// <param name="Cluster">The cluster's name.</param>
/// <param name="Profile">What the node runs; decides what it may ask for.</param>
/// <param name="Node">Its name.</param>
/// <param name="SerialNumber">Of the certificate, upper-case hexadecimal.</param>
public sealed record PeerIdentity(string Cluster, Profile Profile, string Node, string SerialNumber)
{
    /// <summary>The URI in the certificate.</summary>
    public Uri Uri => new($"gatehouse://{Cluster}/{Profile.Name()}/{Node}");
}
