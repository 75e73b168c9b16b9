using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Gatehouse.Management;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management.Issuers;

public abstract class IssuerTests(Product product)
{
    public sealed class OnSqlite() : IssuerTests(Product.Sqlite);

    public sealed class OnPostgreSql() : IssuerTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_issuer_is_made_shown_replaced_and_deleted()
    {
        await using var manager = await LiveManager.StartAsync(on: product);

        var made = await manager.AskAsync<Issuer>(
            HttpMethod.Post,
            "issuers",
            """{"name":"corp","url":"https://id.example/","discovery":true,"audiences":["api"],"clockSkewSeconds":10}""",
            HttpStatusCode.Created
        );

        Assert.Equal(TimeSpan.FromSeconds(10), made.ClockSkew);
        Assert.Equal(Issuer.DefaultAlgorithms, made.Algorithms);
        await manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Post,
            "issuers",
            """{"name":"corp","url":"https://id.example/","discovery":true}"""
        );
        await manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Post,
            "issuers",
            """{"name":"two","url":"https://id.example/","discovery":true}"""
        );
        var changed = await manager.AskAsync<Issuer>(
            HttpMethod.Put,
            "issuers/corp",
            """{"name":"corp","url":"https://id.example/","keysUrl":"https://id.example/keys","algorithms":["ES256"]}"""
        );
        Assert.Equal(["ES256"], changed.Algorithms);
        using var gone = await manager.SendAsync(HttpMethod.Delete, "issuers/corp");
        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, "issuers/corp");
    }

    [Fact]
    public async Task The_secret_of_an_introspection_endpoint_goes_in_sealed_and_never_comes_out()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        const string secret = "very-secret-indeed";
        const string ask =
            """{"name":"corp","url":"https://id.example/","introspectionUrl":"https://id.example/introspect","introspectionClientId":"gate" """;

        using var made = await manager.SendAsync(
            HttpMethod.Post,
            "issuers",
            $"{ask},\"introspectionSecret\":\"{secret}\"}}"
        );
        using var kept = await manager.SendAsync(
            HttpMethod.Put,
            "issuers/corp",
            ask + ",\"introspectionMemorySeconds\":30}"
        );
        using var shown = await manager.SendAsync(HttpMethod.Get, "issuers/corp");
        using var listed = await manager.SendAsync(HttpMethod.Get, "issuers");

        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        Assert.Equal(HttpStatusCode.OK, kept.StatusCode);
        foreach (var answer in new[] { made, kept, shown, listed })
        {
            var text = await answer.Content.ReadAsStringAsync(Stop);
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
            Assert.DoesNotContain("ghs1_", text, StringComparison.Ordinal);
        }

        var stored = await manager.Catalogue.FindAsync(EntityKinds.Issuer, "corp", ModelJson.Default.Issuer, Stop);
        using var seal = new SecretSeal(LiveManager.ClusterKey.Derive(SecretSeal.Purpose));
        Assert.Equal(secret, seal.Open(Introspection.PlaceOf("corp"), stored!.Value.Introspection!.Secret!));

        // To another address it does not go along.
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "issuers/corp",
            ask.Replace("/introspect", "/elsewhere", StringComparison.Ordinal) + "}"
        );
    }

    [Theory]
    [InlineData("""{"name":"","url":"https://id.example/","discovery":true}""")]
    [InlineData("""{"name":"a","url":"","discovery":true}""")]
    [InlineData("""{"name":"a","url":"https://id.example/"}""")]
    [InlineData("""{"name":"a","url":"http://id.example/","discovery":true}""")]
    [InlineData("""{"name":"a","url":"x","keysUrl":"https://u:p@id.example/"}""")]
    [InlineData("""{"name":"a","url":"x","keys":"{}"}""")]
    [InlineData("""{"name":"a","url":"x","keys":"{\"keys\":[{}]}","algorithms":["none"]}""")]
    [InlineData("""{"name":"a","url":"x","keys":"{\"keys\":[{}]}","algorithms":["HS256"]}""")]
    [InlineData("""{"name":"a","url":"x","keys":"{\"keys\":[{}]}","clockSkewSeconds":301}""")]
    public async Task An_issuer_that_cannot_be_trusted_is_refused(string ask)
    {
        await using var manager = await LiveManager.StartAsync(on: product);

        await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Post, "issuers", ask);
    }

    [Fact]
    public async Task An_OAuth2_client_and_a_certificate_are_keys_of_one_application()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        await manager.AskAsync<Application>(
            HttpMethod.Post,
            "applications",
            """{"name":"MyApp"}""",
            HttpStatusCode.Created
        );
        await manager.AskAsync<Issuer>(
            HttpMethod.Post,
            "issuers",
            """{"name":"corp","url":"https://id.example/","discovery":true}""",
            HttpStatusCode.Created
        );
        const string client = """{"type":"oauth2","issuer":"corp","clientId":"shop","sandbox":true}""";

        var made = await manager.AskAsync<CreatedKey>(
            HttpMethod.Post,
            "applications/MyApp/keys",
            client,
            HttpStatusCode.Created
        );

        Assert.Null(made.Secret);
        Assert.Equal(("oauth2", "corp", "shop"), (made.Key.Type, made.Key.Issuer, made.Key.ClientId));
        var kept = await manager.Catalogue.FindAsync(EntityKinds.Key, made.Key.Id, ModelJson.Default.ApiKey, Stop);
        Assert.Equal(ApiKey.OfClient("corp", "shop"), kept!.Value.Hash);
        await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Post, "applications/MyApp/keys", client);
        await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Post, $"keys/{made.Key.Id}/roll", "{}");

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=partner", key, HashAlgorithmName.SHA256).CreateSelfSigned(
            DateTimeOffset.UtcNow,
            DateTimeOffset.UtcNow.AddDays(1)
        );
        var bound = await manager.AskAsync<CreatedKey>(
            HttpMethod.Post,
            "applications/MyApp/keys",
            JsonSerializer.Serialize(new { type = "certificate", certificate = certificate.ExportCertificatePem() }),
            HttpStatusCode.Created
        );
        Assert.Equal("CN=partner", bound.Key.Subject);
        var basic = await manager.AskAsync<CreatedKey>(
            HttpMethod.Post,
            "applications/MyApp/keys",
            """{"type":"basic","addresses":["192.0.2.0/24"]}""",
            HttpStatusCode.Created
        );
        Assert.NotNull(basic.Secret);
        Assert.Equal(["192.0.2.0/24"], basic.Key.Addresses);
    }

    [Theory]
    [InlineData("""{"type":"saml"}""")]
    [InlineData("""{"type":"oauth2","issuer":"corp"}""")]
    [InlineData(
        """{"type":"certificate","certificate":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}"""
    )]
    [InlineData("""{"type":"certificate"}""")]
    [InlineData("""{"addresses":["everywhere"]}""")]
    public async Task A_key_that_makes_no_sense_is_refused(string ask)
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        await manager.AskAsync<Application>(
            HttpMethod.Post,
            "applications",
            """{"name":"MyApp"}""",
            HttpStatusCode.Created
        );

        await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Post, "applications/MyApp/keys", ask);
    }

    [Fact]
    public async Task A_token_is_revoked_by_its_digest_and_not_kept()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        const string token = "eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjE3OTk5OTk5OTl9.AAAA";

        var revoked = await manager.AskAsync<RevokedToken>(
            HttpMethod.Post,
            "revocations",
            JsonSerializer.Serialize(new { token })
        );

        Assert.Equal(Revocation.OfToken(Revocation.TokenDigest(token)), revoked.Name);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1799999999).AddHours(1), revoked.ExpiresAt);
        var kept = await manager.Catalogue.FindAsync(
            EntityKinds.Revocation,
            revoked.Name,
            ModelJson.Default.Revocation,
            Stop
        );
        Assert.NotNull(kept);
    }

    [Fact]
    public void WSO2s_extensions_and_the_scopes_of_operations_are_read()
    {
        var document = OpenApiReader.Read(
            """
            openapi: 3.0.1
            info: { title: shop, version: '1' }
            x-wso2-application-security: { security-types: [oauth2, api_key, basic_auth], optional: true }
            x-wso2-mutual-ssl: Optional
            x-wso2-auth-header: X-Authorization
            components:
              securitySchemes:
                default: { type: oauth2, flows: { implicit: { authorizationUrl: 'https://id.example/', scopes: { a: A, b: B } } } }
            paths:
              /items:
                get: { security: [{ default: [b, a] }], x-auth-type: Application User, responses: { '200': { description: ok } } }
                post: { x-auth-type: None, responses: { '200': { description: ok } } }
            """u8.ToArray()
        );

        Assert.Equal(["oauth2", "apikey", "basic", "mutualtls"], document.Access.Security!.Value);
        Assert.True(document.Access.Settings.CredentialOptional);
        Assert.Equal("X-Authorization", document.Access.Settings.AuthorizationHeader);
        Assert.Equal(["a", "b"], document.Operations[0].Scopes);
        Assert.Equal(AuthType.ApplicationUser, document.Operations[0].AuthType);
        Assert.True(document.Operations[1].Open);
    }
}
