using System.Collections.Immutable;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Certificates;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Nodes;

/// <summary>
/// The certificates of the public ports: the operator's PEM files by host name, else the node's own. Asked at every handshake,
/// so a reload or a renewal needs no new listener and drops no connection.
/// </summary>
internal sealed class PublicCertificates(NodeIdentity identity)
{
    private static readonly List<SslApplicationProtocol> s_protocols =
    [
        SslApplicationProtocol.Http2,
        SslApplicationProtocol.Http11,
    ];

    private static readonly Oid s_clientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private ImmutableArray<Loaded> _loaded = [];
    private X509Certificate2Collection? _clientAuthorities;

    /// <summary>What is weak about those in use, each with its file; weak ones serve all the same.</summary>
    public ImmutableArray<string> Weaknesses { get; private set; } = [];

    /// <summary>TLS settings for a caller that asked for <paramref name="serverName"/>; the node's own certificate when it asked for none of ours.</summary>
    public SslServerAuthenticationOptions For(string? serverName) =>
        new()
        {
            ServerCertificateContext =
                _loaded.FirstOrDefault(certificate => certificate.IsFor(serverName))?.Context
                ?? identity.Certificate.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = s_protocols,
            AllowRenegotiation = false,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };

    /// <summary>
    /// The same for a caller that is asked for a certificate. One from no authority of <c>tls.clientAuthorities</c> ends the
    /// handshake. Without that setting any is taken: it opens only the application that it was bound to, and TLS itself sees
    /// to it that the caller has its key.
    /// </summary>
    public SslServerAuthenticationOptions Asking(string? serverName, ClientCertificates ask)
    {
        var options = For(serverName);
        var authorities = _clientAuthorities;
        options.ClientCertificateRequired = true;
        options.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            certificate is null
                ? ask != ClientCertificates.Required
                : authorities is null || errors == SslPolicyErrors.None;

        // A session that began before anybody asked would come back without a certificate.
        options.AllowTlsResume = false;
        if (authorities is not null)
        {
            var policy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            policy.CustomTrustStore.AddRange(authorities);
            policy.ApplicationPolicy.Add(s_clientAuthentication);
            options.CertificateChainPolicy = policy;
        }

        return options;
    }

    /// <summary>Reads the files of <paramref name="settings"/>. Every problem at once; with none, <paramref name="use"/> puts them into use.</summary>
    public ImmutableArray<Problem> Read(TlsSettings settings, out Action use)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        var loaded = ImmutableArray.CreateBuilder<Loaded>();
        foreach (var (entry, index) in settings.Certificates.Select((entry, index) => (entry, index)))
        {
            try
            {
                loaded.Add(Load(entry));
            }
            catch (Exception e)
                when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
            {
                problems.Add(
                    new(
                        $"tls.certificates[{index}]",
                        $"the certificate cannot be used: {e.Message}",
                        (e as WeakKeyException)?.Replacement
                            ?? "give a PEM chain, its PEM key, and passphraseFile when the key is encrypted; 'gatehouse cert show' says more",
                        entry.Cert
                    )
                );
            }
        }

        var authorities = ReadAuthorities(settings.ClientAuthorities, problems);
        var next = loaded.ToImmutable();
        use = () =>
        {
            _loaded = next;
            _clientAuthorities = authorities;
            Weaknesses = [.. next.SelectMany(certificate => certificate.Weaknesses)];
        };
        return problems.ToImmutable();
    }

    private static X509Certificate2Collection? ReadAuthorities(string? file, ImmutableArray<Problem>.Builder problems)
    {
        if (file is null)
        {
            return null;
        }

        var authorities = new X509Certificate2Collection();
        string? fault = null;
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
        }

        if (fault is not null || authorities.Count == 0)
        {
            problems.Add(
                new(
                    "tls.clientAuthorities",
                    $"the authorities cannot be used: {fault ?? "the file has no certificate in PEM"}",
                    "give a PEM file of the authorities that issue the certificates of callers",
                    file
                )
            );
        }

        return authorities;
    }

    private static Loaded Load(CertificateSettings entry)
    {
        using var read = CertificateFiles.Read(
            entry.Cert,
            entry.Key,
            entry.PassphraseFile is { } file ? File.ReadLines(file).FirstOrDefault() ?? "" : null
        );
        if (CertificateJudge.Refusal(read.Leaf) is { } refusal)
        {
            throw new WeakKeyException(refusal, CertificateJudge.Replacement(read.Leaf));
        }

        // The PKCS#12 detour gives the key a form that the TLS layer accepts on every platform.
        var leaf = X509CertificateLoader.LoadPkcs12(read.Leaf.Export(X509ContentType.Pkcs12), null);
        var chain = new X509Certificate2Collection(read.Chain.ToArray());
        return new(
            SslStreamCertificateContext.Create(leaf, chain, offline: true),
            leaf,
            entry.Hosts,
            [
                .. CertificateJudge
                    .Weaknesses(read, DateTimeOffset.UtcNow)
                    .Select(weakness => $"{entry.Cert}: {weakness}"),
            ]
        );
    }

    private sealed class WeakKeyException(string refusal, string replacement) : CryptographicException(refusal)
    {
        public string Replacement => replacement;
    }

    private sealed record Loaded(
        SslStreamCertificateContext Context,
        X509Certificate2 Leaf,
        ImmutableArray<string> Hosts,
        ImmutableArray<string> Weaknesses
    )
    {
        public bool IsFor(string? serverName) =>
            !string.IsNullOrEmpty(serverName)
            && (Hosts.IsEmpty ? Leaf.MatchesHostname(serverName) : Hosts.Any(host => Matches(host, serverName)));

        private static bool Matches(string pattern, string name) =>
            pattern.StartsWith("*.", StringComparison.Ordinal)
                ? name.IndexOf('.') is var dot and > 0
                    && name.AsSpan(dot).Equals(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase)
                : name.Equals(pattern, StringComparison.OrdinalIgnoreCase);
    }
}
