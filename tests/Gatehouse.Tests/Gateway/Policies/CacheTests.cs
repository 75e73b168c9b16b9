using System.Net;
using System.Text.Json;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway.Policies;

/// <summary>The response cache over real sockets (RFC 9111, RFC 5861).</summary>
public sealed class CacheTests : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private readonly FakeTimeProvider _time = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private TestGateway _gateway = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _gateway = await TestGateway.StartAsync(time: _time);

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
    }

    [Theory]
    [InlineData("Cache-Control: max-age=60\r\n", true)]
    [InlineData("Cache-Control: s-maxage=60, max-age=0\r\n", true)]
    [InlineData("Cache-Control: max-age=60, s-maxage=0\r\n", false)]
    [InlineData("Expires: Thu, 01 Jan 2026 00:01:00 GMT\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n", true)]
    [InlineData("Expires: 0\r\n", false)]
    [InlineData("", false)]
    [InlineData("Cache-Control: no-store, max-age=60\r\n", false)]
    [InlineData("Cache-Control: private, max-age=60\r\n", false)]
    [InlineData("Cache-Control: no-cache, max-age=60\r\n", false)]
    [InlineData("Cache-Control: max-age=60\r\nSet-Cookie: a=1\r\n", false)]
    [InlineData("Cache-Control: max-age=60\r\nVary: *\r\n", false)]
    [InlineData("Cache-Control: max-age=60\r\nAge: 60\r\n", false)]
    public async Task The_second_call_is_answered_from_memory_where_the_answer_lets_it(string headers, bool cached)
    {
        Serve("{}");
        Reply(headers);

        await Get();
        using var second = await GetAsync();

        Assert.Equal("hello", await second.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(cached ? 1 : 2, _backend.Requests.Count);
        Assert.True(!cached || second.Headers.Age is not null);
    }

    [Fact]
    public async Task An_answer_grows_old_and_is_asked_for_again()
    {
        Serve("{}");
        Reply("Cache-Control: max-age=60\r\n");

        await Get();
        _time.Advance(TimeSpan.FromSeconds(59));
        using var old = await GetAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        await Get();

        Assert.Equal(TimeSpan.FromSeconds(59), old.Headers.Age);
        Assert.Equal(2, _backend.Requests.Count);
    }

    [Fact]
    public async Task Vary_keeps_versions_apart()
    {
        Serve("{}");
        Reply("Cache-Control: max-age=60\r\nVary: Accept-Language\r\n");

        foreach (var language in (string[])["de", "en", "de", "en"])
        {
            await Get(("Accept-Language", language));
        }

        Assert.Equal(2, _backend.Requests.Count);
    }

    [Theory]
    [InlineData("Cache-Control: max-age=60\r\n", 2)]
    [InlineData("Cache-Control: max-age=60, public\r\n", 1)]
    [InlineData("Cache-Control: s-maxage=60\r\n", 1)]
    public async Task An_answer_to_credentials_is_for_all_only_where_the_backend_says_so(string headers, int calls)
    {
        Serve("{}");
        Reply(headers);

        await Get(("Authorization", "Bearer a"));
        await Get(("Authorization", "Bearer b"));

        Assert.Equal(calls, _backend.Requests.Count);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task Applications_have_answers_of_their_own_unless_told_otherwise(bool apart, int calls)
    {
        _gateway.Run([
            (Api($$"""{ "perApplication": {{(apart ? "true" : "false")}} }""") with { Security = ["apikey"] }).Put(),
            .. Entities.Consumer(),
            .. Entities.Consumer(secret: "gk_other_12345678", app: "app_2", key: "key_2"),
        ]);
        Reply("Cache-Control: max-age=60\r\n");

        await Get(("apikey", Entities.Secret));
        await Get(("apikey", Entities.Secret));
        await Get(("apikey", "gk_other_12345678"));

        Assert.Equal(calls, _backend.Requests.Count);
    }

    [Fact]
    public async Task A_stale_answer_is_validated_and_renewed_by_304()
    {
        Serve("{}");
        _backend.OnRequest = (r, s) =>
            r.Header("If-None-Match") == "\"1\""
                ? Backend.WriteAsync(s, "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nX-New: 1\r\n\r\n")
                : Backend.ReplyAsync(s, "hello", headers: "Cache-Control: max-age=60\r\nETag: \"1\"\r\n");

        await Get();
        _time.Advance(TimeSpan.FromSeconds(61));
        using var validated = await GetAsync();
        using var fresh = await GetAsync();

        Assert.Equal(HttpStatusCode.OK, validated.StatusCode);
        Assert.Equal("hello", await validated.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("hello", await fresh.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("1", fresh.Headers.GetValues("X-New").Single());
        Assert.Equal(2, _backend.Requests.Count);
    }

    [Fact]
    public async Task A_caller_that_has_the_answer_gets_304()
    {
        Serve("{}");
        Reply("Cache-Control: max-age=60\r\nETag: \"1\"\r\n");

        await Get();
        using var known = await GetAsync(("If-None-Match", "W/\"1\""));
        using var other = await GetAsync(("If-None-Match", "\"2\""));

        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        Assert.Single(_backend.Requests);
    }

    [Theory]
    [InlineData("no-cache", 2, 200)]
    [InlineData("no-store", 2, 200)]
    [InlineData("max-age=10", 2, 200)]
    [InlineData("max-age=30", 1, 200)]
    [InlineData("min-fresh=50", 2, 200)]
    [InlineData("only-if-cached", 1, 200)]
    public async Task A_caller_may_ask_for_less(string directive, int calls, int status)
    {
        Serve("{}");
        Reply("Cache-Control: max-age=60\r\n");

        await Get();
        _time.Advance(TimeSpan.FromSeconds(20));
        using var answer = await GetAsync(("Cache-Control", directive));

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(calls, _backend.Requests.Count);
    }

    [Fact]
    public async Task Only_if_cached_without_an_answer_is_504()
    {
        Serve("{}");

        using var answer = await GetAsync(("Cache-Control", "only-if-cached"));

        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
        Assert.Empty(_backend.Requests);
    }

    [Theory]
    [InlineData("{}", "Cache-Control: max-age=60, stale-while-revalidate=30\r\n")]
    [InlineData("""{ "staleWhileRevalidate": 30 }""", "Cache-Control: max-age=60\r\n")]
    public async Task While_one_caller_renews_a_stale_answer_the_others_get_it_as_it_is(string settings, string headers)
    {
        Serve(settings);
        Reply(headers);
        await Get();
        _time.Advance(TimeSpan.FromSeconds(70));
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _backend.OnRequest = async (_, s) =>
        {
            begun.SetResult();
            await go.Task;
            await Backend.ReplyAsync(s, "fresh", headers: headers);
        };

        var renewing = GetAsync();
        await begun.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        using var meanwhile = await GetAsync();
        Assert.Equal("hello", await meanwhile.Content.ReadAsStringAsync(Cancel));
        Assert.Contains(
            "stale-while-revalidate",
            meanwhile.Headers.GetValues("Cache-Status").Single(),
            StringComparison.Ordinal
        );
        go.SetResult();
        using var renewed = await renewing;
        Assert.Equal("fresh", await renewed.Content.ReadAsStringAsync(Cancel));

        using var after = await GetAsync();
        Assert.Equal("fresh", await after.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(2, _backend.Requests.Count);
    }

    [Theory]
    [InlineData("500 Internal Server Error", "", """{ "staleIfError": 600 }""")]
    [InlineData("", "", """{ "staleIfError": 600 }""")]
    [InlineData("503 Service Unavailable", ", stale-if-error=600", "{}")]
    public async Task A_stale_answer_stands_in_for_a_backend_that_fails(
        string status,
        string directive,
        string settings
    )
    {
        Serve(settings);
        Reply($"Cache-Control: max-age=60{directive}\r\n");
        await Get();
        _time.Advance(TimeSpan.FromSeconds(90));
        _backend.OnRequest = (r, s) =>
        {
            r.ClosesAfter = true;
            return status.Length == 0 ? Task.CompletedTask : Backend.ReplyAsync(s, "broken", status);
        };

        using var stale = await GetAsync();
        _time.Advance(TimeSpan.FromSeconds(600));
        using var tooOld = await GetAsync();

        Assert.Equal("hello", await stale.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(HttpStatusCode.OK, stale.StatusCode);
        Assert.True((int)tooOld.StatusCode >= 500);
    }

    [Theory]
    [InlineData("POST", "201 Created", 2)]
    [InlineData("DELETE", "200 OK", 2)]
    [InlineData("POST", "400 Bad Request", 1)]
    public async Task A_change_forgets_what_is_stored_for_its_address(string method, string status, int reads)
    {
        Serve("{}");
        _backend.OnRequest = (r, s) =>
            Backend.ReplyAsync(
                s,
                "hello",
                r.Line.StartsWith("GET", StringComparison.Ordinal) ? "200 OK" : status,
                "Cache-Control: max-age=60\r\n"
            );

        await Get();
        using var change = await _gateway.SendAsync(new(method), "/petstore/1.0.0/pets");
        await Get();

        Assert.Equal(reads, _backend.Requests.Count(r => r.Line.StartsWith("GET", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_many_ask_for_at_once_is_fetched_once()
    {
        Serve("{}");
        var begun = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        _backend.OnRequest = async (_, s) =>
        {
            begun.TrySetResult();
            await go.Task;
            await Backend.ReplyAsync(s, "hello", headers: "Cache-Control: max-age=60\r\n");
        };

        var first = GetAsync();
        await begun.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        var others = Enumerable.Range(0, 10).Select(_ => GetAsync()).ToArray();
        await LoopServer.Until(() => _gateway.Engine.InFlight == 11);

        go.SetResult();
        foreach (var answer in await Task.WhenAll([first, .. others]))
        {
            Assert.Equal("hello", await answer.Content.ReadAsStringAsync(Cancel));
            answer.Dispose();
        }

        Assert.Single(_backend.Requests);
    }

    [Fact]
    public async Task However_close_callers_come_to_each_other_an_answer_is_fetched_once()
    {
        Serve("{}");
        Reply("Cache-Control: max-age=60\r\n");

        for (var i = 0; i < 200; i++)
        {
            var path = $"/petstore/1.0.0/{i}";
            foreach (var answer in await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _gateway.GetAsync(path))))
            {
                Assert.Equal("hello", await answer.Content.ReadAsStringAsync(Cancel));
                answer.Dispose();
            }
        }

        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"/{i}"), _backend.Requests.Select(r => r.Target));
    }

    [Fact]
    public async Task Memory_is_bounded_and_the_least_recently_used_goes_first()
    {
        Serve("""{ "maxBodyBytes": 1000, "maxTotalBytes": 4000 }""");
        _backend.OnRequest = (_, s) =>
            Backend.ReplyAsync(s, new string('x', 1000), headers: "Cache-Control: max-age=60\r\n");

        foreach (var path in (string[])["a", "b", "a", "c", "a", "b"])
        {
            using var answer = await _gateway.GetAsync("/petstore/1.0.0/" + path);
            await answer.Content.ReadAsByteArrayAsync(Cancel);
        }

        Assert.Equal(["/a", "/b", "/c", "/b"], _backend.Requests.Select(r => r.Target));
    }

    private Api Api(string settings) =>
        Entities.Petstore(_backend.Url) with
        {
            Policies = [new() { Name = "cache", Settings = JsonDocument.Parse(settings).RootElement }],
        };

    private void Serve(string settings) => _gateway.Run(Api(settings).Put());

    private void Reply(string headers) =>
        _backend.OnRequest = (_, s) => Backend.ReplyAsync(s, "hello", headers: headers);

    private Task<HttpResponseMessage> GetAsync(params (string, string)[] headers) =>
        _gateway.SendAsync(HttpMethod.Get, "/petstore/1.0.0/pets", headers: headers);

    // Reads to the end: only a complete answer is kept.
    private async Task Get(params (string, string)[] headers)
    {
        using var answer = await GetAsync(headers);
        await answer.Content.ReadAsByteArrayAsync(Cancel);
    }
}
