using System.Net;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management.Approvals;

public sealed class ApprovalTests
{
    private const string Pets = "/petstore/1.0.0/pets";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_subscriber_waits_for_application_subscription_and_key_and_then_calls()
    {
        await using var node = await ManagedGateway.StartAsync();
        var manager = node.Manager;
        await node.ImportAsync();
        await manager.RunAsync("api", "lifecycle", "petstore", "publish");
        await manager.RunAsync("task", "settings", "applications", "subscriptions", "keys");
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);

        var app = await SendAsync<Application>(manager, "applications", """{"name":"Hers"}""", sue);
        Assert.True(app.Suspended);
        var subscription = await SendAsync<SubscriptionView>(
            manager,
            "subscriptions",
            """{"application":"Hers","api":"petstore"}""",
            sue
        );
        Assert.Equal(SubscriptionState.OnHold, subscription.State);
        for (var i = 0; i < 2; i++)
        {
            var asked = await manager.RefusedAsync(
                HttpStatusCode.Conflict,
                HttpMethod.Post,
                "applications/Hers/keys",
                "{}",
                token: sue
            );
            Assert.Contains("has to be approved", asked.Title, StringComparison.Ordinal);
        }

        var tasks = await PendingAsync(manager);
        Assert.Equal(
            [ApprovalKind.Application, ApprovalKind.Subscription, ApprovalKind.Key],
            tasks.Select(t => t.Kind)
        );
        await manager.RefusedAsync(
            HttpStatusCode.Forbidden,
            HttpMethod.Post,
            $"tasks/{tasks[0].Id}",
            """{"approve":true}""",
            token: sue
        );

        await DecideAsync(manager, tasks[2], approve: true);
        var key = (await SendAsync<CreatedKey>(manager, "applications/Hers/keys", "{}", sue)).Secret!;
        Assert.Equal(401, (await node.CallAsync(Pets, key)).Status);
        await DecideAsync(manager, tasks[0], approve: true);
        var held = await node.CallAsync(Pets, key);
        Assert.Contains("900909", held.Body, StringComparison.Ordinal);
        await DecideAsync(manager, tasks[1], approve: true);
        Assert.Equal(200, (await node.CallAsync(Pets, key)).Status);

        // One approval is good for one key.
        await manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Post,
            "applications/Hers/keys",
            "{}",
            token: sue
        );
        await manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Post,
            $"tasks/{tasks[0].Id}",
            """{"approve":false}"""
        );
    }

    [Fact]
    public async Task What_is_rejected_is_gone_and_who_asked_sees_why()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.RunAsync("api", "lifecycle", "petstore", "publish");
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        await SendAsync<Application>(manager, "applications", """{"name":"Hers"}""", sue);
        await manager.RunAsync("task", "settings", "subscriptions");
        await SendAsync<SubscriptionView>(manager, "subscriptions", """{"application":"Hers","api":"petstore"}""", sue);
        var task = Assert.Single(await PendingAsync(manager));

        var rejected = await manager.RunAsync("task", "reject", task.Id, "-m", "not yet");

        Assert.Equal(ExitCode.Done, rejected.Code);
        Assert.Equal(0, (await manager.AskAsync<Page<SubscriptionView>>(HttpMethod.Get, "subscriptions")).Total);
        using var own = await manager.SendAsync(HttpMethod.Get, "tasks", token: sue);
        var seen = JsonSerializer.Deserialize<Page<ApprovalTask>>(
            await own.Content.ReadAsStringAsync(Stop),
            ManagerClient.Json
        )!;
        Assert.Equal((ApprovalState.Rejected, "not yet"), (seen.Items[0].State, seen.Items[0].Comment));
        // Publishers do not wait for themselves.
        await manager.RunAsync("app", "create", "Mine");
        await manager.RunAsync("sub", "create", "Mine", "petstore");
        Assert.Empty(await PendingAsync(manager));
    }

    [Fact]
    public async Task A_step_waits_for_an_administrator_and_a_deployment_is_no_way_around()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.RunAsync("task", "settings", "lifecycle");
        var pat = await manager.TokenAsync("pat", Roles.Publisher);

        using var deployed = await manager.SendAsync(HttpMethod.Post, "apis/petstore/deployments", "{}", token: pat);
        Assert.Equal(HttpStatusCode.OK, deployed.StatusCode);
        Assert.Equal(ApiState.Created, await StateAsync(manager));
        using var asked = await manager.SendAsync(
            HttpMethod.Post,
            "apis/petstore/lifecycle",
            """{"action":"publish"}""",
            token: pat
        );
        Assert.Equal(HttpStatusCode.Accepted, asked.StatusCode);
        Assert.Equal(ApiState.Created, await StateAsync(manager));
        await manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Post,
            "apis/petstore/lifecycle",
            """{"action":"retire"}""",
            token: pat
        );
        var task = Assert.Single(await PendingAsync(manager));
        await manager.RefusedAsync(
            HttpStatusCode.NotFound,
            HttpMethod.Post,
            $"tasks/{task.Id}",
            """{"approve":true}""",
            token: pat
        );

        Assert.Equal(ExitCode.Done, (await manager.RunAsync("task", "approve", task.Id)).Code);

        Assert.Equal(ApiState.Published, await StateAsync(manager));
        var list = await manager.RunAsync("task", "list", "--all");
        Assert.Contains("approved by ann", list.Out, StringComparison.Ordinal);
    }

    private static async Task<ApiState> StateAsync(LiveManager manager) =>
        (await manager.AskAsync<LifecycleView>(HttpMethod.Get, "apis/petstore/lifecycle")).State;

    private static async Task<List<ApprovalTask>> PendingAsync(LiveManager manager) =>
        [
            .. (await manager.AskAsync<Page<ApprovalTask>>(HttpMethod.Get, "tasks?state=pending")).Items.OrderBy(t =>
                t.RequestedAt
            ),
        ];

    private static Task<ApprovalTask> DecideAsync(LiveManager manager, ApprovalTask task, bool approve) =>
        manager.AskAsync<ApprovalTask>(
            HttpMethod.Post,
            $"tasks/{task.Id}",
            $$"""{"approve":{{(approve ? "true" : "false")}}}"""
        );

    private static async Task<T> SendAsync<T>(LiveManager manager, string path, string body, string token)
    {
        using var response = await manager.SendAsync(HttpMethod.Post, path, body, token: token);
        var text = await response.Content.ReadAsStringAsync(Stop);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonSerializer.Deserialize<T>(text, ManagerClient.Json)!;
    }
}
