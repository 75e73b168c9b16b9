using System.Net;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management.Community;

public sealed class CommunityTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Comments_are_said_answered_changed_by_their_author_and_deleted_by_a_publisher_too()
    {
        await using var manager = await PublishedAsync();
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        var tom = await manager.TokenAsync("tom", Roles.Subscriber);

        var first = await SendAsync<Comment>(
            manager,
            HttpMethod.Post,
            "comments",
            """{"text":"Nice <b>API</b>"}""",
            sue
        );
        var answer = await SendAsync<Comment>(
            manager,
            HttpMethod.Post,
            "comments",
            $$"""{"text":"Indeed","replyTo":"{{first.Id}}"}""",
            tom
        );
        await SendAsync<Comment>(manager, HttpMethod.Put, $"comments/{first.Id}", """{"text":"Nice"}""", sue);
        await manager.RefusedAsync(
            HttpStatusCode.NotFound,
            HttpMethod.Put,
            $"apis/petstore/comments/{first.Id}",
            """{"text":"Bad"}""",
            token: tom
        );
        await manager.RefusedAsync(
            HttpStatusCode.NotFound,
            HttpMethod.Delete,
            $"apis/petstore/comments/{first.Id}",
            token: tom
        );

        var page = await manager.AskAsync<Page<Comment>>(HttpMethod.Get, "apis/petstore/comments");
        Assert.Equal([("Indeed", first.Id), ("Nice", null)], page.Items.Select(c => (c.Text, c.ReplyTo)));
        Assert.NotNull(page.Items[1].EditedAt);
        using var gone = await manager.SendAsync(HttpMethod.Delete, $"apis/petstore/comments/{answer.Id}");
        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        foreach (
            var bad in (string[])
                ["{}", """{"text":""}""", """{"text":"x","replyTo":"nothing"}""", """{"text":"a\u0000"}"""]
        )
        {
            await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Post, "apis/petstore/comments", bad);
        }
    }

    [Fact]
    public async Task Everybody_rates_once_and_may_take_it_back()
    {
        await using var manager = await PublishedAsync();
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        var tom = await manager.TokenAsync("tom", Roles.Subscriber);

        await SendAsync<RatingView>(manager, HttpMethod.Put, "rating", """{"stars":2}""", sue);
        await SendAsync<RatingView>(manager, HttpMethod.Put, "rating", """{"stars":5}""", sue);
        var both = await SendAsync<RatingView>(manager, HttpMethod.Put, "rating", """{"stars":4}""", tom);

        Assert.Equal((4.5, 2, 4), (both.Average, both.Count, both.Mine));
        Assert.Equal([0, 0, 0, 1, 1], both.Stars);
        var one = await SendAsync<RatingView>(manager, HttpMethod.Delete, "rating", null, tom);
        Assert.Equal((5.0, 1, (int?)null), (one.Average, one.Count, one.Mine));
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "apis/petstore/rating",
            """{"stars":6}"""
        );
    }

    [Fact]
    public async Task An_application_is_shared_with_a_group_and_given_away_by_its_owner_only()
    {
        await using var manager = await PublishedAsync();
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        var tom = await manager.TokenAsync("tom", Roles.Subscriber);
        using var made = await manager.SendAsync(HttpMethod.Post, "applications", """{"name":"Hers"}""", token: sue);
        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, "applications/Hers", token: tom);

        using var shared = await manager.SendAsync(
            HttpMethod.Patch,
            "applications/Hers/about",
            """{"group":["tom"],"description":"for the shop"}""",
            token: sue
        );
        Assert.Equal(HttpStatusCode.OK, shared.StatusCode);
        using var seen = await manager.SendAsync(HttpMethod.Get, "applications/Hers", token: tom);
        Assert.Equal(HttpStatusCode.OK, seen.StatusCode);
        await manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Put,
            "applications/Hers/owner",
            """{"owner":"tom"}""",
            token: tom
        );
        using var given = await manager.SendAsync(
            HttpMethod.Put,
            "applications/Hers/owner",
            """{"owner":"tom"}""",
            token: sue
        );
        Assert.Equal(HttpStatusCode.OK, given.StatusCode);
        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, "applications/Hers", token: sue);
        var list = await manager.RunAsync("app", "give", "Hers", "sue");
        Assert.Equal((ExitCode.Done, "Hers is sue's\n"), (list.Code, list.Error));
    }

    [Fact]
    public async Task A_plan_is_changed_by_who_has_the_subscription_and_a_block_stays()
    {
        await using var manager = await PublishedAsync();
        await DefaultPolicies.EnsureAsync(manager.Catalogue, TestCatalogue.Tester, Stop);
        await manager.RunAsync("app", "create", "Mine");
        await manager.RunAsync("sub", "create", "Mine", "petstore", "--plan", "Bronze");
        await manager.RunAsync("sub", "state", "Mine", "petstore", "blocked");

        var changed = await manager.AskAsync<SubscriptionView>(
            HttpMethod.Put,
            "subscriptions/Mine/petstore/plan",
            """{"plan":"Gold"}"""
        );

        Assert.Equal(("Gold", SubscriptionState.Blocked), (changed.Plan, changed.State));
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "subscriptions/Mine/petstore/plan",
            """{"plan":"Platin"}"""
        );
    }

    private static async Task<LiveManager> PublishedAsync()
    {
        var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.AskAsync<LifecycleView>(HttpMethod.Post, "apis/petstore/lifecycle", """{"action":"publish"}""");
        return manager;
    }

    private static async Task<T> SendAsync<T>(
        LiveManager manager,
        HttpMethod method,
        string path,
        string? body,
        string token
    )
    {
        using var response = await manager.SendAsync(method, $"apis/petstore/{path}", body, token: token);
        var text = await response.Content.ReadAsStringAsync(Stop);
        Assert.True(response.IsSuccessStatusCode, text);
        return System.Text.Json.JsonSerializer.Deserialize<T>(text, ManagerClient.Json)!;
    }
}
