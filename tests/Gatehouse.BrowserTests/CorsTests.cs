using Gatehouse.ClusterTests.Harness;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>What a browser makes of the gateway's CORS headers: the rules are its own, so a real one has to agree.</summary>
public sealed class CorsTests(DemoPortal portal)
{
    [Fact]
    public async Task A_page_of_a_named_origin_reads_answers_and_refusals_and_no_other_page_does()
    {
        portal.SkipWhenMissing();
        await using var backend = await TestBackend.StartAsync(TimeSpan.Zero);
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/admin");
        await AskAsync(
            visit.Page,
            "POST",
            $"apis?name=shared&endpoint={Uri.EscapeDataString(backend.Url)}&auth=none",
            $$"""
            openapi: 3.1.0
            info: { title: Shared, version: 1.0.0 }
            x-gatehouse-policies:
              - name: cors
                settings: { allowOrigins: ['{{backend.Url}}'], allowHeaders: [x-asked], exposeHeaders: [X-Seen-Id] }
            paths:
              /*:
                get: { responses: { '200': { description: What it is } } }
                put: { responses: { '200': { description: What it was } } }
            """
        );
        try
        {
            await AskAsync(visit.Page, "POST", "apis/shared:1.0.0/deployments", null);
            await AskAsync(visit.Page, "GET", "apis/shared:1.0.0/deployments?wait=60", null);

            // Pages of their own, since what the browser blocks it also says in the console.
            var named = await visit.Page.Context.NewPageAsync();
            await named.GotoAsync(backend.Url);
            Assert.StartsWith("200 seen ", await FetchAsync(named, "PUT", "x-asked"), StringComparison.Ordinal);
            Assert.EndsWith(" exposed", await FetchAsync(named, "PUT", "x-asked"), StringComparison.Ordinal);
            // The gateway's own refusal can be read as well, so that the page can tell its user.
            Assert.StartsWith("405 ", await FetchAsync(named, "POST", null), StringComparison.Ordinal);
            Assert.Equal("blocked", await FetchAsync(named, "PUT", "x-other"));
            Assert.Equal("blocked", await FetchAsync(named, "DELETE", null));

            var other = await visit.Page.Context.NewPageAsync();
            await other.GotoAsync(backend.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
            Assert.Equal("blocked", await FetchAsync(other, "GET", null));
        }
        finally
        {
            await AskAsync(visit.Page, "DELETE", "apis/shared:1.0.0/deployments", null);
            await AskAsync(visit.Page, "DELETE", "apis/shared:1.0.0", null);
        }
    }

    // From a page of another origin, at the balancer.
    private Task<string> FetchAsync(IPage page, string method, string? header) =>
        page.EvaluateAsync<string>(
            """
            async ([url, method, header]) => {
              try {
                const answer = await fetch(url, { method, headers: header ? { [header]: "1" } : {} });
                const text = (await answer.text()).trim();
                return `${answer.status} ${text}${answer.headers.get("x-seen-id") ? " exposed" : ""}`;
              } catch {
                return "blocked";
              }
            }
            """,
            new[] { $"{portal.Gateway}/shared/1.0.0/x", method, header }
        );

    // As the signed-in administrator whose page this is.
    private static async Task AskAsync(IPage page, string method, string path, string? document)
    {
        var status = await page.EvaluateAsync<int>(
            """
            async ([method, path, body]) => {
              const headers = body ? { "Content-Type": "application/yaml" } : {};
              return (await fetch(`/api/v1/${path}`, { method, body, headers })).status;
            }
            """,
            new[] { method, path, document }
        );
        Assert.True(status is >= 200 and < 300, $"{method} {path} answers {status}");
    }
}
