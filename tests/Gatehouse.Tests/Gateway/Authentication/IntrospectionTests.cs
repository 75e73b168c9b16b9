using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway.Authentication;

/// <summary>Opaque tokens: the issuer is asked over a real socket (RFC 7662).</summary>
public sealed class IntrospectionTests : IAsyncLifetime
{
    private const string Path = "/petstore/1.0.0/pets";
    private static readonly byte[] s_key = RandomNumberGenerator.GetBytes(32);

    private readonly SecretSeal _seal = new(s_key);
    private readonly Backend _backend = new();
    private readonly Backend _issuer = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-03-01T12:00:00Z", null));
    private readonly Dictionary<string, JsonObject> _tokens = [];
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer.OnRequest = AnswerAsync;
        _gateway = await TestGateway.StartAsync(new() { Node = "w1", Secrets = new(s_key) }, _time);
        _gateway.Run(
            (Entities.Petstore(_backend.Url, "GET /pets") with { Security = ["oauth2"] }).Put(),
            TokenMint.Put(Issuer()),
            Entities.Application("app_1"),
            Entities.Subscription("app_1", "petstore:1.0.0"),
            TokenMint.ClientOf("app_1")
        );
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
        await _issuer.DisposeAsync();
        _seal.Dispose();
    }

    [Fact]
    public async Task An_active_token_opens_the_API_and_its_issuer_is_asked_once_as_the_gateways_client()
    {
        _tokens["opaque+1/2=="] = Active();

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await StatusAsync("opaque+1/2=="));
        }

        var asked = _issuer.Only;
        Assert.Equal("POST /introspect HTTP/1.1", asked.Line);
        Assert.Equal("token=opaque%2B1%2F2%3D%3D&token_type_hint=access_token", Encoding.ASCII.GetString(asked.Body));
        Assert.Equal($"Basic {Convert.ToBase64String("gate:s%2Bcret%3A%C3%A9"u8)}", asked.Header("Authorization"));
        Assert.All(_backend.Requests, r => Assert.Null(r.Header("Authorization")));
    }

    [Fact]
    public async Task What_the_issuer_said_counts_for_a_minute_and_then_it_is_asked_again()
    {
        _tokens["opaque"] = Active();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("opaque"));
        _tokens["opaque"]["active"] = false;

        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("opaque"));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("opaque"));
        Assert.Equal(2, _issuer.Requests.Count);
    }

    [Theory]
    [InlineData("""{"active":false}""")]
    [InlineData("""{"active":true,"client_id":"shop","exp":1772366300}""")]
    [InlineData("""{"active":true,"client_id":"shop","nbf":1772370000}""")]
    [InlineData("""{"active":true,"client_id":"shop","iss":"https://elsewhere"}""")]
    public async Task A_token_that_is_not_active_here_and_now_opens_nothing(string answer)
    {
        _tokens["opaque"] = (JsonObject)JsonNode.Parse(answer)!;

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("opaque"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("unknown"));
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task A_bad_token_is_remembered_and_shown_again_costs_the_issuer_nothing()
    {
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("unknown"));
        }

        Assert.Single(_issuer.Requests);
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("unknown"));
        Assert.Equal(2, _issuer.Requests.Count);
    }

    [Fact]
    public async Task While_the_issuer_is_away_what_was_active_goes_on_for_five_minutes_and_nothing_new_gets_in()
    {
        _tokens["opaque"] = Active();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("opaque"));
        _issuer.OnRequest = (_, stream) => Backend.ReplyAsync(stream, "", "503 Service Unavailable");

        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("opaque"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync("another"));
        Assert.Equal(2, _issuer.Requests.Count);

        _time.Advance(TimeSpan.FromSeconds(300));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync("opaque"));

        _issuer.OnRequest = AnswerAsync;
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("opaque"));
    }

    [Fact]
    public async Task A_revocation_ends_an_opaque_token_at_once()
    {
        _tokens["opaque"] = Active();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("opaque"));

        _gateway.Run(
            Entities.Put(
                EntityKinds.Revocation,
                Revocation.OfToken(Revocation.TokenDigest("opaque")),
                CanonicalJson.Write(new() { Reason = "test", At = _time.GetUtcNow() }, ModelJson.Default.Revocation)
            )
        );

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("opaque"));
    }

    [Fact]
    public void What_is_remembered_of_tokens_is_bounded_and_what_is_asked_for_stays()
    {
        var cache = new TokenCache<string>(100);
        var now = DateTimeOffset.UnixEpoch;
        var kept = Digest.Of("kept"u8);
        cache.Add(kept, "kept", now.AddHours(1));

        for (var i = 0; i < 10_000; i++)
        {
            cache.Add(Digest.Of(BitConverter.GetBytes(i)), "other", now.AddHours(1));
            Assert.True(cache.TryGet(kept, now, out _) && cache.Count <= 100, $"after {i}: {cache.Count}");
        }
    }

    [Fact]
    public async Task Many_requests_with_one_new_token_ask_once()
    {
        _tokens["opaque"] = Active();
        var asked = new TaskCompletionSource();
        _issuer.OnRequest = async (request, stream) =>
        {
            await asked.Task;
            await AnswerAsync(request, stream);
        };

        var all = Enumerable.Range(0, 20).Select(_ => StatusAsync("opaque")).ToList();
        Assert.True(SpinWait.SpinUntil(() => _gateway.Engine.InFlight == 20, TimeSpan.FromSeconds(60)));
        asked.SetResult();

        Assert.All(await Task.WhenAll(all), s => Assert.Equal(HttpStatusCode.OK, s));
        Assert.Single(_issuer.Requests);
    }

    [Fact]
    public async Task However_close_requests_with_a_new_token_come_to_each_other_its_issuer_is_asked_once()
    {
        for (var i = 0; i < 200; i++)
        {
            _tokens[$"opaque{i}"] = Active();
        }

        for (var i = 0; i < 200; i++)
        {
            var token = $"opaque{i}";
            var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => StatusAsync(token)));
            Assert.All(all, s => Assert.Equal(HttpStatusCode.OK, s));
        }

        Assert.Equal(200, _issuer.Requests.Count);
    }

    [Fact]
    public void A_secret_that_does_not_open_refuses_the_issuer_and_says_why()
    {
        using var other = new SecretSeal(RandomNumberGenerator.GetBytes(32));
        var issuer = Issuer();

        var wrongKey = Assert.Single(
            _gateway.Apply(
                TokenMint.Put(
                    issuer with
                    {
                        Introspection = issuer.Introspection! with { Secret = other.Close("x", "y") },
                    }
                )
            )
        );
        var wrongPlace = Assert.Single(
            _gateway.Apply(
                TokenMint.Put(
                    issuer with
                    {
                        Introspection = issuer.Introspection! with { Secret = _seal.Close("x", "y") },
                    }
                )
            )
        );

        Assert.Equal("/introspection/secret", wrongKey.Field);
        Assert.Contains("another key", wrongPlace.Reason, StringComparison.Ordinal);
    }

    private Issuer Issuer() =>
        new()
        {
            Name = "corp",
            Url = TokenMint.Url,
            Introspection = new()
            {
                Url = $"{_issuer.Url}/introspect",
                ClientId = "gate",
                Secret = _seal.Close(Introspection.PlaceOf("corp"), "s+cret:é"),
            },
        };

    private JsonObject Active() =>
        new()
        {
            ["active"] = true,
            ["client_id"] = TokenMint.Client,
            ["exp"] = _time.GetUtcNow().AddHours(1).ToUnixTimeSeconds(),
            ["scope"] = "pets:read",
        };

    private Task AnswerAsync(BackendRequest request, Stream stream)
    {
        var form = Encoding.ASCII.GetString(request.Body).Split('&')[0]["token=".Length..];
        var answer = _tokens.GetValueOrDefault(Uri.UnescapeDataString(form)) ?? new() { ["active"] = false };
        return Backend.ReplyAsync(stream, answer.ToJsonString(), headers: "Content-Type: application/json\r\n");
    }

    private async Task<HttpStatusCode> StatusAsync(string token)
    {
        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            Path,
            headers: [("Authorization", $"Bearer {token}")]
        );
        return answer.StatusCode;
    }
}
