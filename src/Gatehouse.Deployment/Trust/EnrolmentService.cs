using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Trust;

/// <summary>The manager's side of joining: turns tokens into certificates, renews them, and gives managers the cluster key.</summary>
/// <param name="ledger">Join tokens and registered nodes.</param>
/// <param name="trust">Who issues the certificates, and whom nodes are told to believe; asked at each answer.</param>
/// <param name="facts">What a node learns about the cluster; asked at each answer, so a new manager is in it.</param>
/// <param name="clusterKey">For managers that join.</param>
/// <param name="logger">Every certificate issued and every refusal.</param>
public sealed partial class EnrolmentService(
    IEnrolmentLedger ledger,
    Func<ClusterTrust> trust,
    Func<ClusterFacts> facts,
    ClusterKey clusterKey,
    ILogger<EnrolmentService> logger
) : Enrolment.EnrolmentBase
{
    /// <summary>The authorities' certificates as PEM, for whoever asks.</summary>
    public string AuthoritiesPem => trust().Pem;

    /// <inheritdoc/>
    public override async Task<JoinReply> Join(JoinRequest request, ServerCallContext context)
    {
        var remote = Remote(context);

        // 1. The request is checked before an attempt of the token is spent on it.
        var publicKey = CheckRequest(request.CertificateRequest, remote);

        // 2. The ledger decides, and binds the token to this key.
        var verdict = await ledger.RedeemAsync(
            request.TokenId,
            request.Secret.Memory,
            publicKey,
            remote,
            context.CancellationToken
        );
        if (!verdict.Accepted)
        {
            LogRefused(remote, Printable(request.TokenId), verdict.Reason);
            throw new RpcException(new(StatusCode.PermissionDenied, verdict.Reason));
        }

        // 3. Issue, then register: an answer that is lost is asked for again with the same key.
        var node = ReadFacts(request.Facts, verdict.Node, verdict.Profile) with
        {
            Environments = verdict.Environments,
        };
        if (node.Asked.FirstOrDefault(e => !node.MayServe(e)) is { } asked)
        {
            var reason =
                $"the node asks for environment '{asked}' and its join token is for {string.Join(", ", verdict.Environments)}; "
                + $"mend 'node.environments' in its gatehouse.yaml, or make a token with --environment {asked}";
            LogRefused(remote, Printable(request.TokenId), reason);
            throw new RpcException(new(StatusCode.PermissionDenied, reason));
        }

        var believed = trust();
        using var certificate = Issue(believed, request.CertificateRequest, node);
        await ledger.RegisterAsync(node, certificate.SerialNumber, Ends(certificate), context.CancellationToken);
        LogIssued(node.Name, node.Profile.Name(), "joined", certificate.SerialNumber, Ends(certificate));

        // Read again: by registering, a manager may have become one of the managers.
        return Reply(believed, node, certificate);
    }

    /// <inheritdoc/>
    public override Task<JoinReply> Renew(RenewRequest request, ServerCallContext context)
    {
        var http = context.GetHttpContext();
        var peer = Peer(http);
        var present = http.Connection.ClientCertificate;
        if (
            present is null
            || Digest.Of(present.PublicKey.ExportSubjectPublicKeyInfo())
                != CheckRequest(request.CertificateRequest, Remote(context))
        )
        {
            throw new RpcException(
                new(
                    StatusCode.PermissionDenied,
                    "a renewal is for the key of the present certificate; join again for another key"
                )
            );
        }

        return RenewAsync(peer, present, request, context.CancellationToken);
    }

    /// <summary>Renews without a connection, for the manager that holds the authority itself.</summary>
    /// <param name="peer">Who asks.</param>
    /// <param name="present">Its certificate.</param>
    /// <param name="request">What it wants.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<JoinReply> RenewAsync(
        PeerIdentity peer,
        X509Certificate2 present,
        RenewRequest request,
        CancellationToken cancellation
    )
    {
        // Looked at before anything is signed, and once more as it is written: an eviction may come in between.
        if (!await ledger.IsRegisteredAsync(peer.Node, cancellation))
        {
            throw NotRegistered(peer);
        }

        var node = ReadFacts(request.Facts, peer.Node, peer.Profile);
        var believed = trust();
        if (request.Keeps && believed.Issued(present))
        {
            LogTold(node.Name, node.Profile.Name(), believed.Trusted.Length);
            return Reply(believed, node, present);
        }

        using var certificate = Issue(believed, request.CertificateRequest, node);
        if (!await ledger.RenewAsync(node, certificate.SerialNumber, Ends(certificate), cancellation))
        {
            throw NotRegistered(peer);
        }

        LogIssued(node.Name, node.Profile.Name(), "renewed", certificate.SerialNumber, Ends(certificate));
        return Reply(believed, node, certificate);
    }

    /// <inheritdoc/>
    public override async Task<ClusterKeyReply> ClusterKey(ClusterKeyRequest request, ServerCallContext context)
    {
        var peer = Peer(context.GetHttpContext());

        // Checked a second time, after the path table: this is the key to everything.
        if (!peer.Profile.IsManager() || !await ledger.IsRegisteredAsync(peer.Node, context.CancellationToken))
        {
            throw new RpcException(new(StatusCode.PermissionDenied, "the cluster key is for registered managers only"));
        }

        LogClusterKey(peer.Node, peer.Profile.Name(), Remote(context));
        return new() { Key = ByteString.CopyFrom(clusterKey.Export()) };
    }

    private JoinReply Reply(ClusterTrust believed, Node node, X509Certificate2 certificate)
    {
        var reply = facts().ToReply(certificate, believed.Trusted);
        if (node.Profile == Profile.LoadBalancer)
        {
            // Made of the cluster key, so that all balancers have the same and no database or feed has it.
            reply.BalancerKey = ByteString.CopyFrom(clusterKey.Derive("balancer cookies"));
        }

        if (node.Profile.IsWorker())
        {
            reply.WorkerKey = ByteString.CopyFrom(clusterKey.Derive(SecretSeal.Purpose));
        }

        return reply;
    }

    private X509Certificate2 Issue(ClusterTrust believed, ByteString request, Node node)
    {
        var cluster = facts();
        try
        {
            return believed.Issuing.Issue(
                request.Span,
                cluster.Cluster,
                node.Profile,
                node.Name,
                [node.Host, .. PublicHosts(cluster, node.Profile)]
            );
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new RpcException(new(StatusCode.InvalidArgument, e.Message));
        }
    }

    private RpcException NotRegistered(PeerIdentity peer)
    {
        LogRenewalRefused(peer.Node, peer.Profile.Name());
        return new(
            new(
                StatusCode.PermissionDenied,
                $"{peer} is not registered any more: it left or was evicted; join it again with a new token"
            )
        );
    }

    private static DateTimeOffset Ends(X509Certificate2 certificate) => new(certificate.NotAfter.ToUniversalTime());

    private Digest CheckRequest(ByteString request, string remote)
    {
        try
        {
            return Digest.Of(CertificateRequests.Verify(request.Span).ExportSubjectPublicKeyInfo());
        }
        catch (CryptographicException e)
        {
            LogBadRequest(remote, e.Message);
            throw new RpcException(new(StatusCode.InvalidArgument, e.Message));
        }
    }

    private static Node ReadFacts(NodeFacts? facts, string name, Profile profile)
    {
        try
        {
            return facts.ToNode(name, profile);
        }
        catch (FormatException e)
        {
            throw new RpcException(new(StatusCode.InvalidArgument, e.Message));
        }
    }

    private static IEnumerable<string> PublicHosts(ClusterFacts cluster, Profile profile)
    {
        IEnumerable<string> hosts =
        [
            .. profile.IsWorker() || profile == Profile.LoadBalancer ? cluster.GatewayHosts : [],
            .. profile.IsManager() || profile == Profile.LoadBalancer ? cluster.ManagementHosts : [],
        ];
        return hosts.Where(HostPort.IsHost);
    }

    private static PeerIdentity Peer(HttpContext http) =>
        http.Features.Get<PeerIdentity>()
        ?? throw new RpcException(new(StatusCode.Unauthenticated, "this needs a node certificate"));

    private static string Remote(ServerCallContext context) =>
        context.GetHttpContext().Connection.RemoteIpAddress?.ToString() ?? "unknown address";

    private static string Printable(string text) =>
        new([.. text.Take(64).Select(c => c is > ' ' and <= '~' ? c : '?')]);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Node} ({Profile}) {What}: certificate {Serial}, valid until {Ends:u}"
    )]
    private partial void LogIssued(string node, string profile, string what, string serial, DateTimeOffset ends);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Told {Node} ({Profile}) whom to believe: {Authorities} authority(ies)"
    )]
    private partial void LogTold(string node, string profile, int authorities);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Refused to let a node in from {Remote} with join token '{Token}': {Reason}"
    )]
    private partial void LogRefused(string remote, string token, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Refused to renew the certificate of {Node} ({Profile}): it left or was evicted"
    )]
    private partial void LogRenewalRefused(string node, string profile);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused a certificate request from {Remote}: {Reason}")]
    private partial void LogBadRequest(string remote, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Gave the cluster key to {Node} ({Profile}) at {Remote}")]
    private partial void LogClusterKey(string node, string profile, string remote);
}
