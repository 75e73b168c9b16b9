using System.Text.Json;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>What publishers do beside their journeys.</summary>
public sealed class PublishingTests(DemoPortal portal)
{
    [Fact]
    public async Task What_is_wrong_in_a_document_is_told_with_line_and_column_and_a_click_leads_there()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/publisher/import");

        await visit.WriteAsync(
            portal
                .Document("broken", "/broken")
                .Replace("  version:", "  title: again\n  version:", StringComparison.Ordinal)
        );
        await visit.ClickAsync("text=Create the API");

        var place = visit.Page.Locator("[data-line]").First;
        await place.WaitForAsync();
        Assert.Matches(@"^\d+:\d+$", await place.InnerTextAsync());
        Assert.Equal("/publisher/import#document", await place.GetAttributeAsync("href"));
        // The list of problems stands before the document: on a slow page it is there, and the editor not yet.
        await visit.Page.WaitForFunctionAsync("() => document.querySelector('#document')?.editor?.dom.isConnected");
        await place.ClickAsync();
        await visit.Page.WaitForFunctionAsync(
            "() => document.querySelector('#document')?.editor?.selected().includes('title: again')"
        );
    }

    [Fact]
    public async Task A_revision_that_workers_refuse_shows_the_reason_where_the_publisher_is_looking()
    {
        await using var visit = await portal.VisitAsync();
        await portal.ImportAsync(visit, "plugged", "/plugged");
        var set = await visit.Page.APIRequest.PutAsync(
            $"{portal.Address}/api/v1/apis/plugged:1.0.0/policies",
            new() { DataObject = new[] { new { name = "acme/missing" } } }
        );
        Assert.True(set.Ok, await set.TextAsync());
        await visit.GoAsync("/publisher/apis/plugged:1.0.0/revisions");

        await visit.ConfirmAsync("Deploy", "Deploy");

        await visit.SeesAsync("worker-1 refused");
        Assert.Contains(
            "acme/missing",
            await visit.Page.Locator(".refusal").First.InnerTextAsync(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_policy_is_added_filled_in_and_moved_with_buttons_alone()
    {
        await using var visit = await portal.VisitAsync();
        await portal.ImportAsync(visit, "guarded", "/guarded");
        await visit.GoAsync("/publisher/apis/guarded:1.0.0/policies");
        foreach (var name in new[] { "headers", "size-limit" })
        {
            await visit.Page.SelectOptionAsync("#new", name);
            await visit.ClickAsync("text=Add policy");
            await visit.Page.Locator($".policy h2:has-text('{name}')").WaitForAsync();
        }

        await visit.SettlesAsync();
        await visit.Page.GetByLabel("Move size-limit up").FocusAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Page.Locator(".policy >> nth=0 >> h2:has-text('size-limit')").WaitForAsync();
        await visit.ClickAsync("button[value=save]");
        await visit.SeesAsync("Saved.");

        var stored = await visit.Page.APIRequest.GetAsync($"{portal.Address}/api/v1/apis/guarded:1.0.0/policies");
        var names = JsonDocument
            .Parse(await stored.TextAsync())
            .RootElement.GetProperty("policies")
            .EnumerateArray()
            .Select(p => p.GetProperty("name").GetString());
        Assert.Equal(["size-limit", "headers"], names);
    }
}
