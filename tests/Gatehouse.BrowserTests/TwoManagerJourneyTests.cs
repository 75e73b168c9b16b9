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
    public async Task From_the_invitation_to_a_key_with_requests_alternating_between_two_managers()
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
        await visit.ClickAsync("summary:has-text('ada')");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }));
        await visit.GoAsync("/admin");
        Assert.Contains("/sign-in", visit.Page.Url, StringComparison.Ordinal);

        Assert.All(proxy.Answered, count => Assert.InRange(count, 10, int.MaxValue));
    }

    private static Uri UrlOf(ClusterNode manager) =>
        new($"https://{manager.Host}:{manager.ManagementHttps.ToString(CultureInfo.InvariantCulture)}");
}
