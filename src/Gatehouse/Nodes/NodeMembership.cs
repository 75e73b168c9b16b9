using Gatehouse.Cluster;
using Gatehouse.Commands;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Nodes;

/// <summary>A node's settings and trust, in the words of membership.</summary>
internal static class NodeMembership
{
    public static MembershipSettings SettingsOf(NodeContext node)
    {
        var settings = node.Settings;
        var cluster = settings.Cluster;
        return new()
        {
            Enabled = cluster.Enabled,
            Scheme = cluster.Scheme,
            Domain = cluster.Domain ?? node.Identity.Facts.Domain,
            NodeName = node.Identity.Node,
            Profile = node.Identity.Profile,
            SubDomain = settings.Node.SubDomain,
            Version = VersionCommand.Current,
            LocalMemberHost = cluster.LocalMember.Host ?? node.Host,
            LocalMemberPort = cluster.LocalMember.Port,
            AllowPortIncrement = cluster.LocalMember.Increment,
            BindHost = cluster.LocalMember.Bind?.ToString(),
            WellKnownMembers = cluster.Members.IsEmpty
                ? [.. node.Identity.Facts.Members.Select(Parse).OfType<WellKnownMember>()]
                : cluster.Members,
            DnsName = cluster.DnsName,
            Properties = settings.Node.Properties,
            FailureDetection = cluster.FailureDetection,
            StateFile = Path.Combine(node.DataDirectory, "members.json"),
        };
    }

    /// <summary>Members show the node certificate, and are judged like every other peer of the control purpose.</summary>
    public static MemberTrust TrustOf(NodeContext node) =>
        new(
            () => node.Identity.Certificate.Certificate,
            certificate => node.Verification.Verify(certificate, InternalPurpose.Control).Refusal
        )
        {
            WhenRenewed = async (thumbprint, cancellation) =>
            {
                await foreach (var certificate in node.Identity.FollowCertificateAsync(cancellation))
                {
                    if (certificate.Certificate.Thumbprint != thumbprint)
                    {
                        return;
                    }
                }
            },
        };

    private static WellKnownMember? Parse(string address) =>
        HostPort.TryParse(address, out var parsed) ? new(parsed.Host, parsed.Port) : null;
}
