using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Google.Protobuf;

namespace Gatehouse.Deployment.Trust;

/// <summary>What a node learns about its cluster when it joins and at each renewal; lies in <c>pki/cluster.json</c>.</summary>
public sealed record ClusterFacts
{
    /// <summary>The cluster's name, as in every certificate.</summary>
    public required string Cluster { get; init; }

    /// <summary>The domain for membership.</summary>
    public required string Domain { get; init; }

    /// <summary><c>host:port</c> of every manager's 7443.</summary>
    public ImmutableArray<string> Managers { get; init; } = [];

    /// <summary>Well-known members, <c>host:port</c>.</summary>
    public ImmutableArray<string> Members { get; init; } = [];

    /// <summary>Public host names for API traffic.</summary>
    public ImmutableArray<string> GatewayHosts { get; init; } = [];

    /// <summary>Public host names of console and REST.</summary>
    public ImmutableArray<string> ManagementHosts { get; init; } = [];

    /// <summary>The catalogue key's public half, SubjectPublicKeyInfo.</summary>
    public required ReadOnlyMemory<byte> CatalogueKey { get; init; }

    internal static ClusterFacts From(JoinReply reply) =>
        new()
        {
            Cluster = reply.Cluster,
            Domain = reply.Domain,
            Managers = [.. reply.Managers],
            Members = [.. reply.Members],
            GatewayHosts = [.. reply.GatewayHosts],
            ManagementHosts = [.. reply.ManagementHosts],
            CatalogueKey = reply.CatalogueKey.ToByteArray(),
        };

    /// <summary>What a manager answers to a join or renewal.</summary>
    internal JoinReply ToReply(X509Certificate2 certificate, IEnumerable<X509Certificate2> authorities)
    {
        var identity =
            PeerIdentity.Read(certificate)
            ?? throw new ArgumentException("The certificate names no node.", nameof(certificate));
        var reply = new JoinReply
        {
            Cluster = Cluster,
            Node = identity.Node,
            Profile = identity.Profile.Name(),
            Certificate = ByteString.CopyFrom(certificate.RawData),
            CatalogueKey = ByteString.CopyFrom(CatalogueKey.Span),
            Domain = Domain,
        };
        reply.Authorities.AddRange(authorities.Select(a => ByteString.CopyFrom(a.RawData)));
        reply.Managers.AddRange(Managers);
        reply.Members.AddRange(Members);
        reply.GatewayHosts.AddRange(GatewayHosts);
        reply.ManagementHosts.AddRange(ManagementHosts);
        return reply;
    }
}
