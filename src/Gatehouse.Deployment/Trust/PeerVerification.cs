using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Deployment.Internal;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Trust;

/// <summary>Judges the certificate of whoever is on the other end of port 7443. The same judge for servers and clients.</summary>
/// <param name="cluster">The cluster's name; null for a joiner, which knows its authority only.</param>
/// <param name="authorities">The cluster's authorities, asked at each handshake.</param>
/// <param name="denied">Certificates taken out of service.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For the alert about expired certificates.</param>
public sealed partial class PeerVerification(
    string? cluster,
    Func<X509Certificate2Collection> authorities,
    DenyList denied,
    TimeProvider time,
    ILogger<PeerVerification> logger
)
{
    // When the last alert about an expired certificate was written, by serial: one an hour, not one a connection. Only
    // certificates that this cluster issued get in, so it is bounded by the nodes.
    private readonly ConcurrentDictionary<string, DateTimeOffset> _alerted = new(StringComparer.Ordinal);

    /// <summary>How long past its end a certificate still carries API traffic.</summary>
    public static TimeSpan DataHopGrace { get; } = TimeSpan.FromDays(90);

    /// <summary>How many accepted connections used an expired certificate since the start.</summary>
    public long ExpiredAccepted => Interlocked.Read(ref _expiredAccepted);

    private long _expiredAccepted;

    /// <summary>Says who holds <paramref name="certificate"/>, or why it is not believed. Does not throw.</summary>
    public PeerVerdict Verify(X509Certificate2 certificate, InternalPurpose purpose)
    {
        var peer = PeerIdentity.Read(certificate);
        if (peer is null)
        {
            return PeerVerdict.Refuse(
                $"its certificate ({Short(certificate.Subject)}) names no node; it was not made by a Gatehouse cluster"
            );
        }

        if (cluster is not null && peer.Cluster != cluster)
        {
            return PeerVerdict.Refuse(
                $"it belongs to the cluster '{peer.Cluster}' (node {peer}), this is '{cluster}'; check the addresses"
            );
        }

        var now = time.GetUtcNow();
        var begins = new DateTimeOffset(certificate.NotBefore.ToUniversalTime());
        var ends = new DateTimeOffset(certificate.NotAfter.ToUniversalTime());
        if (now < begins)
        {
            return PeerVerdict.Refuse(
                $"the certificate of {peer} is valid from {begins:u}, and here it is {now:u}; check the clocks of both nodes"
            );
        }

        // A certificate past its end is judged as of its last second: was it good until then?
        var expired = now > ends;
        if (!AuthorityChain.Holds(authorities(), certificate, expired ? ends.AddSeconds(-1) : now))
        {
            return PeerVerdict.Refuse(
                $"the certificate that says it is {peer} was not issued by this cluster's authority; "
                    + "a node of a cluster that was initialised anew has to join again"
            );
        }

        if (denied.Contains(peer.SerialNumber))
        {
            return PeerVerdict.Refuse($"{peer} was evicted (certificate {peer.SerialNumber} is on the deny list)");
        }

        if (expired)
        {
            var graced = purpose == InternalPurpose.Apis && now <= ends + DataHopGrace;
            if (!graced)
            {
                return PeerVerdict.Refuse(
                    $"the certificate of {peer} expired on {ends:u}; let the node reach a manager to renew it before it "
                        + "expires, or join it again with a new token"
                );
            }

            Interlocked.Increment(ref _expiredAccepted);
            AlertExpired(peer, ends, now);
        }

        return new(peer, null, ends);
    }

    /// <summary>Why a peer that was accepted once is not any more; null while it is. For connections that live long.</summary>
    public string? Recheck(PeerIdentity peer) =>
        denied.Contains(peer.SerialNumber)
            ? $"{peer} was evicted (certificate {peer.SerialNumber} is on the deny list)"
            : null;

    /// <summary>
    /// For TLS itself, which builds a chain before it asks us: with this policy it neither looks at the machine's roots nor
    /// fetches anything that a hostile certificate points to.
    /// </summary>
    public X509ChainPolicy ChainPolicy() => AuthorityChain.Policy(authorities(), time.GetUtcNow());

    private void AlertExpired(PeerIdentity peer, DateTimeOffset ends, DateTimeOffset now)
    {
        var due = _alerted.AddOrUpdate(
            peer.SerialNumber,
            now,
            (_, last) => now - last >= TimeSpan.FromHours(1) ? now : last
        );
        if (due == now)
        {
            LogExpired(peer.Node, peer.Profile.Name(), ends, ends + DataHopGrace);
        }
    }

    private static string Short(string text) => text.Length <= 80 ? text : text[..80] + "…";

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "ALERT: the certificate of {Node} ({Profile}) expired at {Ends:u}. API traffic goes on until {Until:u}; the "
            + "feed does not. Let the node reach a manager, or join it again with a new token"
    )]
    private partial void LogExpired(string node, string profile, DateTimeOffset ends, DateTimeOffset until);
}

/// <summary>What became of a peer's certificate.</summary>
/// <param name="Peer">Who it is; null when refused.</param>
/// <param name="Refusal">Why not, for log and operator; null when accepted.</param>
/// <param name="Ends">When the certificate ends.</param>
public sealed record PeerVerdict(PeerIdentity? Peer, string? Refusal, DateTimeOffset Ends)
{
    internal static PeerVerdict Refuse(string why) => new(null, why, default);
}
