using Gatehouse.ClusterTests.Harness;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

// The drawing of the cluster, where traffic goes, how much of it and who fails; and the way from an alert to one call.
public abstract partial class JourneyTests
{
    [Fact]
    public async Task J8_a_backend_that_fails_stands_out_in_the_drawing_and_three_clicks_lead_from_its_alert_to_a_trace()
    {
        await using var visit = await site.VisitAsync();
        var backend = new Uri(site.Backend).Authority;
        await ImportOpenAsync(visit, "drawn", site.Backend);
        await ImportOpenAsync(visit, "broken", "http://127.0.0.1:9");
        using var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
        using var http = new HttpClient(handler);
        await visit.GoAsync("/admin/nodes");
        var drawing = visit.Page.Locator(".topology");
        var failing = visit.Page.Locator(".topology .t-edge.ill");
        var row = visit.Page.Locator("section[aria-labelledby=backends] tr", new() { HasTextString = "127.0.0.1:9" });
        var seen = "";

        // Both are called until the page, which nobody reloads, tells of both; what it tells is of the last ten seconds.
        await Eventually.TrueAsync(
            async () =>
            {
                foreach (var api in new[] { "drawn", "broken" })
                {
                    using var _ = await http.GetAsync($"{site.Gateway}/{api}/1.0.0/pets");
                }

                seen = await drawing.TextContentAsync() ?? "";
                return seen.Contains(backend, StringComparison.Ordinal)
                    && seen.Contains("127.0.0.1:9", StringComparison.Ordinal)
                    && seen.Contains("fails", StringComparison.Ordinal)
                    && seen.Contains("requests/s", StringComparison.Ordinal)
                    && seen.Contains("heard of now", StringComparison.Ordinal)
                    && await failing.CountAsync() > 0
                    && await row.CountAsync() > 0;
            },
            TimeSpan.FromSeconds(60),
            () => $"both backends are drawn: {seen}"
        );

        await visit.AssertAccessibleAsync();

        // Enough of its calls for nobody to be woken by chance; workers tell of them in batches.
        for (var i = 0; i < 20; i++)
        {
            using var _ = await http.GetAsync($"{site.Gateway}/broken/1.0.0/pets");
        }

        await visit.GoAsync("/admin/alerts");
        await visit.SeesAsync("requests to broken:1.0.0 failed", within: 120_000);
        var clicks = visit.Clicks;
        await visit.ClickAsync(".alert:has-text('broken:1.0.0') >> text=Look at its calls");
        await visit.ClickAsync("main >> text=Try it with its trace");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true }));
        await visit.SeesAsync("What the gateway did");
        Assert.Equal(3, visit.Clicks - clicks);
        foreach (var api in new[] { "drawn", "broken" })
        {
            var gone = await visit.Page.APIRequest.DeleteAsync($"{site.Address}/api/v1/apis/{api}:1.0.0");
            Assert.True(gone.Ok, await gone.TextAsync());
        }
    }

    private async Task ImportOpenAsync(Visit visit, string name, string backend)
    {
        await visit.GoAsync("/publisher/import");
        await visit.WriteAsync(
            $$"""
            openapi: 3.1.0
            info: { title: {{name}}, version: 1.0.0 }
            servers: [{ url: '{{backend}}' }]
            paths: { /pets: { get: { responses: { '200': { description: ok } } } } }
            """
        );
        await visit.ClickAsync("text=Create the API");
        await visit.SeesAsync("worker-1 applied");
        var opened = await visit.Page.APIRequest.PatchAsync(
            $"{site.Address}/api/v1/apis/{name}:1.0.0",
            new() { DataObject = new { security = Array.Empty<string>() } }
        );
        Assert.True(opened.Ok, await opened.TextAsync());
        var deployed = await visit.Page.APIRequest.PostAsync(
            $"{site.Address}/api/v1/apis/{name}:1.0.0/deployments",
            new() { DataObject = new { message = "open" } }
        );
        Assert.True(deployed.Ok, await deployed.TextAsync());
    }
}
