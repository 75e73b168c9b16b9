using System.Net;
using System.Text.Json;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway;

public sealed class AccessTests : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-03-01T12:00:00Z", null));
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync(time: _time);
        _gateway.Run(Entities.Petstore(_backend.Url).Keyed().Put());
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
    }

    [Fact]
    public async Task A_call_without_a_key_gets_900902_and_a_challenge()
    {
        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("APIKey realm=\"petstore:1.0.0\"", answer.Headers.WwwAuthenticate.ToString());
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        var body = await JsonAsync(answer);
        Assert.Equal("900902", body.GetProperty("code").GetString());
        Assert.Equal("Missing Credentials", body.GetProperty("message").GetString());
        Assert.Contains("apikey", body.GetProperty("description").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(answer.Headers.GetValues("X-Request-Id").Single());
    }

    [Fact]
    public async Task A_call_with_an_unknown_key_gets_900901()
    {
        _gateway.Run(Entities.Consumer());

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets", "guess");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("invalid_token", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal("900901", (await JsonAsync(answer)).GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("127.0.0.0/8", null, null, true)]
    [InlineData("127.0.0.1", null, null, true)]
    [InlineData("10.0.0.0/8", null, null, false)]
    [InlineData("::1", null, null, false)]
    [InlineData(null, "https://shop.example", "https://shop.example/cart?a=1", true)]
    [InlineData(null, "https://shop.example", "https://SHOP.example", true)]
    [InlineData(null, "https://shop.example", "https://shop.example.evil.net/", false)]
    [InlineData(null, "https://shop.example", null, false)]
    [InlineData("127.0.0.1", "https://shop.example/", "https://shop.example/cart", true)]
    [InlineData("10.0.0.1", "https://shop.example/", "https://shop.example/cart", false)]
    public async Task A_key_opens_only_from_the_addresses_and_pages_that_it_is_bound_to(
        string? address,
        string? referer,
        string? page,
        bool opens
    )
    {
        var key = Entities.Key("key_1", "app_1", Entities.Secret);
        var bound = JsonSerializer.Deserialize(key.Payload.Span, ModelJson.Default.ApiKey)! with
        {
            Addresses = address is null ? [] : [address],
            Referers = referer is null ? [] : [referer],
        };
        _gateway.Run([
            Entities.Application("app_1"),
            Entities.Subscription("app_1", "petstore:1.0.0"),
            Entities.Put(EntityKinds.Key, "key_1", CanonicalJson.Write(bound, ModelJson.Default.ApiKey)),
        ]);

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            key: Entities.Secret,
            headers: page is null ? [] : [("Referer", page)]
        );

        Assert.Equal(opens ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal(opens ? 1 : 0, _backend.Requests.Count);
    }

    [Fact]
    public async Task A_subscribed_key_opens_the_API_and_does_not_reach_the_backend()
    {
        _gateway.Run(Entities.Consumer());

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            key: Entities.Secret,
            headers: ("Authorization", "Basic eDp5")
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Null(_backend.Only.Header("apikey"));
        // Not ours, so not ours to take away.
        Assert.Equal("Basic eDp5", _backend.Only.Header("Authorization"));
    }

    [Fact]
    public async Task A_key_without_a_subscription_gets_900908()
    {
        _gateway.Run(Entities.Application("app_1"), Entities.Key("key_1", "app_1", Entities.Secret));

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets", Entities.Secret);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Equal("900908", (await JsonAsync(answer)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_key_whose_application_is_missing_is_inert_until_it_comes()
    {
        _gateway.Run(Entities.Key("key_1", "app_1", Entities.Secret), Entities.Subscription("app_1", "petstore:1.0.0"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());

        _gateway.Run(Entities.Application("app_1"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
    }

    [Theory]
    [InlineData("key/key_1")]
    [InlineData("application/app_1")]
    public async Task A_revocation_closes_even_when_it_cannot_be_read(string name)
    {
        _gateway.Run(Entities.Consumer());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());

        _gateway.Run(Entities.Put(EntityKinds.Revocation, name, "not json"u8.ToArray()));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());

        // Nothing that comes later opens it again but the end of the revocation.
        _gateway.Run(Entities.Consumer());
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());
        _gateway.Run(Entities.Gone(EntityKinds.Revocation, name));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
    }

    [Fact]
    public async Task A_revocation_that_comes_before_its_key_closes_it_too()
    {
        _gateway.Run(Entities.Put(EntityKinds.Revocation, "key/key_1", []));
        _gateway.Run(Entities.Consumer());

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());
    }

    [Theory]
    [InlineData(EntityKinds.Key, "key_1", HttpStatusCode.Unauthorized)]
    [InlineData(EntityKinds.Application, "app_1", HttpStatusCode.Unauthorized)]
    [InlineData(EntityKinds.Subscription, "app_1/petstore:1.0.0", HttpStatusCode.Forbidden)]
    public async Task What_is_deleted_or_expired_opens_nothing(string kind, string name, HttpStatusCode expected)
    {
        _gateway.Run(Entities.Consumer());
        _gateway.Run(Entities.Gone(kind, name));
        Assert.Equal(expected, await StatusAsync());

        var until = _time.GetUtcNow().AddMinutes(1);
        _gateway.Run(Entities.Consumer().Select(c => c.Kind == kind ? c with { ExpiresAt = until } : c));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(expected, await StatusAsync());
    }

    [Fact]
    public async Task An_expired_API_answers_as_if_it_were_not_there()
    {
        var until = _time.GetUtcNow().AddMinutes(1);
        _gateway.Run(Entities.Petstore(_backend.Url).Put() with { ExpiresAt = until });
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());

        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync());
    }

    [Fact]
    public async Task A_changed_key_forgets_its_old_secret()
    {
        _gateway.Run(Entities.Consumer());
        _gateway.Run(Entities.Key("key_1", "app_1", "gk_new_secret"));

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("gk_new_secret"));
    }

    [Fact]
    public void The_same_secret_for_two_keys_is_refused()
    {
        _gateway.Run(Entities.Consumer());

        Assert.Equal("/hash", Assert.Single(_gateway.Apply(Entities.Key("key_2", "app_1", Entities.Secret))).Field);
    }

    [Fact]
    public async Task Consumers_that_cannot_be_read_keep_their_last_good_self()
    {
        _gateway.Run(Entities.Consumer());
        EntityChange[] broken =
        [
            Entities.Petstore(_backend.Url).Keyed().Put(),
            Entities.Put(EntityKinds.Application, "app_1", "{}"u8.ToArray()),
            Entities.Put(EntityKinds.Subscription, "app_1/petstore:1.0.0", "?"u8.ToArray()),
            Entities.Put(EntityKinds.Key, "key_1", "[]"u8.ToArray()),
        ];

        Assert.Equal(3, _gateway.Apply(broken).Count);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Equal(3, _gateway.Apply(broken, replace: true).Count);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Empty(_gateway.Apply([broken[0]], replace: true));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());
    }

    [Fact]
    public async Task An_open_operation_and_an_open_API_ask_for_nothing()
    {
        var api = Entities.Petstore(_backend.Url, "GET /pets", "GET /health").Keyed();
        _gateway.Run((api with { Operations = [api.Operations[0], api.Operations[1] with { Open = true }] }).Put());

        using var open = await _gateway.GetAsync("/petstore/1.0.0/health");
        Assert.Equal(HttpStatusCode.OK, open.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());
        _gateway.Run(Entities.Petstore(_backend.Url).Put());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
    }

    [Fact]
    public async Task The_header_of_the_key_is_the_APIs_choice()
    {
        _gateway.Run((Entities.Petstore(_backend.Url).Keyed() with { ApiKeyHeader = "X-Key" }).Put());
        _gateway.Run(Entities.Consumer());

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: ("x-key", Entities.Secret)
        );

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Null(_backend.Only.Header("X-Key"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());
    }

    [Fact]
    public async Task Two_keys_in_one_request_are_none()
    {
        _gateway.Run(Entities.Consumer());

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            key: Entities.Secret,
            headers: ("apikey", "other")
        );

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_sandbox_key_calls_the_sandbox_and_nothing_else()
    {
        await using var sandbox = new Backend();
        _gateway.Run(Entities.Consumer(sandbox: true));

        using var none = await _gateway.GetAsync("/petstore/1.0.0/pets", Entities.Secret);
        Assert.Equal(HttpStatusCode.Forbidden, none.StatusCode);
        Assert.Equal("900901", (await JsonAsync(none)).GetProperty("code").GetString());

        _gateway.Run((Entities.Petstore(_backend.Url).Keyed() with { Sandbox = Entities.To(sandbox.Url) }).Put());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Single(sandbox.Requests);
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task A_blocked_API_answers_700700_and_a_prototype_asks_nobody()
    {
        var api = Entities.Petstore(_backend.Url).Keyed();
        _gateway.Run((api with { Status = ApiStatus.Blocked }).Put());

        using var blocked = await _gateway.GetAsync("/petstore/1.0.0/pets", Entities.Secret);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, blocked.StatusCode);
        Assert.Equal("700700", (await JsonAsync(blocked)).GetProperty("code").GetString());

        _gateway.Run((api with { Status = ApiStatus.Prototyped }).Put());
        using var open = await _gateway.GetAsync("/petstore/1.0.0/pets");
        Assert.Equal(HttpStatusCode.OK, open.StatusCode);
    }

    [Fact]
    public async Task An_https_API_is_not_served_over_http()
    {
        _gateway.Run((Entities.Petstore(_backend.Url) with { Transports = ["https"] }).Put());

        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets");

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Equal("Unsupported Transport", (await JsonAsync(answer)).GetProperty("message").GetString());
    }

    [Fact]
    public async Task Problems_are_told_as_the_caller_and_the_API_wish()
    {
        using var xml = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: ("Accept", "application/xml")
        );
        Assert.Equal(
            """<ams:fault xmlns:ams="http://wso2.org/apimanager/security"><ams:code>900902</ams:code>""",
            (await TextAsync(xml))[..86]
        );

        using var missing = await _gateway.SendAsync(HttpMethod.Get, "/nothing", headers: ("Accept", "text/xml"));
        Assert.StartsWith(
            """<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>404</am:code><am:type>Status report</am:type>""",
            await TextAsync(missing),
            StringComparison.Ordinal
        );

        _gateway.Run((Entities.Petstore(_backend.Url).Keyed() with { ErrorFormat = "problem" }).Put());
        using var problem = await _gateway.GetAsync("/petstore/1.0.0/pets");
        Assert.Equal("application/problem+json", problem.Content.Headers.ContentType?.MediaType);
        var body = await JsonAsync(problem);
        Assert.Equal(401, body.GetProperty("status").GetInt32());
        Assert.Equal("900902", body.GetProperty("code").GetString());
        Assert.Equal(problem.Headers.GetValues("X-Request-Id").Single(), body.GetProperty("requestId").GetString());
    }

    private async Task<HttpStatusCode> StatusAsync(string key = Entities.Secret)
    {
        using var answer = await _gateway.GetAsync("/petstore/1.0.0/pets", key);
        return answer.StatusCode;
    }

    private static Task<string> TextAsync(HttpResponseMessage answer) =>
        answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer)
    {
        using var document = JsonDocument.Parse(await TextAsync(answer));
        return document.RootElement.Clone();
    }
}
