using System.Collections.Concurrent;
using Gatehouse.Cli;
using Gatehouse.Tests.Management.Apis;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Tests.Cli;

/// <summary>What the command line makes is made once, and what it changes is changed as it was read.</summary>
public sealed class OnceAndUnchangedTests
{
    private readonly ConcurrentQueue<string> _keys = [];
    private Func<HttpContext, RequestDelegate, Task>? _around;

    [Fact]
    public async Task A_create_whose_answer_is_lost_is_sent_again_and_done_once()
    {
        await using var manager = await LiveManager.StartAsync(around: AroundAsync);
        _around = LoseFirstAnswerAsync;

        var ran = await manager.RunAsync("app", "create", "shop");
        var all = await manager.RunAsync("app", "list", "-q");

        Assert.Equal((ExitCode.Done, ""), (ran.Code, ran.Code == ExitCode.Done ? "" : ran.Error));
        Assert.Equal(2, _keys.Count);
        Assert.Single(_keys.Distinct());
        Assert.Equal(1, all.Out.Split('\n').Count(l => l.StartsWith("shop", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_create_whose_answers_are_all_lost_is_sent_twice_and_told()
    {
        await using var manager = await LiveManager.StartAsync(around: AroundAsync);
        _around = LoseAnswerAsync;

        var ran = await manager.RunAsync("app", "create", "shop");

        Assert.Equal(ExitCode.Unreachable, ran.Code);
        Assert.Equal(2, _keys.Count);
    }

    [Fact]
    public async Task Two_creates_have_two_keys()
    {
        await using var manager = await LiveManager.StartAsync(around: AroundAsync);

        await manager.RunAsync("app", "create", "shop");
        await manager.RunAsync("app", "create", "till");

        Assert.Equal(2, _keys.Distinct().Count());
    }

    [Fact]
    public async Task What_somebody_else_changed_in_between_is_not_overwritten_and_running_again_does_it()
    {
        await using var manager = await LiveManager.StartAsync(around: AroundAsync);
        var made = await manager.RunAsync("api", "create", "petstore", "--endpoint", "https://pets.example");
        Assert.True(made.Code == ExitCode.Done, made.Error);
        var changed = false;
        _around = async (http, next) =>
        {
            if (!changed && http.Request.Method == "DELETE")
            {
                changed = true;
                var meanwhile = await manager.RunAsync("api", "set", "petstore", "response-timeout=30s");
                Assert.True(meanwhile.Code == ExitCode.Done, meanwhile.Error);
            }

            await next(http);
        };

        var stale = await manager.RunAsync("api", "delete", "petstore", "--yes");
        var kept = await manager.RunAsync("api", "show", "petstore");
        var again = await manager.RunAsync("api", "delete", "petstore", "--yes");

        Assert.Equal(ExitCode.Conflict, stale.Code);
        Assert.Contains("was changed meanwhile", stale.Error, StringComparison.Ordinal);
        Assert.Contains("fix    run the command again", stale.Error, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Done, ExitCode.Done), (kept.Code, again.Code));
    }

    private async Task AroundAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Request.Headers["Idempotency-Key"] is [{ } key])
        {
            _keys.Enqueue(key);
        }

        await (_around is { } around ? around(http, next) : next(http));
    }

    private Task LoseFirstAnswerAsync(HttpContext http, RequestDelegate next) =>
        _keys.Count == 1 ? LoseAnswerAsync(http, next) : next(http);

    // It is done, and nothing of its answer leaves the manager.
    private static async Task LoseAnswerAsync(HttpContext http, RequestDelegate next)
    {
        http.Response.Body = new MemoryStream();
        await next(http);
        http.Abort();
    }
}
