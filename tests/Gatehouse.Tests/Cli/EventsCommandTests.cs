using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Cli;

/// <summary><c>gatehouse events</c> at a real manager.</summary>
public sealed class EventsCommandTests
{
    [Fact]
    public async Task It_prints_what_changed_behind_an_epoch()
    {
        await using var manager = await LiveManager.StartAsync();
        var made = await manager.RunAsync("app", "create", "shop");
        Assert.True(made.Code == ExitCode.Done, made.Error);

        var run = await manager.RunAsync("events", "--after", "0", "--count", "1", "-o", "json");

        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Equal("application", JsonNode.Parse(run.Out)!["kind"]!.GetValue<string>());
    }
}
