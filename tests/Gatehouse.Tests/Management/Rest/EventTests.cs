using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using Gatehouse.Management;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>Changes arrive as events, each to whom it concerns.</summary>
public sealed class EventTests(EventTests.Manager manager) : IClassFixture<EventTests.Manager>
{
    private RestHost Host => manager.Host;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_change_arrives_and_one_that_was_missed_too()
    {
        var token = await Host.TokenAsync();
        await using var stream = await Stream.OpenAsync(Host, token);
        Assert.Equal("began", (await stream.NextAsync()).EventType);

        await CreateAsync(Host, token, "first");
        var first = await stream.NextAsync("application");
        await CreateAsync(Host, token, "second");
        await using var again = await Stream.OpenAsync(Host, token, first.EventId);
        var second = await again.NextAsync("application");

        Assert.NotEqual(Json(first)["name"]!.GetValue<string>(), Json(second)["name"]!.GetValue<string>());
        Assert.Equal(second.EventId, Json(second)["epoch"]!.ToString());
        Assert.False(Json(second)["deleted"]!.GetValue<bool>());
    }

    [Fact]
    public async Task Nobody_hears_of_what_they_may_not_read()
    {
        var ann = await Host.TokenAsync();
        await using var stream = await Stream.OpenAsync(Host, await Host.TokenAsync("bob", Roles.Subscriber));
        Assert.Equal("began", (await stream.NextAsync()).EventType);

        await CreateAsync(Host, ann, "anns");
        await CreateAsync(Host, ann, "given");
        var (given, text) = await Host.SendAsync(
            "PUT",
            "/api/v1/applications/given/owner",
            ann,
            RestHost.Json(new JsonObject { ["owner"] = "bob" })
        );
        Assert.True(given.IsSuccessStatusCode, text);
        var id = JsonNode.Parse(text)!["id"]!.GetValue<string>();

        Assert.Equal(id, Json(await stream.NextAsync("application"))["name"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_publisher_outside_a_team_hears_nothing_of_its_API()
    {
        var ann = await Host.TokenAsync();
        await DoAsync(
            ann,
            "POST",
            "apis/create",
            """{"name":"teams","version":"1.0.0","context":"/teams","endpoints":["http://127.0.0.1:9/"]}"""
        );
        await DoAsync(ann, "PUT", "apis/teams:1.0.0/listing", """{"team":[{"user":"pat","may":["own"]}]}""");
        await using var outside = await Stream.OpenAsync(Host, await Host.TokenAsync("eve", Roles.Publisher));
        await using var member = await Stream.OpenAsync(Host, await Host.TokenAsync("pat", Roles.Publisher));
        Assert.Equal("began", (await outside.NextAsync()).EventType);
        Assert.Equal("began", (await member.NextAsync()).EventType);

        await DoAsync(
            ann,
            "PUT",
            "apis/teams:1.0.0/listing",
            """{"title":"Ours","team":[{"user":"pat","may":["own"]}]}"""
        );
        await DoAsync(ann, "PUT", "categories/animals", """{"name":"animals"}""");

        Assert.Equal("category", Json(await outside.NextAsync())["kind"]!.GetValue<string>());
        Assert.Equal("listing", Json(await member.NextAsync())["kind"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_stream_ends_with_its_token()
    {
        var issued = await Host.Get<AccessTokens>().IssueAsync("ann", Roles.Admin, TestCatalogue.Tester, Stop);
        await using var stream = await Stream.OpenAsync(Host, issued.Token);
        Assert.Equal("began", (await stream.NextAsync()).EventType);

        await Host.Get<AccessTokens>().RevokeAsync(issued.Id, TestCatalogue.Tester, Stop);

        Assert.Equal("ended", (await stream.NextAsync()).EventType);
        Assert.False(await stream.HasMoreAsync());
    }

    [Fact]
    public async Task Who_was_away_for_too_long_is_told_to_read_everything_again()
    {
        var token = await Host.TokenAsync();

        await using var stream = await Stream.OpenAsync(Host, token, "999999");

        Assert.Equal("reset", (await stream.NextAsync()).EventType);
    }

    [Fact]
    public async Task A_new_history_is_told_of()
    {
        await using var stream = await Stream.OpenAsync(Host, await Host.TokenAsync());
        Assert.Equal("began", (await stream.NextAsync()).EventType);

        await Host.Catalogue.Catalogue.BeginNewHistoryAsync("a test", TestCatalogue.Tester, Stop);

        Assert.Equal("reset", (await stream.NextAsync()).EventType);
    }

    [Fact]
    public async Task A_manager_that_stops_waits_for_no_stream()
    {
        await using var host = await RestHost.StartAsync();
        await using var stream = await Stream.OpenAsync(host, await host.TokenAsync());
        Assert.Equal("began", (await stream.NextAsync()).EventType);

        // Kestrel would wait for open requests for 30 s and then break them off: the reader would see no end, but an error.
        await host.StopAsync().WaitAsync(TimeSpan.FromSeconds(60), Stop);

        Assert.False(await stream.HasMoreAsync());
    }

    [Fact]
    public async Task A_user_has_so_many_streams_and_not_one_more()
    {
        var token = await Host.TokenAsync("many");
        var open = new List<Stream>();
        for (var i = 0; i < EventStreams.MostPerUser; i++)
        {
            open.Add(await Stream.OpenAsync(Host, token));
        }

        var (refused, _) = await Host.SendAsync("GET", "/api/v1/events", token);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.True(refused.Headers.Contains("Retry-After"));

        foreach (var stream in open)
        {
            await stream.DisposeAsync();
        }

        // What was closed is found closed when it is next written to or its connection is seen to be gone.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (Host.Get<EventStreams>().Open > 0)
        {
            await Task.Delay(20, patience.Token);
        }
    }

    private static JsonNode Json(SseItem<string> item) => JsonNode.Parse(item.Data)!;

    private async Task DoAsync(string token, string method, string path, string body)
    {
        var (response, text) = await Host.SendAsync(
            method,
            $"/api/v1/{path}",
            token,
            RestHost.Json(JsonNode.Parse(body))
        );
        Assert.True(response.IsSuccessStatusCode, text);
    }

    private static async Task CreateAsync(RestHost host, string token, string name)
    {
        var (response, text) = await host.SendAsync(
            "POST",
            "/api/v1/applications",
            token,
            RestHost.Json(new JsonObject { ["name"] = name })
        );
        Assert.True(response.StatusCode == HttpStatusCode.Created, text);
    }

    /// <summary>One stream, read by .NET's own reader.</summary>
    private sealed class Stream : IAsyncDisposable
    {
        private readonly HttpResponseMessage _response;
        private readonly IAsyncEnumerator<SseItem<string>> _items;

        private Stream(HttpResponseMessage response, IAsyncEnumerator<SseItem<string>> items) =>
            (_response, _items) = (response, items);

        public static async Task<Stream> OpenAsync(RestHost host, string token, string? after = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/events");
            request.Headers.Authorization = new("Bearer", token);
            if (after is not null)
            {
                request.Headers.Add("Last-Event-ID", after);
            }

            var response = await host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
            var items = SseParser.Create(await response.Content.ReadAsStreamAsync(Stop)).EnumerateAsync(Stop);
            return new(response, items.GetAsyncEnumerator(Stop));
        }

        public async Task<SseItem<string>> NextAsync(string? kind = null)
        {
            while (true)
            {
                Assert.True(await _items.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), Stop));
                if (kind is null || JsonNode.Parse(_items.Current.Data)?["kind"]?.GetValue<string>() == kind)
                {
                    return _items.Current;
                }
            }
        }

        public async Task<bool> HasMoreAsync() =>
            await _items.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), Stop);

        public ValueTask DisposeAsync()
        {
            // Not the reader: it may be reading.
            _response.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>One manager, each test with streams of its own.</summary>
    public sealed class Manager : IAsyncLifetime
    {
        internal RestHost Host { get; private set; } = null!;

        /// <inheritdoc/>
        public async ValueTask InitializeAsync() => Host = await RestHost.StartAsync();

        /// <inheritdoc/>
        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }
}
