using System.Globalization;
using System.Text.Json;

namespace Gatehouse.BrowserTests;

/// <summary>What a page costs a browser that was never here before. What docs/decisions/0009-web.md says of weight comes from here.</summary>
public sealed class WeightTests(DemoPortal portal, ITestOutputHelper output)
{
    private const string Watch = """
        addEventListener('DOMContentLoaded', () => (window.row ??= performance.now()));
        new MutationObserver(() => { if (document.querySelector('tbody tr, .card')) window.row ??= performance.now(); })
          .observe(document, { childList: true, subtree: true });
        """;

    private const string Measure = """
        () => {
          const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
            .filter(e => !e.name.includes('/live?'));
          const size = e => e.transferSize || e.encodedBodySize;
          return {
            bytes: all.reduce((sum, e) => sum + size(e), 0),
            page: size(all[0]),
            requests: all.length,
            row: Math.round(window.row),
            paint: Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1),
          };
        }
        """;

    [Theory]
    [InlineData("/admin", 200)]
    [InlineData("/admin/nodes", 200)]
    [InlineData("/admin/analytics", 250)]
    [InlineData("/publisher", 200)]
    [InlineData("/publisher/apis/petstore:1.0.0", 200)]
    [InlineData("/publisher/import", 400)]
    [InlineData("/devportal", 200)]
    [InlineData("/devportal/apis/petstore:1.0.0", 250)]
    public async Task A_page_stays_light(string path, int mostKilobytes)
    {
        await using var visit = await portal.VisitAsync();
        await visit.Page.AddInitScriptAsync(Watch);

        await visit.GoAsync(path);
        await visit.Page.WaitForLoadStateAsync();
        await visit.Page.WaitForFunctionAsync(
            "() => performance.getEntriesByName('first-contentful-paint').length > 0"
        );
        if (path == "/publisher/import")
        {
            // The editor comes once the page stands.
            await visit.Page.WaitForFunctionAsync("() => document.querySelector('#document')?.editor?.dom.isConnected");
        }

        var cost = await visit.Page.EvaluateAsync<JsonElement>(Measure);

        var bytes = cost.GetProperty("bytes").GetInt64();
        output.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"| `{path}` | {bytes / 1000.0:0} kB | {cost.GetProperty("page").GetInt64() / 1000.0:0} kB | {cost.GetProperty("requests")} | {cost.GetProperty("row")} ms | {cost.GetProperty("paint")} ms |"
            )
        );
        Assert.InRange(bytes, 1, mostKilobytes * 1000L);
    }
}
