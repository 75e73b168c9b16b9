using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway.Authentication;

public sealed class AccessTokenTests : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-03-01T12:00:00Z", null));
    private readonly TokenMint _mint = new();
    private TestGateway _gateway = null!;

    private JsonObject Claims => TokenMint.Claims(_time.GetUtcNow());

    private Api Petstore => Entities.Petstore(_backend.Url, "GET /pets", "POST /pets") with { Security = ["oauth2"] };

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync(time: _time);
        _gateway.Run(
            Petstore.Put(),
            _mint.Put(),
            Entities.Application("app_1"),
            Entities.Subscription("app_1", "petstore:1.0.0"),
            TokenMint.ClientOf("app_1")
        );
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
    }

    [Theory]
    [InlineData("RS256", "r1")]
    [InlineData("PS256", "p1")]
    [InlineData("ES256", "e1")]
    [InlineData("ES384", "e3")]
    [InlineData("ES512", "e5")]
    [InlineData("EdDSA", "d1")]
    [InlineData("ES256", null)]
    public async Task A_token_opens_the_API_and_does_not_reach_the_backend(string alg, string? kid)
    {
        var token = _mint.Sign(alg, kid, Claims.ToJsonString());

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);
        Assert.All(_backend.Requests, r => Assert.Null(r.Header("Authorization")));
    }

    [Fact]
    public async Task An_issuer_of_an_environment_counts_for_what_is_deployed_there_and_nowhere_else()
    {
        var issuer = JsonSerializer.Deserialize(_mint.Put().Payload.Span, ModelJson.Default.Issuer)!;
        var elsewhere = Petstore with { Name = "elsewhere", Context = "/elsewhere" };
        _gateway.Run(
            Entities.Put(
                EntityKinds.Api,
                "elsewhere:1.0.0@live",
                CanonicalJson.Write(elsewhere, ModelJson.Default.Api)
            ),
            Entities.Subscription("app_1", "elsewhere:1.0.0")
        );
        var token = _mint.Rs256(Claims);

        foreach (
            var (environments, here, there) in new (string[], bool, bool)[]
            {
                ([], true, true),
                (["live"], false, true),
                ([GatewayEnvironment.Default], true, false),
                ([GatewayEnvironment.Default, "live"], true, true),
                (["other"], false, false),
            }
        )
        {
            _gateway.Run(
                Entities.Put(
                    EntityKinds.Issuer,
                    issuer.Name,
                    CanonicalJson.Write(issuer with { Environments = [.. environments] }, ModelJson.Default.Issuer)
                )
            );

            Assert.Equal((here, there), (await OpensAsync("petstore"), await OpensAsync("elsewhere")));
        }

        async Task<bool> OpensAsync(string api)
        {
            using var answer = await _gateway.SendAsync(
                HttpMethod.Get,
                $"/{api}/1.0.0/pets",
                headers: ("Authorization", $"Bearer {token}")
            );
            Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.Unauthorized, $"{answer.StatusCode}");
            return answer.StatusCode == HttpStatusCode.OK;
        }
    }

    [Fact]
    public async Task The_authorization_travels_on_where_the_API_says_so()
    {
        _gateway.Run((Petstore with { PassAuthorization = true }).Put());
        var token = _mint.Rs256(Claims);

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);
        Assert.Equal($"Bearer {token}", _backend.Only.Header("Authorization"));
    }

    [Theory]
    [InlineData("Cache-Control: max-age=60\r\n", 2)]
    [InlineData("Cache-Control: max-age=60, public\r\n", 1)]
    public async Task An_answer_to_a_token_is_kept_for_others_only_where_the_backend_says_so(string headers, int calls)
    {
        _backend.OnRequest = (_, s) => Backend.ReplyAsync(s, "hello", headers: headers);
        var cache = new PolicyUse { Name = "cache", Settings = JsonDocument.Parse("{}").RootElement };
        _gateway.Run((Petstore with { Policies = [cache] }).Put());

        foreach (var user in (string[])["ann", "bob"])
        {
            var claims = Claims;
            claims["sub"] = user;
            Assert.Equal(HttpStatusCode.OK, (await GetAsync(_mint.Rs256(claims))).Status);
        }

        Assert.Equal(calls, _backend.Requests.Count);
    }

    [Fact]
    public async Task Without_a_token_the_challenge_names_the_scheme()
    {
        var answer = await GetAsync(null);

        Assert.Equal((HttpStatusCode.Unauthorized, "900902"), (answer.Status, answer.Code));
        Assert.Equal("Bearer realm=\"petstore:1.0.0\"", answer.Challenge);
    }

    [Fact]
    public async Task A_token_lives_to_its_end_and_the_skew_and_no_longer()
    {
        var token = _mint.Rs256(Claims);
        _time.Advance(TimeSpan.FromSeconds(329));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);

        _time.Advance(TimeSpan.FromSeconds(1));
        var answer = await GetAsync(token);
        Assert.Equal((HttpStatusCode.Unauthorized, "900901"), (answer.Status, answer.Code));
        Assert.Contains("error=\"invalid_token\"", answer.Challenge, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_one_scope_of_the_operation_is_enough_and_none_is_900910()
    {
        var api = Petstore;
        _gateway.Run(
            (
                api with
                {
                    Operations =
                    [
                        api.Operations[0] with
                        {
                            Scopes = ["other", "pets:read"],
                        },
                        api.Operations[1] with
                        {
                            Scopes = ["admin"],
                        },
                    ],
                }
            ).Put()
        );
        var token = _mint.Rs256(Claims);

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);
        var answer = await SendAsync(HttpMethod.Post, token);
        Assert.Equal((HttpStatusCode.Forbidden, "900910"), (answer.Status, answer.Code));
        Assert.Equal(
            "Bearer realm=\"petstore:1.0.0\", error=\"insufficient_scope\", scope=\"admin\"",
            answer.Challenge
        );
    }

    [Theory]
    [InlineData(AuthType.Application, "ann", false)]
    [InlineData(AuthType.Application, "shop", true)]
    [InlineData(AuthType.ApplicationUser, "ann", true)]
    [InlineData(AuthType.ApplicationUser, "shop", false)]
    public async Task An_operation_takes_the_type_of_token_it_names(AuthType type, string subject, bool passes)
    {
        var api = Petstore;
        _gateway.Run((api with { Operations = [api.Operations[0] with { AuthType = type }] }).Put());
        var claims = Claims;
        claims["sub"] = subject;

        var answer = await GetAsync(_mint.Rs256(claims));

        Assert.Equal(
            passes ? (HttpStatusCode.OK, "") : (HttpStatusCode.Unauthorized, "900905"),
            (answer.Status, answer.Code)
        );
    }

    [Fact]
    public async Task A_client_that_no_application_has_gets_900908()
    {
        var claims = Claims;
        claims["azp"] = "unknown";

        var answer = await GetAsync(_mint.Rs256(claims));

        Assert.Equal((HttpStatusCode.Forbidden, "900908"), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task A_prototype_asks_for_no_token()
    {
        _gateway.Run((Petstore with { Status = ApiStatus.Prototyped }).Put());

        Assert.Equal(HttpStatusCode.OK, (await GetAsync("nonsense")).Status);
    }

    [Theory]
    [InlineData(SubscriptionState.Active, false, HttpStatusCode.OK, "")]
    [InlineData(SubscriptionState.Blocked, false, HttpStatusCode.Unauthorized, "900907")]
    [InlineData(SubscriptionState.Blocked, true, HttpStatusCode.Unauthorized, "900907")]
    [InlineData(SubscriptionState.ProductionBlocked, false, HttpStatusCode.Unauthorized, "900907")]
    [InlineData(SubscriptionState.ProductionBlocked, true, HttpStatusCode.OK, "")]
    [InlineData(SubscriptionState.OnHold, false, HttpStatusCode.Unauthorized, "900909")]
    public async Task A_subscription_opens_as_far_as_its_state_goes(
        SubscriptionState state,
        bool sandbox,
        HttpStatusCode status,
        string code
    )
    {
        var subscription = new Subscription
        {
            Application = "app_1",
            Api = "petstore:1.0.0",
            State = state,
        };
        _gateway.Run(
            (Petstore with { Sandbox = Entities.To(_backend.Url) }).Put(),
            TokenMint.ClientOf("app_1", sandbox: sandbox),
            Entities.Put(
                EntityKinds.Subscription,
                "app_1/petstore:1.0.0",
                CanonicalJson.Write(subscription, ModelJson.Default.Subscription)
            )
        );

        var answer = await GetAsync(_mint.Rs256(Claims));

        Assert.Equal((status, code), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task A_sandbox_client_calls_the_sandbox_and_nothing_else()
    {
        await using var sandbox = new Backend();
        _gateway.Run(TokenMint.ClientOf("app_1", sandbox: true));
        var token = _mint.Rs256(Claims);
        var none = await GetAsync(token);
        Assert.Equal((HttpStatusCode.Forbidden, "900901"), (none.Status, none.Code));

        _gateway.Run((Petstore with { Sandbox = Entities.To(sandbox.Url) }).Put());
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);
        Assert.Single(sandbox.Requests);
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task A_suspended_application_calls_nothing_until_it_is_back()
    {
        var application = new Application
        {
            Id = "app_1",
            Name = "app_1",
            Owner = "ann",
            Suspended = true,
        };
        _gateway.Run(
            Entities.Put(
                EntityKinds.Application,
                "app_1",
                CanonicalJson.Write(application, ModelJson.Default.Application)
            )
        );
        var token = _mint.Rs256(Claims);
        Assert.Equal("900908", (await GetAsync(token)).Code);

        _gateway.Run(Entities.Application("app_1"));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);
    }

    [Theory]
    [InlineData("token", HttpStatusCode.Unauthorized)]
    [InlineData("jti/corp/t1", HttpStatusCode.Unauthorized)]
    [InlineData("key/key_oauth", HttpStatusCode.Forbidden)]
    [InlineData("application/app_1", HttpStatusCode.Forbidden)]
    public async Task A_revocation_ends_a_token_that_is_remembered(string name, HttpStatusCode expected)
    {
        var token = _mint.Sign("ES256", "e1", Claims.ToJsonString());
        name = name == "token" ? Revocation.OfToken(Revocation.TokenDigest(token)) : name;
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);

        _gateway.Run(Entities.Put(EntityKinds.Revocation, name, []));
        Assert.Equal(expected, (await GetAsync(token)).Status);

        _gateway.Run(Entities.Gone(EntityKinds.Revocation, name));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);
    }

    [Fact]
    public async Task The_twin_of_an_ECDSA_signature_is_revoked_with_it()
    {
        var token = _mint.Sign("ES256", "e1", Claims.ToJsonString());
        _gateway.Run(Entities.Put(EntityKinds.Revocation, Revocation.OfToken(Revocation.TokenDigest(token)), []));
        var dot = token.LastIndexOf('.');
        var signature = System.Buffers.Text.Base64Url.DecodeFromChars(token.AsSpan(dot + 1));
        var order = System.Numerics.BigInteger.Parse(
            "0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
            System.Globalization.NumberStyles.HexNumber,
            null
        );
        var s = order - new System.Numerics.BigInteger(signature.AsSpan(32), isUnsigned: true, isBigEndian: true);
        var twin = s.ToByteArray(isUnsigned: true, isBigEndian: true);
        twin = [.. new byte[32 - twin.Length], .. twin];

        var answer = await GetAsync($"{token[..dot]}.{TokenMint.Encode([.. signature[..32], .. twin])}");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
    }

    [Fact]
    public async Task Another_audience_or_issuer_than_the_APIs_is_refused()
    {
        var claims = Claims;
        claims["aud"] = new JsonArray("web", "mobile");
        var token = _mint.Rs256(claims);
        _gateway.Run((Petstore with { Audiences = ["mobile"] }).Put());
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);

        _gateway.Run((Petstore with { Audiences = ["tv"] }).Put());
        var answer = await GetAsync(token);
        Assert.Equal((HttpStatusCode.Forbidden, "900914"), (answer.Status, answer.Code));

        _gateway.Run((Petstore with { Issuers = ["other"] }).Put());
        Assert.Equal("900901", (await GetAsync(token)).Code);
    }

    [Fact]
    public async Task A_changed_issuer_forgets_what_was_remembered()
    {
        var token = _mint.Rs256(Claims);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);

        _gateway.Run(TokenMint.Put(_mint.Issuer with { Environments = ["staging"] }));
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(token)).Status);
        _gateway.Run(TokenMint.Put(_mint.Issuer with { Environments = ["staging", "default"] }));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);

        _gateway.Run(TokenMint.Put(_mint.Issuer with { Audiences = ["web"] }));
        Assert.Equal("900914", (await GetAsync(token)).Code);

        _gateway.Run(TokenMint.Put(_mint.Issuer with { Algorithms = ["ES256"] }));
        Assert.Equal("900901", (await GetAsync(token)).Code);

        _gateway.Run(_mint.Put());
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(token)).Status);
        _gateway.Run(Entities.Gone(EntityKinds.Issuer, "corp"));
        Assert.Equal("900901", (await GetAsync(token)).Code);
    }

    [Fact]
    public async Task Two_credentials_are_none_and_a_bad_token_is_not_saved_by_a_good_key()
    {
        _gateway.Run(
            (Petstore with { Security = ["oauth2", "apikey"] }).Put(),
            Entities.Key("key_1", "app_1", Entities.Secret)
        );
        var token = _mint.Rs256(Claims);

        using var twice = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: [("Authorization", $"Bearer {token}"), ("Authorization", $"Bearer {token}")]
        );
        Assert.Equal(HttpStatusCode.Unauthorized, twice.StatusCode);
        using var beside = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            key: Entities.Secret,
            headers: ("Authorization", "Bearer forged")
        );
        Assert.Equal(HttpStatusCode.Unauthorized, beside.StatusCode);
        using var both = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            key: Entities.Secret,
            headers: ("Authorization", $"Bearer {token}")
        );
        Assert.Equal(HttpStatusCode.OK, both.StatusCode);
        Assert.Null(_backend.Only.Header("apikey"));
    }

    [Fact]
    public void An_issuer_that_cannot_work_is_refused_with_the_reason()
    {
        (Issuer Issuer, string Field)[] bad =
        [
            (_mint.Issuer with { Name = "b", Url = "" }, "/url"),
            (_mint.Issuer with { Name = "b" }, "/url"),
            (_mint.Issuer with { Algorithms = ["HS256"] }, "/algorithms"),
            (_mint.Issuer with { Algorithms = ["none"] }, "/algorithms"),
            (_mint.Issuer with { ClockSkew = TimeSpan.FromHours(1) }, "/clockSkew"),
            (_mint.Issuer with { Keys = null }, "/keys"),
            (_mint.Issuer with { Discovery = true }, "/keys"),
            (_mint.Issuer with { Keys = "{}" }, "/keys"),
            (_mint.Issuer with { Keys = """{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}""" }, "/keys"),
            (_mint.Issuer with { Keys = null, KeysUrl = "http://id.example/keys" }, "/keysUrl"),
            (_mint.Issuer with { Keys = null, KeysUrl = "https://u:p@id.example/keys" }, "/keysUrl"),
            (_mint.Issuer with { Keys = null, KeysUrl = "file:///etc/passwd" }, "/keysUrl"),
        ];

        Assert.All(bad, b => Assert.Equal(b.Field, Assert.Single(_gateway.Apply(TokenMint.Put(b.Issuer))).Field));
    }

    private Task<Answer> GetAsync(string? token) => SendAsync(HttpMethod.Get, token);

    private async Task<Answer> SendAsync(HttpMethod method, string? token)
    {
        using var answer = await _gateway.SendAsync(
            method,
            "/petstore/1.0.0/pets",
            headers: token is null ? [] : [("Authorization", $"Bearer {token}")]
        );
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return new(
            answer.StatusCode,
            answer.IsSuccessStatusCode ? "" : JsonDocument.Parse(text).RootElement.GetProperty("code").GetString()!,
            answer.Headers.TryGetValues("WWW-Authenticate", out var values) ? string.Join(", ", values) : ""
        );
    }

    private sealed record Answer(HttpStatusCode Status, string Code, string Challenge);
}
