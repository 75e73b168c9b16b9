using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>Markup and scripts in every field that people, backends and nodes fill: text wherever it is shown.</summary>
public sealed class HostileTextTests(DemoPortal portal)
{
    private const string Bad = "<img src=x onerror=\"window.broken=1\"><script>window.broken=1</script>";
    private const string Short = "<img src=x onerror=window.broken=1>";
    private const string Tight = "<img/src=x/onerror=window.broken=1>";
    private const string Api = "hostile:1.0.0";

    [Fact]
    public async Task Scripts_in_every_field_that_people_fill_are_text()
    {
        await using var backend = await StartBackendAsync();
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/publisher/import");
        await visit.WriteAsync(Document(backend.Urls.First()));
        await visit.ClickAsync("text=Create the API");
        await visit.SeesAsync("worker-1 applied");
        var (application, key) = await FillAsync(visit);

        // What people see of it, page by page.
        foreach (
            var path in new[]
            {
                "/publisher",
                $"/publisher/apis/{Api}",
                $"/publisher/apis/{Api}/operations",
                $"/publisher/apis/{Api}/listing",
                $"/publisher/apis/{Api}/revisions?from=1&to=2",
                $"/publisher/apis/{Api}/source",
                $"/publisher/apis/{Api}/consumers",
                $"/publisher/apis/{Api}/policies",
                "/devportal",
                $"/devportal/apis/{Api}",
                $"/devportal/apis/{Api}/key",
                "/devportal/applications",
                $"/devportal/applications/{application}",
                $"/devportal/applications/{application}/usage",
                "/admin",
                "/admin/audit",
                "/admin/deployments",
                "/admin/environments",
                "/admin/limits",
                "/admin/blocks",
                "/admin/clients",
                "/admin/users",
                "/admin/analytics",
                "/admin/alerts",
                "/admin/nodes/worker-1",
                $"/publisher?q={Uri.EscapeDataString(Bad)}",
                $"/devportal?q={Uri.EscapeDataString(Bad)}",
                $"/admin/audit?q={Uri.EscapeDataString(Bad)}",
            }
        )
        {
            await visit.GoAsync(path);
            await AssertInertAsync(visit);
        }

        // What a backend says, and what the gateway's trace tells of it.
        await portal.ArrivesEverywhereAsync(visit);
        await visit.GoAsync($"/devportal/apis/{Api}/try?op=GET%20%2Fhostile");
        await visit.Page.FillAsync("#key", key);
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true }));
        await visit.SeesAsync("500 Internal Server Error");
        await visit.SeesAsync("onerror");
        await AssertInertAsync(visit);
        await AssertTracesAndLogsAreInertAsync(visit, key);
        visit.Expected = 404;
        await visit.GoAsync($"/admin/nodes/{Uri.EscapeDataString(Short)}");
        await visit.SeesAsync("onerror");
        await AssertInertAsync(visit);
    }

    // Markup in a backend's address comes back in the trace of a failed call, in the test of connections, in revisions and logs.
    private async Task AssertTracesAndLogsAreInertAsync(Visit visit, string key)
    {
        await SendAsync(visit, "PATCH", $"apis/{Api}", new { endpoints = new[] { $"http://127.0.0.1:9/{Tight}" } });
        await SendAsync(visit, "POST", $"apis/{Api}/deployments", new { message = Bad });
        await visit.GoAsync($"/publisher/apis/{Api}/endpoints");
        await visit.ClickAsync("text=Test the connections");
        await visit.SeesAsync("not reached");
        await AssertInertAsync(visit);
        await visit.GoAsync($"/publisher/apis/{Api}/revisions");
        await visit.SeesAsync("worker-1 applied");
        await visit.GoAsync($"/devportal/apis/{Api}/try?op=GET%20%2Fhostile");
        await visit.Page.FillAsync("#key", key);
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true }));
        await visit.SeesAsync("What the gateway did");
        await AssertInertAsync(visit);

        // A policy that no worker knows is refused by its name: in the deployment, an alert, the node's page and its log.
        await SendAsync(visit, "PUT", $"apis/{Api}/policies", new[] { new { name = $"acme/{Short}" } });
        await SendAsync(visit, "POST", $"apis/{Api}/deployments", new { message = Bad });
        foreach (
            var (path, place) in new[]
            {
                ($"/publisher/apis/{Api}/revisions", ".refusal"),
                ("/admin/alerts", ".alert"),
                ("/admin", ".alert"),
                ("/admin/nodes", ".alert"),
                ("/admin/nodes/worker-1", "section[aria-labelledby=refused] td"),
                ("/admin/nodes/worker-1", ".log .said"),
                ("/admin/deployments", ".refusal"),
            }
        )
        {
            await visit.GoAsync(path);
            await visit.Page.Locator(place, new() { HasTextString = "onerror" }).First.WaitForAsync();
            await AssertInertAsync(visit);
        }
    }

    // Every field that takes free text, by REST: what a form would refuse must be no danger either.
    private async Task<(string Application, string Key)> FillAsync(Visit visit)
    {
        await SendAsync(
            visit,
            "PUT",
            $"apis/{Api}/listing",
            new
            {
                title = Short,
                tags = new[] { Short },
                businessOwner = new { name = Bad, email = "a@example.com" },
                technicalOwner = new { name = Bad },
                properties = new Dictionary<string, string> { ["note"] = Bad },
            }
        );
        await SendAsync(visit, "PUT", $"apis/{Api}/documents/guide", new { type = "how-to", summary = Bad });
        var content = await visit.Page.APIRequest.PutAsync(
            $"{portal.Address}/api/v1/apis/{Api}/documents/guide/content",
            new()
            {
                Data =
                    $"# {Bad}\n\n[here](javascript:window.broken=1) ![there](javascript:window.broken=1) <javascript:window.broken=1>",
                Headers = new Dictionary<string, string> { ["Content-Type"] = "text/markdown" },
            }
        );
        Assert.True(content.Ok, await content.TextAsync());
        await SendAsync(
            visit,
            "PUT",
            $"apis/{Api}/documents/forum",
            new
            {
                type = "public-forum",
                summary = Bad,
                url = "https://example.com/?q=\"><script>window.broken=1</script>",
            }
        );
        await SendAsync(visit, "PATCH", $"apis/{Api}", new { description = $"{Bad} again" });
        await SendAsync(visit, "POST", $"apis/{Api}/deployments", new { message = Bad });
        await SendAsync(visit, "POST", $"apis/{Api}/comments", new { text = Bad });
        await SendAsync(visit, "POST", $"apis/{Api}/lifecycle", new { action = "block", comment = Bad });
        await SendAsync(visit, "POST", $"apis/{Api}/lifecycle", new { action = "re-publish", comment = Bad });
        await SendAsync(
            visit,
            "POST",
            "plans",
            new
            {
                name = "Hostile",
                quota = "10/min",
                description = Bad,
                billing = Bad,
            }
        );
        await SendAsync(
            visit,
            "POST",
            "blocks",
            new
            {
                kind = "ip",
                value = "203.0.113.9",
                reason = Bad,
            }
        );
        await SendAsync(visit, "PUT", "environments/default", new { description = Bad });
        await SendAsync(
            visit,
            "POST",
            "users",
            new
            {
                name = "hostile-eve",
                roles = new[] { "subscriber" },
                fullName = Bad,
            }
        );
        var made = await SendAsync(visit, "POST", "applications", new { name = Short });
        var application = System.Text.Json.JsonDocument.Parse(made).RootElement.GetProperty("id").GetString()!;
        await SendAsync(visit, "POST", "subscriptions", new { application, api = Api });
        var key = await SendAsync(visit, "POST", $"applications/{application}/keys", new { sandbox = false });
        return (application, System.Text.Json.JsonDocument.Parse(key).RootElement.GetProperty("secret").GetString()!);
    }

    private async Task<string> SendAsync(Visit visit, string method, string path, object body)
    {
        var answer = await visit.Page.APIRequest.FetchAsync(
            $"{portal.Address}/api/v1/{path}",
            new() { Method = method, DataObject = body }
        );
        var text = await answer.TextAsync();
        Assert.True(answer.Ok, $"{method} {path}: {text}");
        return text;
    }

    // A violation of the policy and a dialog fail the visit itself.
    private static async Task AssertInertAsync(Visit visit)
    {
        Assert.Null(await visit.Page.EvaluateAsync<int?>("() => window.broken ?? null"));
        Assert.Equal(
            0,
            await visit
                .Page.Locator("main img, main script, main iframe, main [onerror], a[href^='javascript:']")
                .CountAsync()
        );
    }

    private static async Task<WebApplication> StartBackendAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(System.Net.IPAddress.Loopback, 0));
        var backend = builder.Build();
        backend.Run(http =>
        {
            http.Response.StatusCode = 500;
            http.Response.ContentType = "text/html";
            http.Response.Headers["X-Says"] = Bad;
            return http.Response.WriteAsync(Bad);
        });
        await backend.StartAsync();
        return backend;
    }

    private static string Document(string backend) =>
        $$"""
            openapi: 3.1.0
            info:
              title: hostile
              version: 1.0.0
              description: {{System.Text.Json.JsonSerializer.Serialize($"{Bad} [link](javascript:window.broken=1)")}}
            servers:
              - url: {{backend}}
            paths:
              /hostile:
                get:
                  summary: {{System.Text.Json.JsonSerializer.Serialize(Bad)}}
                  description: {{System.Text.Json.JsonSerializer.Serialize(Bad)}}
                  parameters:
                    - name: word
                      in: query
                      description: {{System.Text.Json.JsonSerializer.Serialize(Bad)}}
                      schema: { type: string, example: {{System.Text.Json.JsonSerializer.Serialize(Bad)}} }
                  responses:
                    '200':
                      description: {{System.Text.Json.JsonSerializer.Serialize(Bad)}}
            """;
}
