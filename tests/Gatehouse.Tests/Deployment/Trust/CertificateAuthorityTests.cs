using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CsCheck;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class CertificateAuthorityTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly CertificateAuthority _authority;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public CertificateAuthorityTests() => _authority = CertificateAuthority.Create("test", _time);

    public void Dispose()
    {
        _authority.Dispose();
        _key.Dispose();
    }

    [Fact]
    public void A_node_certificate_says_who_the_node_is_and_little_else()
    {
        using var certificate = Issue(CertificateRequests.Create(_key), "api.example.com", "10.0.0.7", "::1");

        Assert.Equal(
            new("test", Profile.GatewayWorker, "worker-1", certificate.SerialNumber),
            PeerIdentity.Read(certificate)
        );
        Assert.Equal(32, certificate.SerialNumber.Length);
        Assert.Equal(_time.GetUtcNow().AddDays(30).UtcDateTime, certificate.NotAfter.ToUniversalTime());
        Assert.Equal(_time.GetUtcNow().AddMinutes(-5).UtcDateTime, certificate.NotBefore.ToUniversalTime());
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.True(certificate.MatchesHostname("api.example.com"));
        Assert.True(certificate.MatchesHostname("localhost"));
        Assert.True(certificate.MatchesHostname("10.0.0.7"));
        Assert.False(certificate.MatchesHostname("worker-1"));
    }

    [Fact]
    public void OpenSsl_reads_the_names_as_we_wrote_them()
    {
        using var certificate = Issue(CertificateRequests.Create(_key), "api.example.com", "::1");
        var names = certificate.Extensions.Single(e => e.Oid!.Value == "2.5.29.17").Format(false);

        Assert.Contains("URI:gatehouse://test/gateway-worker/worker-1", names, StringComparison.Ordinal);
        Assert.Contains("DNS:api.example.com", names, StringComparison.Ordinal);
        Assert.Contains("IP Address:0:0:0:0:0:0:0:1", names, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_request_asks_for_beyond_its_key_is_ignored()
    {
        var greedy = new CertificateRequest("CN=manager-1, O=Evil", _key, HashAlgorithmName.SHA256);
        greedy.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        greedy.CertificateExtensions.Add(
            SubjectNames.Write("gatehouse://test/gateway-manager/manager-1", ["evil.example"])
        );

        using var certificate = Issue(greedy.CreateSigningRequest());

        Assert.Equal("CN=worker-1", certificate.Subject);
        Assert.Equal(Profile.GatewayWorker, PeerIdentity.Read(certificate)!.Profile);
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.False(certificate.MatchesHostname("evil.example"));
    }

    [Fact]
    public void An_authority_taken_up_again_signs_as_the_same()
    {
        using var again = CertificateAuthority.Load(_authority.Certificate.RawData, _authority.ExportKey(), _time);
        using var certificate = again.Issue(CertificateRequests.Create(_key), "test", Profile.LoadBalancer, "lb-1", []);

        Assert.Equal(_authority.Pin, again.Pin);
        Assert.False(again.Certificate.HasPrivateKey);
        Assert.True(AuthorityChain.Holds([_authority.Certificate], certificate, _time.GetUtcNow()));
    }

    [Fact]
    public void A_node_certificate_signs_no_other()
    {
        using var node = Issue(CertificateRequests.Create(_key));
        using var withKey = node.CopyWithPrivateKey(_key);
        using var victim = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=x", victim, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(SubjectNames.Write("gatehouse://test/gateway-manager/x", []));
        using var forged = request.Create(
            withKey.SubjectName,
            X509SignatureGenerator.CreateForECDsa(_key),
            _time.GetUtcNow().AddMinutes(-1),
            _time.GetUtcNow().AddDays(1),
            [1, 2, 3]
        );

        Assert.False(AuthorityChain.Holds([_authority.Certificate], forged, _time.GetUtcNow()));
    }

    [Fact]
    public void Requests_with_an_RSA_key_or_another_curve_are_refused()
    {
        using var rsa = RSA.Create(2048);
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var byRsa = new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var byP384 = new CertificateRequest("CN=x", p384, HashAlgorithmName.SHA256);

        Assert.Throws<CryptographicException>(() => Issue(byRsa.CreateSigningRequest()));
        var refused = Assert.Throws<CryptographicException>(() => Issue(byP384.CreateSigningRequest()));
        Assert.Contains("P-256", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_signed_by_another_key_is_refused()
    {
        // Somebody else's public key under our own signature.
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(
            new X500DistinguishedName("CN=x"),
            new PublicKey(other),
            HashAlgorithmName.SHA256
        );

        Assert.Throws<CryptographicException>(() =>
            Issue(request.CreateSigningRequest(X509SignatureGenerator.CreateForECDsa(_key)))
        );
    }

    [Fact]
    public void Damaged_requests_are_refused_and_never_do_anything_else()
    {
        var request = CertificateRequests.Create(_key);
        Gen.Select(Gen.Int[0, request.Length - 1], Gen.Byte[1, 255])
            .Sample(
                (at, flip) =>
                {
                    var damaged = (byte[])request.Clone();
                    damaged[at] ^= flip;
                    Assert.Throws<CryptographicException>(() => CertificateRequests.Verify(damaged));
                },
                iter: 300
            );
        Gen.Byte.Array[0, 600]
            .Sample(noise => Assert.Throws<CryptographicException>(() => CertificateRequests.Verify(noise)), iter: 300);
    }

    [Theory]
    [InlineData("Worker")]
    [InlineData("a/b")]
    [InlineData("")]
    [InlineData("-a")]
    [InlineData("a\n")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Names_that_could_be_read_two_ways_get_no_certificate(string node) =>
        Assert.Throws<ArgumentException>(() =>
            _authority.Issue(CertificateRequests.Create(_key), "test", Profile.GatewayWorker, node, [])
        );

    [Fact]
    public void A_certificate_with_two_identities_or_a_broken_one_has_none()
    {
        Assert.Null(ReadUri("gatehouse://test/gateway-worker/a/b"));
        Assert.Null(ReadUri("gatehouse://test/gateway-worker/"));
        Assert.Null(ReadUri("gatehouse://test/root/a"));
        Assert.Null(ReadUri("GATEHOUSE://test/gateway-worker/a"));
        Assert.Null(ReadUri("https://test/gateway-worker/a"));
        Assert.Null(ReadUri("gatehouse://test/gateway-worker/a", "gatehouse://test/gateway-manager/a"));
        Assert.Equal("a", ReadUri("gatehouse://test/gateway-worker/a")?.Node);
    }

    private PeerIdentity? ReadUri(params string[] uris)
    {
        var request = new CertificateRequest("CN=x", _key, HashAlgorithmName.SHA256);
        var names = new AsnWriter(AsnEncodingRules.DER);
        using (names.PushSequence())
        {
            foreach (var uri in uris)
            {
                names.WriteCharacterString(UniversalTagNumber.IA5String, uri, new(TagClass.ContextSpecific, 6));
            }
        }

        request.CertificateExtensions.Add(new X509Extension("2.5.29.17", names.Encode(), critical: false));
        using var certificate = request.CreateSelfSigned(_time.GetUtcNow(), _time.GetUtcNow().AddDays(1));
        return PeerIdentity.Read(certificate);
    }

    private X509Certificate2 Issue(byte[] request, params string[] hosts) =>
        _authority.Issue(request, "test", Profile.GatewayWorker, "worker-1", hosts);
}
