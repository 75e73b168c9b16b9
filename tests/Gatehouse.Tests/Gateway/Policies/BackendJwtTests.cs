using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Authentication;
using Gatehouse.Tests.Gateway.Throttling;
using Gatehouse.Tests.Management.Apis;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway.Policies;

/// <summary>What backends are told of callers, and that they can check it.</summary>
public sealed class BackendJwtTests : IAsyncLifetime
{
    private const string Path = "/petstore/1.0.0/pets";
    private const string Dialect = "http://wso2.org/claims/";

    private readonly RSA _key = RSA.Create(AssertionJwk.Bits);
    private readonly Backend _backend = new();
    private readonly TokenMint _mint = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-03-01T12:00:00Z", null));
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync() =>
        _gateway = await TestGateway.StartAsync(
            new() { Node = "w1", AssertionKey = _key.ExportPkcs8PrivateKey() },
            _time
        );

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
        _key.Dispose();
    }

    [Theory]
    [InlineData("base64")]
    [InlineData("base64url")]
    public async Task The_backend_can_check_who_calls_in_either_encoding(string encoding)
    {
        Serve($$"""{ "encoding": "{{encoding}}" }""", "apikey");
        _gateway.Run([new Plan { Name = "Gold" }.Put(), LimitEntities.Subscription("Gold")]);

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            Path,
            key: Entities.Secret,
            headers: [("x-jwt-assertion", "forged")]
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var assertion = Assert.Single(_backend.Only.Headers("X-JWT-Assertion"));
        Func<string, byte[]> decode =
            encoding == "base64" ? Convert.FromBase64String : s => Base64Url.DecodeFromChars(s);
        var parts = assertion.Split('.');
        Assert.True(
            _key.VerifyData(
                Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"),
                decode(parts[2]),
                HashAlgorithmName.SHA256,
                RSASignaturePadding.Pkcs1
            )
        );
        using var header = JsonDocument.Parse(decode(parts[0]));
        Assert.Equal(
            AssertionJwk.IdOf(_key.ExportParameters(false)),
            header.RootElement.GetProperty("kid").GetString()
        );
        using var claims = JsonDocument.Parse(decode(parts[1]));
        foreach (
            var (name, value) in new Dictionary<string, string>
            {
                ["iss"] = "wso2.org/products/am",
                ["sub"] = "ann",
                [Dialect + "subscriber"] = "ann",
                [Dialect + "applicationid"] = "app_1",
                [Dialect + "applicationname"] = "app_1",
                [Dialect + "applicationtier"] = "Unlimited",
                [Dialect + "apiname"] = "petstore",
                [Dialect + "apicontext"] = "/petstore/1.0.0",
                [Dialect + "version"] = "1.0.0",
                [Dialect + "tier"] = "Gold",
                [Dialect + "keytype"] = "PRODUCTION",
                [Dialect + "usertype"] = "APPLICATION",
                [Dialect + "enduser"] = "ann",
            }
        )
        {
            Assert.Equal(value, claims.RootElement.GetProperty(name).GetString());
        }

        Assert.Equal(
            _time.GetUtcNow().AddMinutes(15).ToUnixTimeSeconds(),
            claims.RootElement.GetProperty("exp").GetInt64()
        );
    }

    [Fact]
    public async Task A_users_token_gives_the_user_and_the_claims_that_are_asked_for()
    {
        Serve("""{ "tokenClaims": ["email", "missing"] }""", "oauth2");
        var claims = TokenMint.Claims(_time.GetUtcNow());
        claims["sub"] = "bob";
        claims["email"] = "bob@example.com";

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            Path,
            headers: [("Authorization", $"Bearer {_mint.Rs256(claims)}")]
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var said = ClaimsOf(_backend.Only);
        Assert.Equal("bob", said.RootElement.GetProperty(Dialect + "enduser").GetString());
        Assert.Equal("APPLICATION_USER", said.RootElement.GetProperty(Dialect + "usertype").GetString());
        Assert.Equal("bob@example.com", said.RootElement.GetProperty("email").GetString());
        Assert.False(said.RootElement.TryGetProperty("missing", out _));
        Assert.Null(_backend.Only.Header("Authorization"));
    }

    [Fact]
    public async Task One_assertion_serves_a_caller_for_half_of_its_life_and_no_other_caller()
    {
        Serve("{}", "apikey");
        _gateway.Run(Entities.Consumer(secret: "gk_other_4f9k2m7q", app: "app_2", key: "key_2"));

        foreach (
            var (key, advance) in new[]
            {
                (Entities.Secret, 0),
                (Entities.Secret, 449),
                ("gk_other_4f9k2m7q", 0),
                (Entities.Secret, 2),
            }
        )
        {
            _time.Advance(TimeSpan.FromSeconds(advance));
            using var answer = await _gateway.GetAsync(Path, key);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        var seen = _backend.Requests.Select(r => r.Header("X-JWT-Assertion")).ToArray();
        Assert.Equal(seen[0], seen[1]);
        Assert.NotEqual(seen[0], seen[2]);
        Assert.NotEqual(seen[0], seen[3]);
    }

    [Fact]
    public async Task On_an_open_operation_nobody_is_vouched_for_and_a_forged_assertion_is_taken_off()
    {
        Serve("{}", "none");

        using var answer = await _gateway.SendAsync(HttpMethod.Get, Path, headers: [("X-JWT-Assertion", "forged")]);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Null(_backend.Only.Header("X-JWT-Assertion"));
    }

    [Fact]
    public async Task Managers_publish_the_keys_of_workers_to_anybody()
    {
        await using var manager = await LiveManager.StartAsync();
        var node = new Node
        {
            Name = "w1",
            Profile = Profile.GatewayWorker,
            SubDomain = "worker",
            Host = "127.0.0.1",
            InternalPort = 7443,
            AssertionKey = Convert.ToBase64String(_key.ExportSubjectPublicKeyInfo()),
        };
        await manager.Catalogue.CommitAsync(
            new Gatehouse.Management.CatalogueTransaction(new("test", "test"), "test").Put(
                EntityKinds.Node,
                node.Name,
                node,
                ModelJson.Default.Node
            ),
            TestContext.Current.CancellationToken
        );
        manager.Http.DefaultRequestHeaders.Authorization = null;

        using var answer = await manager.Http.GetAsync("gateway-keys", TestContext.Current.CancellationToken);

        var set = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        var key = Assert.Single(set["keys"]!.AsArray())!;
        Assert.Equal("application/jwk-set+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(AssertionJwk.IdOf(_key.ExportParameters(false)), key["kid"]!.ToString());
        Assert.Equal(_key.ExportParameters(false).Modulus, Base64Url.DecodeFromChars(key["n"]!.ToString()));
        Assert.DoesNotContain("\"d\"", set.ToJsonString(), StringComparison.Ordinal);
    }

    private void Serve(string settings, string way) =>
        _gateway.Run([
            (
                Entities.Petstore(_backend.Url) with
                {
                    Security = way == "none" ? [] : [way],
                    Policies = [new() { Name = "backend-jwt", Settings = JsonElement.Parse(settings) }],
                }
            ).Put(),
            _mint.Put(),
            TokenMint.ClientOf("app_1"),
            .. Entities.Consumer(),
        ]);

    private static JsonDocument ClaimsOf(BackendRequest request) =>
        JsonDocument.Parse(Convert.FromBase64String(request.Header("X-JWT-Assertion")!.Split('.')[1]));
}
