using System.Net;
using System.Text;
using System.Text.Json;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;
using static Gatehouse.Tests.Gateway.Throttling.LimitEntities;

namespace Gatehouse.Tests.Gateway.Throttling;

public sealed class ThrottlingTests : IAsyncLifetime
{
    private const string Path = "/petstore/1.0.0/pets";

    private readonly Backend _backend = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-03-01T12:00:00Z", null));
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _gateway = await TestGateway.StartAsync(time: _time);
        _gateway.Run([Entities.Petstore(_backend.Url).Keyed().Put(), .. Entities.Consumer()]);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
    }

    public static TheoryData<string, string, int> Levels =>
        new()
        {
            { "api", "900800", 429 },
            { "operation", "900802", 429 },
            { "subscription", "900804", 429 },
            { "burst", "900807", 429 },
            { "application", "900803", 429 },
            { "application-burst", "900809", 429 },
            { "custom", "900806", 429 },
            { "backend", "900801", 503 },
        };

    [Theory]
    [MemberData(nameof(Levels))]
    public async Task Each_level_lets_its_number_in_and_refuses_the_next_with_its_code(
        string level,
        string code,
        int status
    )
    {
        _gateway.Run(LimitOf(level, 3));

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        }

        using var refused = await _gateway.GetAsync(Path, Entities.Secret);
        var body = await JsonAsync(refused);
        Assert.Equal(status, (int)refused.StatusCode);
        Assert.Equal(code, body.GetProperty("code").GetString());
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 61);
        Assert.Equal(3, _backend.Requests.Count);
        Assert.Contains("gatehouse_throttled_total{level=", Metrics(), StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
    }

    [Fact]
    public async Task The_payload_is_WSO2s_and_says_when_to_come_again()
    {
        _gateway.Run(new Plan { Name = "One", Quota = Rate("1/min") }.Put(), Subscription("One"));
        await StatusAsync();

        using var json = await _gateway.GetAsync(Path, Entities.Secret);
        using var xml = await _gateway.SendAsync(
            HttpMethod.Get,
            Path,
            key: Entities.Secret,
            headers: ("Accept", "application/xml")
        );

        var body = await JsonAsync(json);
        Assert.Equal("Message throttled out", body.GetProperty("message").GetString());
        Assert.Equal(
            "You have exceeded your quota. You can access API after 2026-Mar-01 12:01:01+0000 UTC",
            body.GetProperty("description").GetString()
        );
        Assert.Equal("61", json.Headers.GetValues("Retry-After").Single());
        var text = await xml.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains(
            "<amt:fault xmlns:amt=\"http://wso2.org/apimanager/throttling\"><amt:code>900804</amt:code>",
            text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task An_answer_says_what_is_left_of_the_quota_that_is_nearest()
    {
        _gateway.Run(
            new Plan { Name = "Gold", Quota = Rate("10/min") }.Put(),
            Subscription("Gold"),
            new CustomRule
            {
                Name = "each-app",
                Key = "$appId",
                Quota = Rate("4/h"),
            }.Put()
        );

        using var first = await _gateway.GetAsync(Path, Entities.Secret);
        for (var i = 0; i < 3; i++)
        {
            await StatusAsync();
        }

        using var refused = await _gateway.GetAsync(Path, Entities.Secret);

        Assert.Equal("\"each-app\";q=4;w=3600", first.Headers.GetValues("RateLimit-Policy").Single());
        Assert.Equal("\"each-app\";r=3;t=3600", first.Headers.GetValues("RateLimit").Single());
        Assert.False(first.Headers.Contains("X-RateLimit-Limit"));
        Assert.StartsWith(
            "\"each-app\";r=0;t=",
            refused.Headers.GetValues("RateLimit").Single(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task The_old_headers_come_only_when_asked_for()
    {
        await using var gateway = await TestGateway.StartAsync(
            new() { Node = "w1", RateLimitHeaders = RateLimitHeaderForm.Both }
        );
        gateway.Run([
            Entities.Petstore(_backend.Url).Keyed().Put(),
            .. Entities.Consumer(),
            new Plan { Name = "Gold", Quota = Rate("10/min") }.Put(),
            Subscription("Gold"),
        ]);

        using var answer = await gateway.GetAsync(Path, Entities.Secret);

        Assert.Equal("10", answer.Headers.GetValues("X-RateLimit-Limit").Single());
        Assert.Equal("9", answer.Headers.GetValues("X-RateLimit-Remaining").Single());
    }

    [Fact]
    public async Task A_refused_request_costs_nothing_at_the_levels_before()
    {
        _gateway.Run(
            new Plan { Name = "Gold", Quota = Rate("100/h") }.Put(),
            Subscription("Gold"),
            new ApplicationPolicy { Name = "Two", Quota = Rate("2/min") }.Put(),
            Application("Two")
        );

        for (var i = 0; i < 50; i++)
        {
            await StatusAsync();
        }

        _time.Advance(TimeSpan.FromMinutes(2));
        using var answer = await _gateway.GetAsync(Path, Entities.Secret);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        // Two of the first fifty and this one: had the refused been charged, nothing would be left of a hundred.
        _gateway.Run(Application("Unlimited"));
        using var told = await _gateway.GetAsync(Path, Entities.Secret);
        Assert.Equal("\"Gold\";r=96;t=3600", told.Headers.GetValues("RateLimit").Single());
    }

    [Fact]
    public async Task A_plan_that_does_not_stop_lets_requests_run_over_and_counts_them()
    {
        _gateway.Run(
            new Plan
            {
                Name = "Soft",
                Quota = Rate("1/min"),
                StopOnQuotaReach = false,
            }.Put(),
            Subscription("Soft")
        );

        await StatusAsync();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Contains("gatehouse_quota_overruns_total 1\n", Metrics(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bandwidth_quota_counts_the_bytes_of_requests_and_answers()
    {
        _gateway.Run(new Plan { Name = "Thin", Quota = Rate("100B/min") }.Put(), Subscription("Thin"));
        _backend.OnRequest = (_, stream) => Backend.ReplyAsync(stream, new string('x', 60));

        for (var i = 0; i < 2; i++)
        {
            using var answer = await _gateway.GetAsync(Path, Entities.Secret);
            Assert.Equal(60, (await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).Length);
        }

        await UntilRefusedAsync();
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
    }

    [Fact]
    public async Task The_policy_of_an_API_takes_the_place_of_its_operations_ones()
    {
        var api = Entities.Petstore(_backend.Url).Keyed();
        _gateway.Run(
            new ApiPolicy { Name = "One", Quota = Rate("1/min") }.Put(),
            new ApiPolicy { Name = "Two", Quota = Rate("2/min") }.Put(),
            (api with { Policy = "Two", Operations = [.. api.Operations.Select(o => o with { Policy = "One" })] }).Put()
        );

        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Equal("900800", await CodeAsync());
    }

    [Fact]
    public async Task A_plan_that_changes_holds_at_once_and_forgets_nothing()
    {
        _gateway.Run(new Plan { Name = "P", Quota = Rate("10/min") }.Put(), Subscription("P"));
        for (var i = 0; i < 5; i++)
        {
            await StatusAsync();
        }

        _gateway.Run(new Plan { Name = "P", Quota = Rate("6/min") }.Put());

        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Equal("900804", await CodeAsync());
    }

    [Fact]
    public async Task A_policy_that_the_node_does_not_have_lets_nothing_through()
    {
        _gateway.Run(Subscription("Nowhere"));

        Assert.Equal("900804", await CodeAsync());
        _gateway.Run(Subscription("Unlimited"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
    }

    [Fact]
    public async Task Open_operations_are_limited_by_address_once_there_is_the_plan_for_it()
    {
        _gateway.Run(Entities.Petstore(_backend.Url).Put());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());

        _gateway.Run(new Plan { Name = Plan.Unauthenticated, Quota = Rate("1/min") }.Put());

        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Equal("900804", await CodeAsync());
    }

    [Fact]
    public async Task A_worker_of_three_enforces_a_third()
    {
        _gateway.Run(Worker("w1"), Worker("w2"), Worker("w3"), new Plan { Name = "Nine", Quota = Rate("9/min") }.Put());
        _gateway.Run(Subscription("Nine"));

        using var first = await _gateway.GetAsync(Path, Entities.Secret);
        Assert.Equal("\"Nine\";r=6;t=60", first.Headers.GetValues("RateLimit").Single());
        await StatusAsync();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Equal("900804", await CodeAsync());
    }

    [Fact]
    public async Task Nobody_outside_the_data_hop_can_say_that_a_request_is_a_replay()
    {
        _gateway.Run(LimitOf("subscription", 1));
        await StatusAsync();

        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            Path,
            key: Entities.Secret,
            headers: ("X-Gatehouse-Replay", "1")
        );

        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.Null(_backend.Only.Header("X-Gatehouse-Replay"));
    }

    public static TheoryData<string, bool> Blocks =>
        new()
        {
            { "api/petstore:1.0.0", true },
            { "api/other:1.0.0", false },
            { "application/app_1", true },
            { "application/app_2", false },
            { "subscription/app_1/petstore:1.0.0", true },
            { "subscription/app_2/petstore:1.0.0", false },
            { "user/ann", false },
            { "ip/127.0.0.1", true },
            { "ip/127.0.0.0/8", true },
            { "ip/127.0.0.1-127.0.0.9", true },
            { "ip/10.0.0.0/8", false },
            { "ip/::1", false },
            { "ip/!127.0.0.0/8", false },
            { "ip/!10.0.0.0/8", true },
            { "ip/nonsense", true },
            { "something-newer/x", true },
        };

    [Theory]
    [MemberData(nameof(Blocks))]
    public async Task A_block_turns_away_whom_it_names_until_it_is_taken_away(string name, bool blocked)
    {
        _gateway.Run(Block(name));
        Assert.Equal(blocked ? "900805" : "", await CodeAsync());

        _gateway.Run(Block(name, enabled: false));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());

        // Content that cannot be read does not open what the name closes.
        _gateway.Run(Entities.Put(EntityKinds.Block, name, "{\"enabled\":"u8.ToArray()));
        Assert.Equal(blocked ? "900805" : "", await CodeAsync());

        _gateway.Run(Entities.Gone(EntityKinds.Block, name));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
    }

    [Fact]
    public async Task A_whole_table_brings_its_limits_and_drops_the_others()
    {
        _gateway.Run(Block("api/petstore:1.0.0"), new Plan { Name = "One", Quota = Rate("1/min") }.Put());

        Assert.Empty(
            _gateway.Apply(
                [
                    Entities.Petstore(_backend.Url).Keyed().Put(),
                    .. Entities.Consumer(),
                    new Plan { Name = "One", Quota = Rate("1/min") }.Put(),
                    Subscription("One"),
                ],
                replace: true
            )
        );

        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Equal("900804", await CodeAsync());
    }

    [Fact]
    public async Task A_policy_that_cannot_be_read_is_refused_and_its_last_good_self_goes_on()
    {
        _gateway.Run(LimitOf("api", 1));

        var refusal = Assert.Single(
            _gateway.Apply(
                new ApiPolicy
                {
                    Name = "test",
                    Groups = [new() { Conditions = [new() { Kind = ConditionKind.Ip, Value = "10.0.0.0/99" }] }],
                }.Put()
            )
        );

        Assert.Contains("10.0.0.0/99", refusal.Reason, StringComparison.Ordinal);
        await StatusAsync();
        Assert.Equal("900800", await CodeAsync());
    }

    private EntityChange[] LimitOf(string level, int most)
    {
        var api = Entities.Petstore(_backend.Url).Keyed();
        var rate = Rate($"{most}/min");
        return level switch
        {
            "api" => [new ApiPolicy { Name = "test", Quota = rate }.Put(), (api with { Policy = "test" }).Put()],
            "operation" =>
            [
                new ApiPolicy { Name = "test", Quota = rate }.Put(),
                (api with { Operations = [.. api.Operations.Select(o => o with { Policy = "test" })] }).Put(),
            ],
            "subscription" => [new Plan { Name = "test", Quota = rate }.Put(), Subscription("test")],
            "burst" => [new Plan { Name = "test", Burst = most }.Put(), Subscription("test")],
            "application" => [new ApplicationPolicy { Name = "test", Quota = rate }.Put(), Application("test")],
            "application-burst" => [new ApplicationPolicy { Name = "test", Burst = most }.Put(), Application("test")],
            "custom" =>
            [
                new CustomRule
                {
                    Name = "test",
                    Key = "$apiContext:$appId:$clientIp",
                    Quota = rate,
                }.Put(),
            ],
            _ => [(api with { MaxTps = most }).Put()],
        };
    }

    private async Task<HttpStatusCode> StatusAsync()
    {
        using var answer = await _gateway.GetAsync(Path, Entities.Secret);
        return answer.StatusCode;
    }

    /// <summary>The code of the refusal; nothing when there is none.</summary>
    private async Task<string> CodeAsync()
    {
        using var answer = await _gateway.GetAsync(Path, Entities.Secret);
        return answer.IsSuccessStatusCode ? "" : (await JsonAsync(answer)).GetProperty("code").GetString()!;
    }

    // The bytes of an answer are charged when it has ended here, a moment after its caller has read it.
    private async Task UntilRefusedAsync()
    {
        var deadline = Environment.TickCount64 + 60_000;
        while (await StatusAsync() != HttpStatusCode.TooManyRequests)
        {
            Assert.True(Environment.TickCount64 < deadline, "never refused");
        }
    }

    private string Metrics()
    {
        var text = new System.Buffers.ArrayBufferWriter<byte>();
        _gateway.Engine.WriteMetrics(text);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage answer) =>
        JsonDocument
            .Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))
            .RootElement.Clone();
}
