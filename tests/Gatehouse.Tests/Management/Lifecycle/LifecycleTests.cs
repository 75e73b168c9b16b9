using System.Net;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management.Lifecycle;

public sealed class LifecycleTests
{
    private const string Pets = "/petstore/1.0.0/pets";

    [Fact]
    public async Task Each_state_does_to_callers_what_it_says()
    {
        await using var node = await ManagedGateway.StartAsync();
        await node.ImportAsync();
        Assert.Equal(404, (await node.CallAsync(Pets)).Status);

        await StepAsync(node, "deploy-as-prototype");
        Assert.Equal(200, (await node.CallAsync(Pets)).Status);

        await StepAsync(node, "publish");
        var key = await node.CallerAsync("Mine");
        Assert.Equal(401, (await node.CallAsync(Pets)).Status);
        Assert.Equal(200, (await node.CallAsync(Pets, key)).Status);

        // What an empty body lacks is said by name.
        foreach (
            var (method, path, member) in new[]
            {
                (HttpMethod.Post, "apis/petstore/lifecycle", "action"),
                (HttpMethod.Put, "apis/petstore/credentials/production", "type"),
            }
        )
        {
            var lacking = await node.Manager.RefusedAsync(HttpStatusCode.BadRequest, method, path, "{}");
            var error = Assert.Single(lacking.Errors!.Value);
            Assert.Contains(member, $"{error.Pointer} {error.Message}", StringComparison.Ordinal);
        }

        await StepAsync(node, "block");
        var blocked = await node.CallAsync(Pets, key);
        Assert.Equal(503, blocked.Status);
        Assert.Contains("700700", blocked.Body, StringComparison.Ordinal);

        await StepAsync(node, "re-publish");
        Assert.Equal(200, (await node.CallAsync(Pets, key)).Status);

        await StepAsync(node, "deprecate");
        var late = await node.CallerAsync("Late", api: null);
        var refused = await node.Manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Post,
            "subscriptions",
            """{"application":"Late","api":"petstore"}"""
        );
        Assert.Contains("deprecated", refused.Title, StringComparison.Ordinal);
        Assert.Equal(200, (await node.CallAsync(Pets, key)).Status);
        Assert.Equal(403, (await node.CallAsync(Pets, late)).Status);

