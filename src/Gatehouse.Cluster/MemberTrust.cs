using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Cluster;

/// <summary>The certificate a member shows, and its judgement of those it is shown.</summary>
/// <param name="Certificate">The node's certificate with its private key, as of now. Asked again at every start and every ten seconds: a renewed one is taken into use by a graceful leave and rejoin.</param>
/// <param name="Refuse">Null when the holder of this certificate may be a member, else why not in words for the operator. Called on any thread; must not throw or wait.</param>
public sealed record MemberTrust(Func<X509Certificate2> Certificate, Func<X509Certificate2, string?> Refuse)
{
    /// <summary>Completes when the certificate is another than that of this thumbprint, so that nobody has to look; null when nothing tells.</summary>
    public Func<string, CancellationToken, Task>? WhenRenewed { get; init; }
}
