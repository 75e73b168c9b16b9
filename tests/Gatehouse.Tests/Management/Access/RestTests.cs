using System.Net;
using System.Net.Http.Json;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management;

public abstract class RestTests(Product product)
{
    public sealed class OnSqlite() : RestTests(Product.Sqlite);

    public sealed class OnPostgreSql() : RestTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Status_shows_the_nodes_as_the_command_line_reads_them()
    {
        // A clock that stands still: nobody is lost while the test is slow.
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var management = await TestManagement.StartAsync(time, on: product);
        await TestNodes.RegisterAsync(management.Catalogue, "worker-1");
        await TestNodes.RegisterAsync(management.Catalogue, "manager-1", Profile.GatewayManager);
        var head = await management.Catalogue.Catalogue.ReadHeadAsync(Stop);
        await management.Get<NodeBoard>().RecordAsync(TestNodes.Identity("worker-1"), TestNodes.Report(head), Stop);

        using var response = await management.SendAsync("GET", "/api/v1/status", await management.TokenAsync());
        var status = (await response.Content.ReadFromJsonAsync(ManagementJson.Default.StatusView, Stop))!;

        Assert.Equal(head.Epoch, status.Epoch);
        var worker = status.Nodes.Single(n => n.Name == "worker-1");
        Assert.Equal((NodeState.Serving, head.Epoch, 4711), (worker.State, worker.Epoch, worker.ProcessId));
        var manager = status.Nodes.Single(n => n.Name == "manager-1");
        Assert.Equal((NodeState.Serving, Environment.ProcessId), (manager.State, manager.ProcessId));
        Assert.Empty(status.Alerts);
    }

    [Fact]
    public async Task A_drain_takes_the_etag_it_was_shown_and_no_older_one()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await TestNodes.RegisterAsync(management.Catalogue, "worker-1");
        var token = await management.TokenAsync();
        using var shown = await management.SendAsync("GET", "/api/v1/nodes/worker-1", token);
        var tag = shown.Headers.ETag!.ToString();

        using var drained = await management.SendAsync("POST", "/api/v1/nodes/worker-1/drain", token, ifMatch: tag);
        using var late = await management.SendAsync("POST", "/api/v1/nodes/worker-1/undrain", token, ifMatch: tag);

