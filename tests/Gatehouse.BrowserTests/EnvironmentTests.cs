using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>Environments, by an operator who makes one and a publisher who deploys to it.</summary>
public sealed class EnvironmentTests(DemoPortal portal)
{
    [Fact]
    public async Task An_environment_is_made_served_deployed_to_called_and_taken_away_again()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/admin/environments/edit");
        await visit.Page.FillAsync("#name", "staging");
        await visit.Page.FillAsync("#hosts", "staging.localhost");
        await visit.ClickAsync("main button.primary");
        await visit.SeesAsync("staging was made.");

        // A worker serves both: the hosts tell them apart.
        await visit.GoAsync("/admin/nodes/worker-2");
        await ServeAsync(visit, "default", "staging");
        await visit.SeesAsync("default, staging");

        await visit.GoAsync("/publisher/apis/petstore:1.0.0");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Deploy again", Exact = true }));
        await visit.AssertAccessibleAsync();
        await visit.Page.CheckAsync("[popover]:popover-open input[value=staging]");
        await visit.ClickAsync("[popover]:popover-open button.primary");
        await visit.SeesAsync("petstore:1.0.0 is on its way");
        await visit.GoAsync("/publisher/apis/petstore:1.0.0/revisions?environment=staging");
        await visit.SeesAsync("serves on 1 worker");
        await visit.SeesAsync("worker-2 applied");
        Assert.Equal(0, await visit.Page.GetByText("worker-1 applied").CountAsync());

        await visit.GoAsync("/devportal/apis/petstore:1.0.0");
        Assert.Contains(
            "https://staging.localhost:",
            await visit.Page.GetByLabel("Address of the API in staging").InnerTextAsync(),
            StringComparison.Ordinal
        );
        // Without a key the API answers 401, and a host that leads nowhere 404.
        await portal.ArrivesEverywhereAsync(visit);
        await visit.GoAsync("/devportal/apis/petstore:1.0.0/try?op=GET%20%2Fpets&environment=staging");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true }));
        await visit.SeesAsync("401 Unauthorized");

        await visit.GoAsync("/admin/environments");
        await visit.ClickAsync("tr:has-text('staging') >> button:has-text('Delete') >> nth=0");
        await visit.SeesAsync("worker-2 serves it: while that is so, it cannot be deleted.");
        await visit.Page.Keyboard.PressAsync("Escape");
        await visit.GoAsync("/admin/nodes/worker-2");
        await ServeAsync(visit, "default");
        await visit.SeesAsync("worker-2 may serve default.");
        await visit.GoAsync("/admin/environments");
        await visit.ClickAsync("tr:has-text('staging') >> button:has-text('Delete') >> nth=0");
        await visit.Page.CheckAsync("[popover]:popover-open input[name=force]");
        await visit.ClickAsync("[popover]:popover-open button.danger");
        await visit.SeesAsync("staging was deleted.");
        await visit.GoAsync("/publisher/apis/petstore:1.0.0/revisions");
        Assert.Equal(0, await visit.Page.GetByText("staging").CountAsync());
    }

    private static async Task ServeAsync(Visit visit, params string[] environments)
    {
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Environments", Exact = true }));
        var boxes = visit.Page.Locator("[popover]:popover-open input[name=environment]");
        await boxes.First.WaitForAsync();
        foreach (var box in await boxes.AllAsync())
        {
            var name = await box.GetAttributeAsync("value");
            await box.SetCheckedAsync(environments.Any(e => e == name));
        }

        await visit.ClickAsync("[popover]:popover-open button.primary");
        await visit.SeesAsync($"worker-2 may serve {string.Join(", ", environments)}.");
    }
}
