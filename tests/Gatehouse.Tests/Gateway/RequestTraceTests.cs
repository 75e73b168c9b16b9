using System.Net;
using System.Text.Json;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Throttling;

namespace Gatehouse.Tests.Gateway;

/// <summary>What a caller with a trace grant learns of its request.</summary>
public sealed class RequestTraceTests
{
    private const string Good = "ghx1_good";
    private const string Path = "/petstore/1.0.0/pets";

    private static readonly GatewayOptions s_options = new()
    {
        Node = "w1",
        VerifyTraceGrant = grant => grant == Good ? DateTimeOffset.MaxValue : null,
        AppliedEpoch = () => 41,
    };

    [Fact]
    public async Task A_trace_tells_match_steps_caller_limits_and_endpoint()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(s_options);
        gateway.Run([
            Entities.Petstore(backend.Url).Keyed().Put(),
            .. Entities.Consumer(),
            new Plan { Name = "Gold", Quota = LimitEntities.Rate("100/min") }.Put(),
            LimitEntities.Subscription("Gold"),
        ]);

        using var answer = await TracedAsync(gateway, Entities.Secret);
        var trace = TraceOf(answer);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("hello", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("w1", trace.GetProperty("node").GetString());
        Assert.Equal(41, trace.GetProperty("epoch").GetInt64());
        Assert.Equal("petstore:1.0.0", trace.GetProperty("match").GetProperty("api").GetString());
        Assert.Equal("GET /*", trace.GetProperty("match").GetProperty("operation").GetString());
        Assert.Equal("app_1", trace.GetProperty("caller").GetProperty("application").GetString());
        Assert.Equal("apikey", trace.GetProperty("caller").GetProperty("way").GetString());
        Assert.Equal("Gold", trace.GetProperty("caller").GetProperty("plan").GetString());
        Assert.Equal(
            ["match", "authentication", "subscription", "sandbox", "block", "throttle"],
            StepsOf(trace, "passed")
        );
        var limit = Assert.Single(trace.GetProperty("limits").EnumerateArray());
        Assert.Equal("subscription", limit.GetProperty("level").GetString());
        Assert.Equal(100, limit.GetProperty("amount").GetInt64());
        Assert.Equal(99, limit.GetProperty("leftHere").GetInt64());
        Assert.Equal(1, trace.GetProperty("limitsDividedAmong").GetInt32());
        var attempt = Assert.Single(trace.GetProperty("attempts").EnumerateArray());
        Assert.Equal(backend.Url, attempt.GetProperty("url").GetString());
        Assert.True(attempt.GetProperty("microseconds").GetDouble() > 0);
        Assert.Equal("endpoint", trace.GetProperty("answer").GetProperty("from").GetString());
        Assert.DoesNotContain("gatehouse-", backend.Only.Head, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_refusal_is_told_with_the_step_that_said_no_and_what_the_others_said()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(s_options);
        gateway.Run([Entities.Petstore(backend.Url).Keyed().Put(), .. Entities.Consumer()]);

        using var wrong = await TracedAsync(gateway, "gk_wrong");
        using var nowhere = await TracedAsync(gateway, null, "/nothing");

        var trace = TraceOf(wrong);
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Equal(["match"], StepsOf(trace, "passed"));
        Assert.Equal(["authentication"], StepsOf(trace, "refused"));
        Assert.Equal("gateway", trace.GetProperty("answer").GetProperty("from").GetString());
        Assert.Equal("900901", trace.GetProperty("answer").GetProperty("code").GetString());
        Assert.Empty(trace.GetProperty("attempts").EnumerateArray());
        Assert.Equal(["match"], StepsOf(TraceOf(nowhere), "refused"));
        Assert.False(TraceOf(nowhere).TryGetProperty("match", out _));
    }

    [Fact]
    public async Task A_limit_is_told_with_this_nodes_part_and_the_workers_that_share_it()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(s_options);
        gateway.Run([
            LimitEntities.Worker("w1"),
            LimitEntities.Worker("w2"),
            Entities.Petstore(backend.Url).Keyed().Put(),
            .. Entities.Consumer(),
            new Plan { Name = "Tiny", Quota = LimitEntities.Rate("2/min") }.Put(),
            LimitEntities.Subscription("Tiny"),
        ]);

        JsonElement trace;
        var calls = 0;
        do
        {
            Assert.True(++calls <= 100, "nothing was refused");
            using var answer = await TracedAsync(gateway, Entities.Secret);
            trace = TraceOf(answer);
        } while (StepsOf(trace, "refused") is []);

        Assert.Equal(["throttle"], StepsOf(trace, "refused"));
        Assert.Equal(2, trace.GetProperty("limitsDividedAmong").GetInt32());
        var limit = Assert.Single(trace.GetProperty("limits").EnumerateArray());
        Assert.Equal(2, limit.GetProperty("amount").GetInt64());
        Assert.True(limit.GetProperty("allowedHere").GetInt64() <= 1);
        Assert.Equal("refused", limit.GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task An_attempt_that_failed_is_told_beside_the_one_that_did_not()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(s_options);
        const string nobody = "http://127.0.0.1:1";
        gateway.Run(
            (
                Entities.Petstore(backend.Url) with
                {
                    Production = new() { Endpoints = [new() { Url = nobody }, new() { Url = backend.Url, Group = 1 }] },
                }
            ).Put()
        );

        using var answer = await TracedAsync(gateway, null);

        var attempts = TraceOf(answer).GetProperty("attempts").EnumerateArray().ToList();
        Assert.Equal([nobody, backend.Url], attempts.Select(a => a.GetProperty("url").GetString()));
        Assert.Equal(["connect-failed", "answered"], attempts.Select(a => a.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task Nothing_that_the_caller_sent_to_prove_itself_is_in_a_trace()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(s_options);
        gateway.Run([Entities.Petstore(backend.Url).Keyed().Put(), .. Entities.Consumer()]);

        using var answer = await gateway.SendAsync(
            HttpMethod.Get,
            $"{Path}?access_token=hidden_in_query",
            key: Entities.Secret,
            headers:
            [
                ("X-Gatehouse-Grant", Good),
                ("X-Gatehouse-Trace", "hidden_in_trace"),
                ("Authorization", "Bearer hidden_in_header"),
                ("Cookie", "s=hidden_in_cookie"),
            ]
        );

        var text = Assert.Single(answer.Headers.GetValues("X-Gatehouse-Trace"));
        Assert.DoesNotContain("hidden", text, StringComparison.Ordinal);
        Assert.DoesNotContain(Entities.Secret, text, StringComparison.Ordinal);
        Assert.DoesNotContain(Good, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("ghx1_made_up")]
    public async Task Without_a_good_grant_nobody_learns_anything(string? grant)
    {
        await using var backend = new Backend(
            (_, stream) => Backend.ReplyAsync(stream, "hello", headers: "X-Gatehouse-Trace: {}\r\n")
        );
        await using var gateway = await TestGateway.StartAsync(s_options);
        gateway.Run(Entities.Petstore(backend.Url).Put());
        List<(string, string)> headers = [("X-Gatehouse-Trace", "1")];
        if (grant is not null)
        {
            headers.Add(("X-Gatehouse-Grant", grant));
        }

        using var answer = await gateway.SendAsync(HttpMethod.Get, Path, headers: [.. headers]);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(answer.Headers.Contains("X-Gatehouse-Trace"));
    }

    private static Task<HttpResponseMessage> TracedAsync(TestGateway gateway, string? key, string path = Path) =>
        gateway.SendAsync(
            HttpMethod.Get,
            path,
            key: key,
            headers: [("X-Gatehouse-Grant", Good), ("X-Gatehouse-Trace", "1")]
        );

    private static JsonElement TraceOf(HttpResponseMessage answer) =>
        JsonElement.Parse(Assert.Single(answer.Headers.GetValues("X-Gatehouse-Trace")));

    private static string[] StepsOf(JsonElement trace, string verdict) =>
        [
            .. trace
                .GetProperty("steps")
                .EnumerateArray()
                .Where(s => s.GetProperty("verdict").GetString() == verdict)
                .Select(s => s.GetProperty("name").GetString()!),
        ];
}