        Assert.Equal(HttpStatusCode.OK, drained.StatusCode);
        Assert.True((await drained.Content.ReadFromJsonAsync(ManagementJson.Default.NodeView, Stop))!.Draining);
        Assert.Equal(HttpStatusCode.PreconditionFailed, late.StatusCode);
    }

    [Theory]
    [InlineData("W/\"1\"")]
    [InlineData("1")]
    [InlineData("\"-1\"")]
    [InlineData("\"1\", \"2\"")]
    public async Task An_etag_that_this_api_never_gave_is_a_clear_error(string tag)
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await TestNodes.RegisterAsync(management.Catalogue, "worker-1");

        using var response = await management.SendAsync(
            "POST",
            "/api/v1/nodes/worker-1/drain",
            await management.TokenAsync(),
            ifMatch: tag
        );

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("If-Match", (await TestManagement.ProblemAsync(response)).Title, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_evicted_node_is_gone_and_its_certificate_denied_at_once()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await TestNodes.RegisterAsync(management.Catalogue, "worker-1");
        var token = await management.TokenAsync();

        using var evicted = await management.SendAsync("DELETE", "/api/v1/nodes/worker-1", token);
        using var after = await management.SendAsync("GET", "/api/v1/nodes/worker-1", token);

        Assert.Equal(HttpStatusCode.NoContent, evicted.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, after.StatusCode);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        await foreach (var denied in management.Denied.FollowAsync(deadline.Token))
        {
            if (denied.Contains("A1worker-1"))
            {
                break;
            }
        }
    }

    [Fact]
    public async Task The_manager_that_answers_does_not_evict_itself()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        await TestNodes.RegisterAsync(management.Catalogue, "manager-1", Profile.GatewayManager);

        using var response = await management.SendAsync(
            "DELETE",
            "/api/v1/nodes/manager-1",
            await management.TokenAsync()
        );

        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
    }

    [Fact]
    public async Task A_join_token_is_shown_once_and_then_only_named()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var token = await management.TokenAsync();

        using var made = await management.SendAsync(
            "POST",
            "/api/v1/join-tokens",
            token,
            "{\"profile\":\"gateway-worker\"}"
        );
        var created = (await made.Content.ReadFromJsonAsync(ManagementJson.Default.CreatedJoinToken, Stop))!;
        using var listed = await management.SendAsync("GET", "/api/v1/join-tokens", token);
        var list = await listed.Content.ReadFromJsonAsync(ManagementJson.Default.ImmutableArrayJoinTokenView, Stop);
        using var revoked = await management.SendAsync("DELETE", $"/api/v1/join-tokens/{created.Id}", token);

        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        Assert.Equal(("ghj1_" + created.Id, "worker-1"), (created.Token, created.Node));
        Assert.Equal(created.Id, Assert.Single(list).Id);
        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
    }

    [Theory]
    [InlineData("{\"profile\":\"boss\"}", "/profile", "A profile is one of")]
    [InlineData("{\"profile\":\"gateway-worker\",\"nodes\":3}", "/nodes", "")]
    [InlineData("{\"profile\":", "", "")]
    [InlineData("{}", "", "profile")]
    public async Task A_body_that_does_not_fit_is_answered_with_its_place(string body, string pointer, string text)
    {
        await using var management = await TestManagement.StartAsync(on: product);

        using var response = await management.SendAsync(
            "POST",
            "/api/v1/join-tokens",
            await management.TokenAsync(),
            body
        );

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = Assert.Single((await TestManagement.ProblemAsync(response)).Errors!.Value);
        Assert.StartsWith(pointer, problem.Pointer, StringComparison.Ordinal);
        Assert.Contains(text, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PATCH", "/api/v1/applications/a", "suspended")]
    [InlineData("PATCH", "/api/v1/subscriptions/a/b", "state")]
    [InlineData("PUT", "/api/v1/applications/a/owner", "owner")]
    [InlineData("PUT", "/api/v1/issuers/i", "url")]
    [InlineData("POST", "/api/v1/mail-settings/test", "to")]
    public async Task An_empty_body_is_refused_with_what_it_lacks(string method, string path, string member)
    {
        await using var management = await TestManagement.StartAsync(on: product);

        using var response = await management.SendAsync(method, path, await management.TokenAsync(), "{}");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = Assert.Single((await TestManagement.ProblemAsync(response)).Errors!.Value);
        Assert.Contains(member, $"{problem.Pointer} {problem.Message}", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_answered_with_413()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        var body = $"{{\"profile\":\"{new string('x', (int)RequestLimit.Small)}\"}}";

        using var response = await management.SendAsync(
            "POST",
            "/api/v1/join-tokens",
            await management.TokenAsync(),
            body
        );

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/api/v1/nothing", HttpStatusCode.NotFound)]
    [InlineData("GET", "/nothing", HttpStatusCode.NotFound)]
    [InlineData("PUT", "/api/v1/status", HttpStatusCode.MethodNotAllowed)]
    public async Task What_is_no_route_is_said_to_be_none(string method, string path, HttpStatusCode status)
    {
        await using var management = await TestManagement.StartAsync(on: product);

        using var response = await management.SendAsync(method, path);

        Assert.Equal(status, response.StatusCode);
        Assert.Equal((int)status, (await TestManagement.ProblemAsync(response)).Status);
    }

    [Fact]
    public async Task The_audit_is_read_page_by_page_and_judged()
    {
        await using var management = await TestManagement.StartAsync(on: product);
        for (var i = 0; i < 5; i++)
        {
            await management.Catalogue.PutAsync($"app_{i}");
        }

        var token = await management.TokenAsync(Roles.Auditor);
        var ids = new List<long>();
        long? next = null;
        do
        {
            using var page = await management.SendAsync(
                "GET",
                $"/api/v1/audit?limit=4" + (next is null ? "" : $"&before={next}"),
                token
            );
            var read = (await page.Content.ReadFromJsonAsync(ManagementJson.Default.AuditPage, Stop))!;
            ids.AddRange(read.Entries.Select(e => e.Id));
            next = read.Next;
        } while (next is not null);

        using var verdict = await management.SendAsync("GET", "/api/v1/audit/verdict", token);

        Assert.Equal([6, 5, 4, 3, 2, 1], ids);
        Assert.True((await verdict.Content.ReadFromJsonAsync(ManagementJson.Default.AuditVerdict, Stop))!.Whole);
    }

    [Fact]
    public async Task Members_say_that_membership_is_off()
    {
        await using var management = await TestManagement.StartAsync(on: product);

        using var response = await management.SendAsync("GET", "/api/v1/members", await management.TokenAsync());

        Assert.False((await response.Content.ReadFromJsonAsync(ManagementJson.Default.MembersView, Stop))!.Enabled);
    }
}
