using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// Whom a cluster believes at one moment: the authority that issues certificates and, while one authority takes over from
/// another, the other one as well.
/// </summary>
public sealed class ClusterTrust
{
    private const int IdBytes = 16;

    /// <summary>Trusts the authority that issues, and <paramref name="others"/>.</summary>
    public ClusterTrust(CertificateAuthority issuing, params ReadOnlySpan<X509Certificate2> others)
    {
        Issuing = issuing;
        Trusted = [issuing.Certificate, .. others];
        Pins = [.. Trusted.Select(PinOf)];
        Id = IdOf(issuing.Certificate, Trusted);
        Pem = string.Concat(Trusted.Select(a => a.ExportCertificatePem() + "\n"));
    }

    /// <summary>Issues the certificates.</summary>
    public CertificateAuthority Issuing { get; }

    /// <summary>Whose certificates count, the one that issues first.</summary>
    public ImmutableArray<X509Certificate2> Trusted { get; }

    /// <summary>SHA-256 of each of <see cref="Trusted"/>.</summary>
    public ImmutableArray<Digest> Pins { get; }

    /// <summary><see cref="Trusted"/> as PEM.</summary>
    public string Pem { get; }

    /// <summary>
    /// Names this state by what it says, so that managers and nodes agree on it whatever was restored or taken back: a node
    /// that has it holds a certificate of <see cref="Issuing"/> and believes <see cref="Trusted"/> alone.
    /// </summary>
    public string Id { get; }

    /// <summary>True when <see cref="Issuing"/> issued <paramref name="certificate"/>. Does not throw.</summary>
    public bool Issued(X509Certificate2 certificate) =>
        AuthorityChain.Holds([Issuing.Certificate], certificate, LastMoment(certificate));

    /// <summary>The state of a node: its authorities, and which of them issued its certificate. Null when none did.</summary>
    internal static string? Of(X509Certificate2Collection authorities, X509Certificate2 certificate) =>
        authorities.FirstOrDefault(a => AuthorityChain.Holds([a], certificate, LastMoment(certificate))) is { } issuer
            ? IdOf(issuer, authorities)
            : null;

    private static string IdOf(X509Certificate2 issuer, IEnumerable<X509Certificate2> trusted)
    {
        var text = string.Join(
            ' ',
            trusted
                .Select(a => PinOf(a).ToString())
                .Distinct()
                .Order(StringComparer.Ordinal)
                .Prepend(PinOf(issuer).ToString())
        );
        return Convert.ToHexStringLower(Digest.Of(Encoding.ASCII.GetBytes(text)).ToArray().AsSpan(0, IdBytes));
    }

    private static Digest PinOf(X509Certificate2 authority) => Digest.Of(authority.RawData);

    // As of its own lifetime: an expired certificate was issued by whom it was issued.
    private static DateTimeOffset LastMoment(X509Certificate2 certificate) =>
        new(certificate.NotAfter.ToUniversalTime().AddSeconds(-1));
}
