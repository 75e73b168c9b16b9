using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway.Authentication;

/// <summary>Keys fetched from a real server that rotates them, breaks and comes back.</summary>
public sealed class KeySourceTests : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private readonly Backend _server;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-03-01T12:00:00Z", null));
    private readonly TokenMint _mint = new();
    private TestGateway _gateway = null!;
    private JsonObject _keys;
    private string _status = "200 OK";

    public KeySourceTests()
    {
        _keys = TokenMint.Set(TokenMint.Jwk(_mint.Rsa, "r1", "RS256"));
        _server = new((_, stream) => Backend.ReplyAsync(stream, _keys.ToJsonString(), _status));
    }

    private Issuer Issuer =>
        new()
        {
            Name = "corp",
            Url = TokenMint.Url,
            KeysUrl = $"{_server.Url}/keys",
        };

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync(time: _time);
        _gateway.Run(
            (Entities.Petstore(_backend.Url) with { Security = ["oauth2"] }).Put(),
            Entities.Application("app_1"),
            Entities.Subscription("app_1", "petstore:1.0.0"),
            TokenMint.ClientOf("app_1")
        );
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _server.DisposeAsync();
        await _backend.DisposeAsync();
    }

    [Fact]
    public async Task The_first_request_waits_for_the_first_keys()
    {
        _gateway.Run(TokenMint.Put(Issuer));

        Assert.Equal(HttpStatusCode.OK, await CallAsync("RS256", "r1"));
        Assert.Equal("/keys", _server.Only.Target);
    }

    [Fact]
    public async Task A_new_key_is_taken_up_when_a_token_names_it_and_the_old_one_goes()
    {
        _gateway.Run(TokenMint.Put(Issuer));
        Assert.Equal(HttpStatusCode.OK, await CallAsync("RS256", "r1"));
        _time.Advance(TimeSpan.FromSeconds(11));
        _keys = TokenMint.Set(TokenMint.Jwk(_mint.P256, "e1", "ES256"));

        Assert.Equal(HttpStatusCode.OK, await CallAsync("ES256", "e1"));
        Assert.Equal(2, _server.Requests.Count);
        // The same token as before: that it was good is not remembered beyond the keys it was good by.
        Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync("RS256", "r1"));
    }

    [Fact]
    public async Task Names_that_nobody_knows_do_not_drive_requests_to_the_issuer()
    {
        _gateway.Run(TokenMint.Put(Issuer));
        Assert.Equal(HttpStatusCode.OK, await CallAsync("RS256", "r1"));

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync("RS256", $"x{i}"));
        }

        Assert.Single(_server.Requests);
    }

    [Theory]
    [InlineData("503 Service Unavailable", "{}")]
    [InlineData("200 OK", "{\"keys\":[]}")]
    [InlineData("200 OK", "garbage")]
    [InlineData("302 Found", "")]
    public async Task The_last_good_keys_go_on_while_the_issuer_is_broken(string status, string body)
    {
        _gateway.Run(TokenMint.Put(Issuer));
        Assert.Equal(HttpStatusCode.OK, await CallAsync("RS256", "r1"));
        _server.OnRequest = (_, stream) => Backend.ReplyAsync(stream, body, status);

        await PassTimeUntilAsync(() => _server.Requests.Count >= 2);

        Assert.Equal(HttpStatusCode.OK, await CallAsync("RS256", "r1"));
    }

    [Fact]
    public async Task Without_any_keys_nobody_is_let_in_and_the_code_says_why()
    {
        _status = "500 Internal Server Error";
        _gateway.Run(TokenMint.Put(Issuer));

        Assert.Equal(HttpStatusCode.InternalServerError, await CallAsync("RS256", "r1"));

        // The issuer is back: asked again by itself.
        _status = "200 OK";
        var before = _server.Requests.Count;
        await PassTimeUntilAsync(() => _server.Requests.Count > before);
        Assert.Equal(HttpStatusCode.OK, await CallAsync("RS256", "r1"));
    }

    [Fact]
    public async Task Discovery_leads_to_the_keys_and_must_speak_for_its_issuer()
    {
        var issuer = Issuer with { Url = $"{_server.Url}/realm", KeysUrl = null, Discovery = true };
        var says = issuer.Url;
        _server.OnRequest = (request, stream) =>
            Backend.ReplyAsync(
                stream,
                request.Target == "/realm/.well-known/openid-configuration"
                    ? new JsonObject { ["issuer"] = says, ["jwks_uri"] = $"{_server.Url}/keys" }.ToJsonString()
                    : _keys.ToJsonString()
            );
        _gateway.Run(TokenMint.Put(issuer));
        Assert.Equal(HttpStatusCode.OK, await CallAsync("RS256", "r1", issuer.Url));

        says = "https://evil.example/";
        var other = issuer with { Name = "other", Url = $"{_server.Url}/realm/" };
        _gateway.Run(Entities.Gone(EntityKinds.Issuer, "corp"), TokenMint.Put(other));
        Assert.Equal(HttpStatusCode.InternalServerError, await CallAsync("RS256", "r1", other.Url));
    }

    [Fact]
    public async Task An_issuer_that_is_gone_is_asked_no_more()
    {
        _gateway.Run(TokenMint.Put(Issuer));
        Assert.Equal(HttpStatusCode.OK, await CallAsync("RS256", "r1"));
        _gateway.Run(Entities.Gone(EntityKinds.Issuer, "corp"));

        await _gateway.Table.DisposeAsync();
        _time.Advance(TimeSpan.FromMinutes(30));

        Assert.Single(_server.Requests);
    }

    private async Task<HttpStatusCode> CallAsync(string alg, string kid, string iss = TokenMint.Url)
    {
        var claims = TokenMint.Claims(_time.GetUtcNow());
        claims["iss"] = iss;
        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: ("Authorization", $"Bearer {_mint.Sign(alg, kid, claims.ToJsonString())}")
        );
        return answer.StatusCode;
    }

    // Again and again: the pause before the next question may begin a moment after the answer to the last one counts.
    private async Task PassTimeUntilAsync(Func<bool> condition)
    {
        var deadline = Environment.TickCount64 + 60_000;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < deadline, "It did not come about in a minute.");
            _time.Advance(TimeSpan.FromMinutes(1));
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
