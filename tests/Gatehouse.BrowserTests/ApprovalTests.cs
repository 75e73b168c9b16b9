using System.Text.Json;
using Gatehouse.Management;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>What people ask for in the web waits, and is done once somebody allows it.</summary>
public sealed class ApprovalTests(DemoPortal portal)
{
    [Fact]
    public async Task A_subscription_waits_in_the_list_of_approvals_and_is_active_once_it_is_approved()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/publisher/approvals");
        await visit.SeesAsync("Nothing waits");
        await visit.Page.CheckAsync("input[name=subscriptions]");
        await visit.ClickAsync("main form button.primary");
        await visit.SeesAsync("Saved.");
        await using var developer = await InviteAsync(visit, "patient-pat", Roles.Subscriber);
        await developer.GoAsync("/devportal/apis/petstore:1.0.0/key");
        await developer.ClickAsync("text=Create the key");
        await developer.SeesAsync("waits for a publisher's approval");

        await visit.GoAsync("/publisher/approvals");
        await visit.AssertAccessibleAsync();
        await visit.ConfirmAsync("Approve", "Approve");
        await visit.SeesAsync("Approved:");
        await visit.SeesAsync("Nothing waits");

        await developer.GoAsync("/devportal/applications");
        await developer.ClickAsync(developer.Page.Locator("main table a.name"));
        await developer.Page.Locator("section[aria-labelledby=subs]").GetByText("active").WaitForAsync();
        await visit.Page.UncheckAsync("input[name=subscriptions]");
        await visit.ClickAsync("main form button.primary >> nth=-1");
        await visit.SeesAsync("Saved.");
    }

    [Fact]
    public async Task A_publisher_cannot_publish_past_an_approval()
    {
        await using var visit = await portal.VisitAsync();
        await SetAsync(visit, new { lifecycle = true });
        await using var publisher = await InviteAsync(visit, "hasty-hal", Roles.Publisher);
        await publisher.GoAsync("/publisher/import");
        await publisher.WriteAsync(
            """
            openapi: 3.1.0
            info: { title: hasty, version: 1.0.0 }
            servers: [{ url: 'http://127.0.0.1:9' }]
            paths: { /hasty: { get: { responses: { '200': { description: ok } } } } }
            """
        );
        await publisher.ClickAsync("text=Create the API");
        await publisher.SeesAsync("Publishing it waits for an administrator's approval.");
        await publisher.ConfirmAsync("Prototype", "Prototype");
        await publisher.SeesAsync("Prototype: waits for an administrator's approval.");
        await publisher.Page.Locator(".life-now", new() { HasTextString = "created" }).WaitForAsync();

        await visit.GoAsync("/publisher/approvals");
        await DecideAsync("by publish", "Approve");
        await visit.SeesAsync("Approved:");
        await DecideAsync("by deploy-as-prototype", "Reject");
        await visit.SeesAsync("Rejected:");
        await publisher.GoAsync("/publisher/apis/hasty:1.0.0");
        await publisher.Page.Locator(".life-now", new() { HasTextString = "published" }).WaitForAsync();
        await SetAsync(visit, new { lifecycle = false });

        async Task DecideAsync(string what, string how)
        {
            var row = visit.Page.Locator("tr", new() { HasTextString = what });
            await visit.ClickAsync(row.GetByRole(AriaRole.Button, new() { Name = how, Exact = true }).First);
            await visit.ClickAsync(
                visit
                    .Page.Locator("[popover]:popover-open")
                    .GetByRole(AriaRole.Button, new() { Name = how, Exact = true })
            );
        }
    }

    private async Task<Visit> InviteAsync(Visit admin, string name, string role)
    {
        var invited = await admin.Page.APIRequest.PostAsync(
            $"{portal.Address}/api/v1/users",
            new() { DataObject = new { name, roles = new[] { role } } }
        );
        Assert.True(invited.Ok, await invited.TextAsync());
        var link = JsonDocument.Parse(await invited.TextAsync()).RootElement.GetProperty("path").GetString()!;
        var visit = await portal.VisitAsync(signedIn: false);
        await visit.Page.GotoAsync(portal.Address + link);
        await visit.Page.FillAsync("#password", "correct horse battery staple");
        await visit.ClickAsync("main button.primary");
        await visit.LeavesAsync("/link");
        return visit;
    }

    private async Task SetAsync(Visit visit, object settings)
    {
        var set = await visit.Page.APIRequest.PutAsync(
            $"{portal.Address}/api/v1/approval-settings",
            new() { DataObject = settings }
        );
        Assert.True(set.Ok, await set.TextAsync());
    }
}
