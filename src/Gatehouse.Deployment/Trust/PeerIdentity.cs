using System.Security.Cryptography.X509Certificates;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>Who a node certificate says its holder is: the URI SAN <c>gatehouse://cluster/profile/node</c>.</summary>
/// <param name="Cluster">The cluster's name.</param>
/// <param name="Profile">What the node runs; decides what it may ask for.</param>
/// <param name="Node">Its name.</param>
/// <param name="SerialNumber">Of the certificate, upper-case hexadecimal.</param>
public sealed record PeerIdentity(string Cluster, Profile Profile, string Node, string SerialNumber)
{
    private const string Scheme = "gatehouse://";

    /// <summary>The URI in the certificate.</summary>
    public Uri Uri => new(Spell(Cluster, Profile, Node));

    /// <summary>Reads the identity in <paramref name="certificate"/>, without judging whether to believe it; null when it names none, or several.</summary>
    public static PeerIdentity? Read(X509Certificate2 certificate)
    {
        if (SubjectNames.ReadUris(certificate) is not [var uri] || !uri.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return null;
        }

        return
            uri[Scheme.Length..].Split('/') is [var cluster, var name, var node]
            && NodeNames.IsValid(cluster)
            && Profiles.TryParse(name, out var profile)
            && NodeNames.IsValid(node)
            ? new(cluster, profile, node, certificate.SerialNumber)
            : null;
    }

    /// <summary><c>node (profile)</c>, for messages.</summary>
    public override string ToString() => $"{Node} ({Profile.Name()})";

    internal static string Spell(string cluster, Profile profile, string node) =>
        $"{Scheme}{cluster}/{profile.Name()}/{node}";
}
