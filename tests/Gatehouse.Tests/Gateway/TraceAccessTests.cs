using System.Net;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Tracing;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway;

/// <summary>The headers that Gatehouse's own callers and nodes say to each other, and who may.</summary>
public sealed class TraceAccessTests
{
    private const string Good = "ghx1_good";

    private static readonly GatewayOptions s_options = new()
    {
        Node = "w1",
        VerifyTraceGrant = grant => grant == Good ? DateTimeOffset.MaxValue : null,
        AppliedEpoch = () => 41,
    };

    [Theory]
    [InlineData(null)]
    [InlineData("ghx1_made_up")]
    [InlineData("")]
    public async Task Without_a_grant_the_headers_do_nothing_and_go_nowhere(string? grant)
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(s_options);
        gateway.Run(Entities.Petstore(backend.Url).Put());
        var headers = new List<(string, string)> { ("X-Gatehouse-Min-Epoch", "42"), ("x-gatehouse-anything", "1") };
        if (grant is not null)
        {
            headers.Add(("X-Gatehouse-Grant", grant));
        }

        using var answer = await gateway.SendAsync(HttpMethod.Get, "/petstore/1.0.0/pets", headers: [.. headers]);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(answer.Headers.Contains("X-Gatehouse-Epoch"));
        Assert.DoesNotContain("gatehouse-", backend.Only.Head, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task With_a_grant_the_answer_tells_the_epoch_and_the_backend_still_learns_nothing()
    {
        await using var backend = new Backend(
            (_, stream) =>
                Backend.ReplyAsync(stream, "hello", headers: "X-Gatehouse-Epoch: 99\r\nX-Gatehouse-Me: 1\r\n")
        );
        await using var gateway = await TestGateway.StartAsync(s_options);
        gateway.Run(Entities.Petstore(backend.Url).Put());

        using var answer = await TracedAsync(gateway, "/petstore/1.0.0/pets", "41");
        using var nowhere = await TracedAsync(gateway, "/nothing", null);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("41", Assert.Single(answer.Headers.GetValues("X-Gatehouse-Epoch")));
        Assert.False(answer.Headers.Contains("X-Gatehouse-Me"));
        Assert.DoesNotContain("gatehouse-", backend.Only.Head, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.NotFound, nowhere.StatusCode);
        Assert.Equal("41", Assert.Single(nowhere.Headers.GetValues("X-Gatehouse-Epoch")));
    }

    [Fact]
    public async Task A_node_below_the_asked_epoch_says_so_at_once_and_asks_no_backend()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(s_options);
        gateway.Run(Entities.Petstore(backend.Url).Put());

        using var behind = await TracedAsync(gateway, "/petstore/1.0.0/pets", "42");
        using var unclear = await TracedAsync(gateway, "/petstore/1.0.0/pets", "new");

        Assert.Equal(HttpStatusCode.PreconditionFailed, behind.StatusCode);
        Assert.Equal("41", Assert.Single(behind.Headers.GetValues("X-Gatehouse-Epoch")));
        Assert.Equal(HttpStatusCode.BadRequest, unclear.StatusCode);
        Assert.Empty(backend.Requests);
    }

    [Fact]
    public void A_grant_is_checked_once_and_made_up_ones_only_so_often()
    {
        var time = new FakeTimeProvider();
        var checks = 0;
        var access = new TraceAccess(
            grant =>
            {
                checks++;
                return grant == Good ? time.GetUtcNow().AddMinutes(1) : null;
            },
            time
        );

        Assert.True(access.Allows(Good, time.GetUtcNow()));
        Assert.True(access.Allows(Good, time.GetUtcNow()));
        Assert.Equal(1, checks);
        for (var i = 0; i < 1000; i++)
        {
            Assert.False(access.Allows($"ghx1_{i}", time.GetUtcNow()));
        }

        Assert.Equal(50, checks);
        Assert.True(access.Allows(Good, time.GetUtcNow()));
        Assert.False(access.Allows(new[] { Good, Good }, time.GetUtcNow()));

        time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(access.Allows(Good, time.GetUtcNow()));
        Assert.False(access.Allows("ghx1_other", time.GetUtcNow()));
        Assert.Equal(51, checks);
    }

    private static Task<HttpResponseMessage> TracedAsync(TestGateway gateway, string path, string? least) =>
        gateway.SendAsync(
            HttpMethod.Get,
            path,
            headers: least is null
                ? [("X-Gatehouse-Grant", Good)]
                : [("X-Gatehouse-Grant", Good), ("X-Gatehouse-Min-Epoch", least)]
        );
}
