using System.Security.Cryptography.X509Certificates;
using Gatehouse.Cluster.Runtime;
using Gatehouse.Model;

namespace Gatehouse.Cluster.Joining;

/// <summary>Who is let near this node's membership, and what the operator is told of the others.</summary>
/// <param name="domain">The domain this node is of.</param>
/// <param name="trust">Whose certificates count.</param>
/// <param name="notices">What is noted already.</param>
/// <param name="raise">Notes a problem under a key.</param>
internal sealed class Doorkeeper(string domain, MemberTrust trust, Notices notices, Action<string, Problem> raise)
{
    private string? _lastRejected;

    /// <summary>Those of this domain; says why the rest is not listened to.</summary>
    public List<Hello> Admit(RoundResult round)
    {
        foreach (var (contact, why) in round.Strangers)
        {
            raise(
                $"stranger {contact}",
                new Problem(
                    "cluster.members",
                    $"what listens at {contact} is no member of this cluster: {why}",
                    "correct the address in the well-known members, or join that node with a token of this cluster"
                )
            );
        }

        foreach (var other in round.Answers.Where(a => a.Domain != domain))
        {
            OnForeignDomain(other);
        }

        return [.. round.Answers.Where(a => a.Domain == domain)];
    }

    public void OnForeignDomain(Hello other) =>
        raise(
            $"domain {other.Address}",
            new Problem(
                "cluster.domain",
                $"node '{other.Node}' at {other.Address} is of domain '{other.Domain}', this node of '{domain}': they do not join",
                "set the same domain on both, or take the address out of the well-known members"
            )
        );

    public void OnForeignMember(MemberAddress address) =>
        raise(
            $"domain {address}",
            new Problem(
                "cluster.domain",
                $"a node of another domain than '{domain}' at {address} got in and is put out",
                "set its domain, or take this cluster's addresses out of its well-known members"
            )
        );

    /// <summary>Called in the middle of a handshake, in or out, on a transport thread.</summary>
    public bool Judge(X509Certificate2? certificate, string peer)
    {
        var reason = certificate is null ? "it shows no certificate" : trust.Refuse(certificate);
        if (reason is null)
        {
            return true;
        }

        var host = Peer.HostOf(peer);
        raise(
            $"refused {host}",
            new Problem(
                "cluster",
                $"a node at {host} was refused: {reason}{(certificate is null ? "" : $" (certificate '{Peer.Printable(certificate.Subject)}')")}",
                "if it belongs to this cluster, join it with a new token; if not, keep it from this port"
            )
        );
        return false;
    }

    /// <summary>
    /// What <see cref="Judge"/> is not asked about: no TLS at all, or no certificate. A word only about who comes twice,
    /// which a scanner does not, and who was not judged meanwhile.
    /// </summary>
    public void OnRejected(string peer)
    {
        var host = Peer.HostOf(peer);
        if (Interlocked.Exchange(ref _lastRejected, host) == host && !notices.Has($"refused {host}"))
        {
            raise(
                $"refused {host}",
                new Problem(
                    "cluster",
                    $"a connection from {host} to the membership port was refused: it is not TLS, or shows no certificate",
                    "if it is a node of this cluster, join it with a token; if not, keep it from this port"
                )
            );
        }
    }
}