        var retired = await StepAsync(node, "retire");
        Assert.Empty(retired.Actions);
        Assert.Equal(404, (await node.CallAsync(Pets, key)).Status);
        var left = await node.Manager.AskAsync<Page<SubscriptionView>>(HttpMethod.Get, "subscriptions");
        Assert.Empty(left.Items);
        await node.Manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Post, "apis/petstore/deployments", "{}");
        Assert.Equal(
            [
                ApiState.Retired,
                ApiState.Deprecated,
                ApiState.Published,
                ApiState.Blocked,
                ApiState.Published,
                ApiState.Prototyped,
            ],
            retired.History.Select(h => h.To)
        );
    }

    [Theory]
    [InlineData("", "publish deploy-as-prototype")]
    [InlineData("deploy-as-prototype", "publish demote-to-created deploy-as-prototype")]
    [InlineData("publish", "block deploy-as-prototype demote-to-created deprecate publish")]
    [InlineData("publish block", "deprecate re-publish")]
    [InlineData("publish deprecate", "retire")]
    [InlineData("publish demote-to-created", "publish deploy-as-prototype")]
    [InlineData("publish block deprecate retire", "")]
    public async Task What_may_follow_is_WSO2s_and_nothing_else_is_taken(string steps, string allowed)
    {
        await using var node = await ManagedGateway.StartAsync();
        await node.ImportAsync();
        foreach (var step in steps.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            await StepAsync(node, step);
        }

        var life = await node.Manager.AskAsync<LifecycleView>(HttpMethod.Get, "apis/petstore/lifecycle");

        Assert.Equal(
            allowed.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            life.Actions.Select(a => LifecycleWords.Of(a.Action))
        );
        foreach (var other in Enum.GetValues<LifecycleAction>().Except(life.Actions.Select(a => a.Action)))
        {
            await node.Manager.RefusedAsync(
                HttpStatusCode.Conflict,
                HttpMethod.Post,
                "apis/petstore/lifecycle",
                $$"""{"action":"{{LifecycleWords.Of(other)}}"}"""
            );
        }
    }

    [Fact]
    public async Task A_deployment_publishes_only_an_API_that_took_no_step_yet_and_keeps_the_state_of_others()
    {
        await using var node = await ManagedGateway.StartAsync();
        await node.ImportAsync();
        await DeployAsync(node);
        Assert.Equal(ApiState.Published, await StateAsync(node));

        await StepAsync(node, "block");
        await node.Manager.AskAsync<ApiView>(HttpMethod.Patch, "apis/petstore", """{"description":"new"}""");
        Assert.Equal(2, (await DeployAsync(node)).Revision);
        Assert.Equal(503, (await node.CallAsync(Pets)).Status);

        await StepAsync(node, "re-publish");
        await StepAsync(node, "demote-to-created");
        await DeployAsync(node);
        Assert.Equal(ApiState.Created, await StateAsync(node));
    }

    [Fact]
    public async Task Publishing_a_version_may_deprecate_the_older_ones_and_brings_their_subscribers_along()
    {
        await using var node = await ManagedGateway.StartAsync();
        foreach (var version in (string[])["1.9.0", "1.10.0"])
        {
            await node.ImportAsync(version);
            await StepAsync(node, "publish", $"petstore:{version}", """ "requireResubscription":true """);
        }

        var key = await node.CallerAsync("Mine", "petstore:1.9.0");
        await node.Manager.AskAsync<SubscriptionView>(
            HttpMethod.Patch,
            "subscriptions/Mine/petstore:1.9.0",
            """{"state":"ProductionBlocked"}"""
        );
        var other = await node.CallerAsync("Other", "petstore:1.10.0");
        await node.ImportAsync("2.0.0");
        await StepAsync(node, "publish", "petstore:2.0.0", """ "deprecateOlderVersions":true """);

        Assert.Equal(ApiState.Deprecated, await StateAsync(node, "petstore:1.9.0"));
        Assert.Equal(ApiState.Deprecated, await StateAsync(node, "petstore:1.10.0"));
        Assert.Equal(200, (await node.CallAsync("/petstore/2.0.0/pets", other)).Status);
        // A block comes along too.
        Assert.Equal(401, (await node.CallAsync("/petstore/2.0.0/pets", key)).Status);

        await node.ImportAsync("3.0.0");
        await StepAsync(node, "publish", "petstore:3.0.0", """ "requireResubscription":true """);
        Assert.Equal(403, (await node.CallAsync("/petstore/3.0.0/pets", other)).Status);
        Assert.Equal(ApiState.Published, await StateAsync(node, "petstore:2.0.0"));
    }

    [Fact]
    public async Task Only_a_publisher_subscribes_before_an_API_is_published()
    {
        await using var node = await ManagedGateway.StartAsync();
        await node.ImportAsync();
        var subscriber = await node.Manager.TokenAsync("sue", Roles.Subscriber);
        using var app = await node.Manager.SendAsync(
            HttpMethod.Post,
            "applications",
            """{"name":"Hers"}""",
            token: subscriber
        );
        Assert.Equal(HttpStatusCode.Created, app.StatusCode);

        await node.Manager.RefusedAsync(
            HttpStatusCode.NotFound,
            HttpMethod.Post,
            "subscriptions",
            """{"application":"Hers","api":"petstore"}""",
            token: subscriber
        );
        await node.CallerAsync("Mine");
    }

    [Fact]
    public async Task Two_who_step_at_once_take_one_step()
    {
        await using var node = await ManagedGateway.StartAsync();
        await node.ImportAsync();
        using var shown = await node.Manager.SendAsync(HttpMethod.Get, "apis/petstore/lifecycle");
        var tag = shown.Headers.ETag!.ToString();
        await StepAsync(node, "publish");

        await node.Manager.RefusedAsync(
            HttpStatusCode.PreconditionFailed,
            HttpMethod.Post,
            "apis/petstore/lifecycle",
            """{"action":"block"}""",
            ifMatch: tag
        );
        Assert.Equal(ApiState.Published, await StateAsync(node));
    }

    [Fact]
    public async Task The_command_shows_the_state_and_takes_steps()
    {
        await using var node = await ManagedGateway.StartAsync();
        await node.ImportAsync();

        var before = await node.Manager.RunAsync("api", "lifecycle", "petstore");
        Assert.Equal(
            """
            api    petstore:1.0.0
            state  created
            next   publish, deploy-as-prototype

            """,
            before.Out
        );
        var published = await node.Manager.RunAsync("api", "lifecycle", "petstore", "publish", "-m", "first release");
        Assert.Equal("petstore:1.0.0 is published\n", published.Error);
        Assert.Matches(@"created +published +ann +first release", published.Out);
        var wrong = await node.Manager.RunAsync("api", "lifecycle", "petstore", "retire", "--yes");
        Assert.Equal(ExitCode.Conflict, wrong.Code);
        Assert.Contains("what may follow: block, deploy-as-prototype", wrong.Error, StringComparison.Ordinal);
        await node.Manager.RunAsync("api", "lifecycle", "petstore", "deprecate");
        Assert.Equal(ExitCode.Usage, (await node.Manager.RunAsync("api", "lifecycle", "petstore", "retire")).Code);
        Assert.Equal(
            ExitCode.Done,
            (await node.Manager.RunAsync("api", "lifecycle", "petstore", "retire", "--yes")).Code
        );
        var bad = await node.Manager.RunAsync("api", "lifecycle", "petstore", "bless");
        Assert.Equal(ExitCode.Usage, bad.Code);
    }

    [Theory]
    [InlineData("1.9.0", "1.10.0")]
    [InlineData("v1", "v2")]
    [InlineData("1.0.0-beta", "1.0.0")]
    [InlineData("1.0", "1.0.1")]
    [InlineData("1.0.0-alpha", "1.0.0-beta")]
    [InlineData("2", "10")]
    public void Versions_are_ordered_as_people_count(string older, string newer)
    {
        Assert.True(VersionOrder.Instance.Compare(older, newer) < 0);
        Assert.True(VersionOrder.Instance.Compare(newer, older) > 0);
        Assert.Equal(0, VersionOrder.Instance.Compare(older, older));
    }

    private static Task<LifecycleView> StepAsync(
        ManagedGateway node,
        string action,
        string api = "petstore",
        string more = ""
    ) =>
        node.Manager.AskAsync<LifecycleView>(
            HttpMethod.Post,
            $"apis/{api}/lifecycle",
            $$"""{"action":"{{action}}"{{(more.Length > 0 ? "," + more : "")}}}"""
        );

    private static Task<DeploymentView> DeployAsync(ManagedGateway node) =>
        node.Manager.AskAsync<DeploymentView>(HttpMethod.Post, "apis/petstore/deployments", "{}");

    private static async Task<ApiState> StateAsync(ManagedGateway node, string api = "petstore") =>
        (await node.Manager.AskAsync<LifecycleView>(HttpMethod.Get, $"apis/{api}/lifecycle")).State;
}
