using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.ClusterTests.Managers;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>The journeys again, with two managers over one PostgreSQL, and no request goes to the manager that answered the one before.</summary>
public sealed class TwoManagerJourneyTests(TwoManagerPortal portal)
    : JourneyTests(portal),
        IClassFixture<TwoManagerPortal>
{
    [Fact]
    public async Task From_the_invitation_to_a_key_with_requests_alternating_between_two_managers_and_past_a_lost_database()
    {
        portal.SkipWhenMissing();
        var invited = await portal.Two.Cluster.Rest.SendAsync(
            HttpMethod.Post,
            "users",
            new JsonObject { ["name"] = "ada", ["roles"] = new JsonArray("admin") }
        );
        var link = invited!["path"]!.GetValue<string>();
        await using var visit = await portal.VisitAsync(signedIn: false);

        await visit.GoAsync(link);
        await visit.Page.FillAsync("#password", Site.Password);
        await visit.ClickAsync("main button.primary");
        await visit.LeavesAsync("/link");
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
        await LoseTheDatabaseAsync(portal.Two, visit);
        await visit.ClickAsync("summary:has-text('ada')");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }));
        await visit.ReachesAsync("/sign-in");
        await visit.GoAsync("/admin");
        Assert.Contains("/sign-in", visit.Page.Url, StringComparison.Ordinal);

        Assert.All(portal.Proxy.Answered, count => Assert.InRange(count, 10, int.MaxValue));
    }

    // Done once the first events came; window.streamEnd then tells whether the answer was ended or cut off.
    private const string FollowStream = """
        async () => {
          const reader = (await fetch('/live?panel=topology')).body.getReader();
          await reader.read();
          const toItsEnd = async () => {
            while (!(await reader.read()).done);
            return 'ended';
          };
          window.streamEnd = toItsEnd().catch(error => `cut off: ${error}`);
        }
        """;

    // A page that is open says that it is old; one that is asked for says why it cannot be drawn, and is drawn when it can be.
    private static async Task LoseTheDatabaseAsync(TwoManagers two, Visit visit)
    {
        var note = visit.Page.Locator("[data-stale]");
        visit.Expected = 503;
        await visit.Page.EvaluateAsync(FollowStream);
        await two.Server.StopAsync("QUIT");
        await note.WaitForAsync(new() { Timeout = 60_000 });
        Assert.Equal("ended", await visit.Page.EvaluateAsync<string>("() => window.streamEnd"));

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
}
