using System.Collections.Immutable;
using Gatehouse.Model;
using static Gatehouse.Tests.Gateway.Throttling.LimitEntities;

namespace Gatehouse.Tests.Gateway.Throttling;

public sealed class ConditionTests : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync() => _gateway = await TestGateway.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
    }

    public static TheoryData<string, string, bool> Cases =>
        new()
        {
            { "ip=127.0.0.1", "", true },
            { "ip=127.0.0.0/8", "", true },
            { "ip=127.0.0.2-127.0.0.9", "", false },
            { "!ip=10.0.0.0/8", "", true },
            { "header:X-Tier=gold", "X-Tier: gold", true },
            { "header:X-Tier=gold", "x-tier: gold", true },
            { "header:X-Tier=gold", "X-Tier: GOLD", false },
            { "header:X-Tier=gold", "", false },
            { "!header:X-Tier=gold", "", true },
            { "header:X-Tier", "X-Tier: any", true },
            { "!header:X-Tier", "X-Tier: any", false },
            { "query:tier=gold", "?tier=gold", true },
            { "query:tier=gold", "?a=1&tier=gold&b", true },
            { "query:tier=gold", "?tier=golden", false },
            { "query:tier=gold", "?xtier=gold", false },
            { "query:tier=gold", "?ti%65r=g%6Fld", true },
            { "query:tier=a b", "?tier=a+b", true },
            { "query:tier", "?tier", true },
            { "query:tier", "", false },
            { "!query:tier", "", true },
            { "claim:tier=gold", "", false },
            { "!claim:tier=gold", "", true },
            { "ip=127.0.0.1,header:X-Tier=gold", "X-Tier: gold", true },
            { "ip=127.0.0.1,header:X-Tier=gold", "", false },
        };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_group_counts_the_requests_that_meet_all_of_its_conditions(
        string conditions,
        string request,
        bool meets
    )
    {
        Run("1/min", conditions);

        Assert.True(await PassesAsync(request));
        Assert.Equal(!meets, await PassesAsync(request));
    }

    [Fact]
    public async Task The_first_group_that_fits_counts_and_the_default_takes_the_rest()
    {
        Run("2/min", "header:X-Tier=gold", "header:X-Tier");

        // Two for gold, two for other tiers, and the default has no bound.
        foreach (var tier in (string[])["X-Tier: gold", "X-Tier: tin"])
        {
            Assert.True(await PassesAsync(tier));
            Assert.True(await PassesAsync(tier));
            Assert.False(await PassesAsync(tier));
        }

        for (var i = 0; i < 5; i++)
        {
            Assert.True(await PassesAsync(""));
        }
    }

    [Theory]
    [InlineData("5000/min", "5000/min")]
    [InlineData("5000/minute", "5000/min")]
    [InlineData("10 / 5s", "10/5s")]
    [InlineData("60/60s", "60/min")]
    [InlineData("2GB/day", "2GB/day")]
    [InlineData("1536KB/h", "1536KB/h")]
    [InlineData("1024KB/2day", "1MB/2day")]
    [InlineData("7B/month", "7B/month")]
    [InlineData("1/year", "1/year")]
    public void A_rate_reads_back_as_it_is_written(string text, string written)
    {
        Assert.Equal(written, Rate(text).ToString());
        Assert.Equal(Rate(text), Rate(written));
    }

    [Theory]
    [InlineData("")]
    [InlineData("5000")]
    [InlineData("/min")]
    [InlineData("0/min")]
    [InlineData("-1/min")]
    [InlineData("1.5/min")]
    [InlineData("5/fortnight")]
    [InlineData("5/0min")]
    [InlineData("5/")]
    [InlineData("5/5")]
    [InlineData("9999999999999999/min")]
    [InlineData("9999999999TB/min")]
    [InlineData("5/99999999999day")]
    [InlineData("5/999999day")]
    public void What_is_no_rate_is_told_so(string text)
    {
        Assert.False(Quota.TryParse(text, out _, out var problem));
        Assert.NotEmpty(problem);
    }

    private void Run(string rate, params string[] groups) =>
        _gateway.Run(
            new ApiPolicy
            {
                Name = "test",
                Groups = [.. groups.Select(g => Commands.LimitCommands.Group($"{g} => {rate}"))],
            }.Put(),
            (Entities.Petstore(_backend.Url) with { Policy = "test" }).Put()
        );

    private async Task<bool> PassesAsync(string request)
    {
        var (query, headers) = request.StartsWith('?')
            ? (request, [])
            : ("", request.Length == 0 ? ImmutableArray<(string, string)>.Empty : [Header(request)]);
        using var answer = await _gateway.SendAsync(
            HttpMethod.Get,
            $"/petstore/1.0.0/pets{query}",
            headers: [.. headers]
        );
        return answer.IsSuccessStatusCode;
    }

    private static (string, string) Header(string line) => (line.Split(": ")[0], line.Split(": ")[1]);
}
