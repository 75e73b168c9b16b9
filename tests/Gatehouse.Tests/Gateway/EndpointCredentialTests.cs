using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway;

/// <summary>How the gateway proves itself to backends, over real sockets.</summary>
public sealed class EndpointCredentialTests : IAsyncLifetime
{
    private const string Path = "/petstore/1.0.0/pets";
    private static readonly byte[] s_key = RandomNumberGenerator.GetBytes(32);

    private readonly SecretSeal _seal = new(s_key);
    private readonly Backend _backend = new();
    private readonly Backend _tokens = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-03-01T12:00:00Z", null));
    private TestGateway _gateway = null!;
    private int _made;

    public async ValueTask InitializeAsync()
    {
        _tokens.OnRequest = (_, stream) =>
            Backend.ReplyAsync(
                stream,
                $$"""{"access_token":"t{{Interlocked.Increment(ref _made)}}","token_type":"Bearer","expires_in":100}"""
            );
        _gateway = await TestGateway.StartAsync(new() { Node = "w1", Secrets = new(s_key) }, _time);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
        await _tokens.DisposeAsync();
        _seal.Dispose();
    }

    [Fact]
    public async Task Basic_takes_the_place_of_what_the_caller_sent()
    {
        Serve(new() { Type = "basic", User = "gate" }, "s:crét");

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            Path,
            headers: [("Authorization", "Basic Y2FsbGVyOng=")]
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(
            $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes("gate:s:crét"))}",
            _backend.Only.Header("Authorization")
        );
    }

    [Fact]
    public async Task A_key_stands_in_its_header_or_in_the_query()
    {
        Serve(new() { Type = "apikey", Name = "X-Key" }, "k1");
        using var header = await _gateway.SendAsync(HttpMethod.Get, Path, headers: [("x-key", "callers")]);
        Serve(
            new()
            {
                Type = "apikey",
                Name = "key",
                InQuery = true,
            },
            "k 2&"
        );
        using var query = await _gateway.GetAsync($"{Path}?a=1");
        using var alone = await _gateway.GetAsync(Path);

        var seen = _backend.Requests.ToArray();
        Assert.Equal(["k1"], seen[0].Headers("X-Key"));
        Assert.Equal("/pets?a=1&key=k%202%26", seen[1].Target);
        Assert.Equal("/pets?key=k%202%26", seen[2].Target);
    }

    [Fact]
    public async Task A_sandbox_has_its_own_credential()
    {
        await using var sandbox = new Backend();
        var api = Api(new() { Type = "basic", User = "prod" }, "p") with
        {
            Sandbox = Entities.To(sandbox.Url) with
            {
                Credential = Sealed(new() { Type = "basic", User = "sand" }, "s", "sandbox"),
            },
        };
        _gateway.Run([api.Keyed().Put(), .. Entities.Consumer(sandbox: true)]);

        using var answer = await _gateway.GetAsync(Path, Entities.Secret);

        Assert.Equal($"Basic {Convert.ToBase64String("sand:s"u8)}", sandbox.Only.Header("Authorization"));
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task A_token_is_got_once_used_till_it_is_nearly_over_and_renewed_before()
    {
        Serve(Client(), "s3cret");

        foreach (var advance in (int[])[0, 70, 15])
        {
            _time.Advance(TimeSpan.FromSeconds(advance));
            using var answer = await _gateway.GetAsync(Path);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        // The second is there when it is used; while it is on its way, time must not pass: the gateway would give it up.
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (_backend.Requests.Last().Header("Authorization") != "Bearer t2")
        {
            enough.Token.ThrowIfCancellationRequested();
            using var meanwhile = await _gateway.GetAsync(Path);
        }

        _time.Advance(TimeSpan.FromSeconds(20));
        using var last = await _gateway.GetAsync(Path);

        var used = _backend.Requests.Select(r => r.Header("Authorization")).ToList();
        Assert.Equal(["Bearer t1", "Bearer t2"], used.Distinct());
        Assert.Equal(used.Order(StringComparer.Ordinal), used);
        Assert.Equal(2, Volatile.Read(ref _made));
        var asked = _tokens.Requests.First();
        Assert.Equal("grant_type=client_credentials&scope=read+write", Encoding.ASCII.GetString(asked.Body));
        Assert.Equal($"Basic {Convert.ToBase64String("gate:s3cret"u8)}", asked.Header("Authorization"));
    }

    [Fact]
    public async Task A_token_that_the_backend_refuses_is_not_used_again()
    {
        Serve(Client(), "s3cret");
        _backend.OnRequest = (_, stream) => Backend.ReplyAsync(stream, "", "401 Unauthorized");

        // A new one is kept: a caller who is refused for reasons of its own must not make the gateway ask each time.
        using var refused = await _gateway.GetAsync(Path);
        _time.Advance(TimeSpan.FromSeconds(4));
        using var kept = await _gateway.GetAsync(Path);
        _time.Advance(TimeSpan.FromSeconds(1));
        using var forgotten = await _gateway.GetAsync(Path);
        using var another = await _gateway.GetAsync(Path);

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(
            ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2"],
            _backend.Requests.Select(r => r.Header("Authorization"))
        );
    }

    [Fact]
    public async Task Without_a_token_the_call_is_503_and_the_issuer_is_left_alone_for_a_while()
    {
        Serve(Client(), "s3cret");
        var good = _tokens.OnRequest;
        _tokens.OnRequest = (_, stream) => Backend.ReplyAsync(stream, "{}", "401 Unauthorized");

        using var first = await _gateway.GetAsync(Path);
        using var second = await _gateway.GetAsync(Path);
        _tokens.OnRequest = good;
        _time.Advance(TimeSpan.FromSeconds(2));
        using var later = await _gateway.GetAsync(Path);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, first.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        Assert.Equal(HttpStatusCode.OK, later.StatusCode);
        Assert.Equal(2, _tokens.Requests.Count);
    }

    [Fact]
    public async Task A_client_certificate_is_shown_to_the_backend_and_to_no_other()
    {
        using var authority = TlsBackend.Issue("CN=gate");
        await using var secure = new TlsBackend();
        await using var gateway = await TestGateway.StartAsync(
            new()
            {
                Node = "w1",
                Secrets = new(s_key),
                BackendTls = new()
                {
#pragma warning disable CA5359 // The backend of the test has a certificate of its own making.
                    RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
                },
            }
        );
        var credential = new EndpointCredential { Type = "mutualtls", Certificate = authority.ExportCertificatePem() };
        var key = authority.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();
        gateway.Run(
            Api(credential, key, secure.Url).Put(),
            (Entities.Petstore(secure.Url) with { Name = "plain", Context = "/plain" }).Put()
        );

        using var shown = await gateway.GetAsync(Path);
        using var none = await gateway.GetAsync("/plain/1.0.0/pets");

        Assert.Equal(
            authority.Thumbprint,
            await shown.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)
        );
        Assert.Equal("none", await none.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_backend_is_believed_by_the_certificates_that_its_API_names_and_by_no_others()
    {
        await using var backend = new TlsBackend();
        using var other = TlsBackend.Issue("CN=other");

        Assert.Equal(HttpStatusCode.BadGateway, await CallAsync(null));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(backend.Pem));
        Assert.Equal(HttpStatusCode.BadGateway, await CallAsync(other.ExportCertificatePem()));
        Assert.Equal(HttpStatusCode.OK, await CallAsync($"{other.ExportCertificatePem()}\n{backend.Pem}"));

        // Connections that were made when it was believed serve nobody who believes another.
        Assert.Equal(HttpStatusCode.BadGateway, await CallAsync(null));

        async Task<HttpStatusCode> CallAsync(string? authorities)
        {
            _gateway.Run(
                (
                    Entities.Petstore(backend.Url) with
                    {
                        Production = Entities.To(backend.Url) with { Authorities = authorities },
                    }
                ).Put()
            );
            using var answer = await _gateway.GetAsync(Path);
            return answer.StatusCode;
        }
    }

    [Theory]
    [InlineData("no certificate", "not 1 to")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no certificates")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "private key")]
    public void What_is_no_certificate_is_refused_with_its_place(string authorities, string reason)
    {
        var api = Entities.Petstore("https://localhost:1");

        var refusal = Assert.Single(
            _gateway.Apply((api with { Production = api.Production with { Authorities = authorities } }).Put())
        );

        Assert.Equal("/production/authorities", refusal.Field);
        Assert.Contains(reason, refusal.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("another key")]
    [InlineData("another API")]
    public void A_secret_of_another_key_or_place_is_refused_by_name(string what)
    {
        using var other = new SecretSeal(RandomNumberGenerator.GetBytes(32));
        var credential = new EndpointCredential
        {
            Type = "basic",
            User = "u",
            Secret =
                what == "another key"
                    ? other.Close(EndpointCredential.PlaceOf("petstore", "production"), "x")
                    : _seal.Close(EndpointCredential.PlaceOf("bank", "production"), "x"),
        };
        var api = Entities.Petstore(_backend.Url);

        var refusal = Assert.Single(
            _gateway.Apply((api with { Production = api.Production with { Credential = credential } }).Put())
        );

        Assert.Equal("/production/credential/secret", refusal.Field);
    }

    private void Serve(EndpointCredential credential, string secret) => _gateway.Run(Api(credential, secret).Put());

    private Api Api(EndpointCredential credential, string secret, string? url = null) =>
        Entities.Petstore(url ?? _backend.Url) with
        {
            Production = Entities.To(url ?? _backend.Url) with
            {
                Credential = Sealed(credential, secret, "production"),
            },
        };

    private EndpointCredential Sealed(EndpointCredential credential, string secret, string set) =>
        credential with
        {
            Secret = _seal.Close(EndpointCredential.PlaceOf("petstore", set), secret),
        };

    private EndpointCredential Client() =>
        new()
        {
            Type = "oauth2",
            User = "gate",
            TokenUrl = $"{_tokens.Url}/token",
            Scopes = ["read", "write"],
        };
}
