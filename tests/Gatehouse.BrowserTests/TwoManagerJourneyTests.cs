using System.Globalization;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.ClusterTests.Managers;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>Two managers over one PostgreSQL, and no request goes to the manager that answered the one before.</summary>
public sealed class TwoManagerJourneyTests(DemoPortal portal)
{
    [Fact]
    public async Task From_the_invitation_to_a_key_with_requests_alternating_between_two_managers_and_past_a_lost_database()
    {
        portal.SkipWithoutBrowser();
        await using var two = await TwoManagers.StartAsync(workers: 0);
        await using var proxy = await AlternatingProxy.StartAsync(UrlOf(two.First), UrlOf(two.Second));
        var invited = await two.Cluster.Rest.SendAsync(
            HttpMethod.Post,
            "users",
            new JsonObject { ["name"] = "ada", ["roles"] = new JsonArray("admin") }
        );
        var link = invited!["path"]!.GetValue<string>();
        await using var visit = await portal.VisitAsync(signedIn: false, address: proxy.Address);

        await visit.GoAsync(link);
        await visit.Page.FillAsync("#password", "correct horse battery staple");
        await visit.ClickAsync("main button.primary");
        await visit.Page.WaitForURLAsync(url => !url.Contains("/link", StringComparison.Ordinal));
        await visit.GoAsync("/publisher");
        await visit.ClickAsync("text=Import an API");
        await visit.WriteAsync(
            """
            openapi: 3.1.0
            info: { title: shared, version: 1.0.0 }
            servers: [{ url: 'http://127.0.0.1:9' }]
            paths: { /shared: { get: { responses: { '200': { description: ok } } } } }
            """
        );
        await visit.ClickAsync("text=Create the API");
        await visit.SeesAsync("shared:1.0.0 was published");
        await visit.GoAsync("/publisher/apis/shared:1.0.0/listing");
        await visit.Page.FillAsync("#description", "Changed through the other one.");
        await visit.ClickAsync("form.card button.primary");
        await visit.SeesAsync("changes not deployed");
        await visit.ConfirmAsync("Deploy", "Deploy");
        await visit.Page.Locator("td >> text=r2").First.WaitForAsync();

        await visit.GoAsync("/devportal/apis/shared:1.0.0");
        await visit.ClickAsync("text=Get a key");
        await visit.ClickAsync("text=Create the key");
        Assert.StartsWith(
            "gwk_",
            await visit.Page.GetByLabel("Your API key").InnerTextAsync(),
            StringComparison.Ordinal
        );
        await visit.GoAsync("/admin/nodes");
        await LoseTheDatabaseAsync(two, visit);
        await visit.ClickAsync("summary:has-text('ada')");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }));
        await visit.GoAsync("/admin");
        Assert.Contains("/sign-in", visit.Page.Url, StringComparison.Ordinal);

        Assert.All(proxy.Answered, count => Assert.InRange(count, 10, int.MaxValue));
    }

    // A page that is open says that it is old; one that is asked for says why it cannot be drawn, and is drawn when it can be.
    private static async Task LoseTheDatabaseAsync(TwoManagers two, Visit visit)
    {
        var note = visit.Page.Locator("[data-stale]");
        visit.Expected = 503;
        await two.Server.StopAsync("QUIT");
        await note.WaitForAsync(new() { Timeout = 60_000 });

        await visit.GoAsync("/publisher");
        await visit.SeesAsync("The catalogue does not answer");
        await visit.SeesAsync("Nothing was changed");
        await visit.AssertAccessibleAsync();

        await two.Server.StartAgainAsync();
        var shown = "";
        await Eventually.TrueAsync(
            async () =>
            {
                var again = await visit.Page.Locator("main").GetByText("Try again").GetAttributeAsync("href");
                Assert.Equal("/publisher", again);
                var answer = await visit.Page.GotoAsync(visit.Address + again);
                shown = $"{answer?.Status} {await visit.Page.Locator("main h1").First.InnerTextAsync()}";
                return shown == "200 APIs";
            },
            TimeSpan.FromSeconds(60),
            () => $"the page is drawn once the database is back: {shown}"
        );
        visit.Expected = null;
        await visit.SeesAsync("shared");
    }

    private static Uri UrlOf(ClusterNode manager) =>
        new($"https://{manager.Host}:{manager.ManagementHttps.ToString(CultureInfo.InvariantCulture)}");
}
