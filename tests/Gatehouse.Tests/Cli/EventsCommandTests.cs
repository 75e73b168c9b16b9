using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Cli;

/// <summary>The command line and the routes it knows.</summary>
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

    [Theory]
    [InlineData("GET", "apis/pets:1.0.0/documents/guide/content")]
    [InlineData("GET", "apis?query=a&limit=1")]
    [InlineData("POST", "apis/create")]
    [InlineData("DELETE", "blocks/user/mallory")]
    public void What_the_document_has_may_be_sent(string method, string path) =>
        ManagerRoutes.Demand(new(method), path);

    [Theory]
    [InlineData("GET", "apis/pets:1.0.0/nothing")]
    [InlineData("PUT", "apis")]
    [InlineData("GET", "apis?nobody=1")]
    public void What_it_has_not_may_not(string method, string path) =>
        Assert.Throws<InvalidOperationException>(() => ManagerRoutes.Demand(new(method), path));
}
