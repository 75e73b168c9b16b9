using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Deployment.Trust;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway;
using Gatehouse.Tests.Gateway.Throttling;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Cli;

/// <summary>The whole way: a grant of a real manager, a request through a real gateway that checks it, and what is printed.</summary>
public sealed class WhyCommandTests
{
    [Fact]
    public async Task Why_sends_the_request_and_tells_what_became_of_it()
    {
        await using var manager = await LiveManager.StartAsync();
        await using var backend = new Backend();
        await using var gateway = await StartAsync(manager, backend);
        var key = manager.Write("key.txt", $"apikey: {Entities.Secret}\n");

        var ran = await manager.RunAsync(
            "why",
            "post",
            $"http://127.0.0.1:{gateway.Port}/petstore/1.0.0/pets",
            "-H",
            $"@{key}",
            "-d",
            "{\"name\":\"Rex\"}"
        );

        Assert.Equal(ExitCode.Done, ran.Code);
        Assert.Equal("{\"name\":\"Rex\"}"u8, backend.Only.Body);
        Assert.Equal("application/json", backend.Only.Header("Content-Type"));
        foreach (
            var expected in (string[])
                [
                    "200 from endpoint",
                    "petstore:1.0.0 revision 1, POST /*",
                    "application app_1, apikey",
                    "plan Gold",
                    "authentication",
                    "divided evenly among the 2 registered workers",
                    backend.Url,
                ]
        )
        {
            Assert.Contains(expected, ran.Out, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(Entities.Secret, ran.Out + ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("ghx1_", ran.Out + ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Why_says_as_JSON_which_policy_refused()
    {
        await using var manager = await LiveManager.StartAsync();
        await using var backend = new Backend();
        await using var gateway = await StartAsync(manager, backend);

        var ran = await manager.RunAsync(
            "why",
            "GET",
            $"http://127.0.0.1:{gateway.Port}/petstore/1.0.0/pets",
            "-o",
            "json"
        );

        using var trace = JsonDocument.Parse(ran.Out);
        Assert.Equal(ExitCode.Done, ran.Code);
        Assert.Equal("Trace", trace.RootElement.GetProperty("kind").GetString());
        Assert.Equal(401, trace.RootElement.GetProperty("answer").GetProperty("status").GetInt32());
        Assert.Equal("900902", trace.RootElement.GetProperty("answer").GetProperty("code").GetString());
        Assert.Empty(backend.Requests);
    }

    [Fact]
    public async Task Why_says_what_to_do_when_the_address_is_no_gateway_of_the_cluster()
    {
        await using var manager = await LiveManager.StartAsync();
        await using var backend = new Backend();

        var other = await manager.RunAsync("why", "GET", $"{backend.Url}/x");
        var nobody = await manager.RunAsync("why", "GET", "http://127.0.0.1:1/x");
        var nothing = await manager.RunAsync("why", "GET", "petstore");
        var header = await manager.RunAsync("why", "GET", backend.Url, "-H", "gk_secret");

        Assert.Equal(ExitCode.Failed, other.Code);
        Assert.Contains("has no trace", other.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Unreachable, nobody.Code);
        Assert.Equal(ExitCode.Usage, nothing.Code);
        Assert.Equal(ExitCode.Usage, header.Code);
        Assert.DoesNotContain("gk_secret", header.Error, StringComparison.Ordinal);
    }

    private static async Task<TestGateway> StartAsync(LiveManager manager, Backend backend)
    {
        var verifier = new CatalogueVerifier(manager.CatalogueKey.PublicHalf.Span);
        var gateway = await TestGateway.StartAsync(
            new()
            {
                Node = "w1",
                VerifyTraceGrant = grant => TraceGrant.EndOf(grant, verifier),
                AppliedEpoch = () => 7,
            }
        );
        gateway.Run([
            LimitEntities.Worker("w1"),
            LimitEntities.Worker("w2"),
            Entities.Petstore(backend.Url).Keyed().Put(),
            .. Entities.Consumer(),
            new Plan { Name = "Gold", Quota = LimitEntities.Rate("100/min") }.Put(),
            LimitEntities.Subscription("Gold"),
        ]);
        return gateway;
    }
}
