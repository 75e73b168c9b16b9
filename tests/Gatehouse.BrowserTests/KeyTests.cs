using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>Keys and clients, whose secrets are shown once.</summary>
public sealed class KeyTests(DemoPortal portal)
{
    [Fact]
    public async Task A_key_is_rolled_and_revoked_and_its_secret_is_never_shown_again()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/devportal/applications");
        await visit.Page.FillAsync("#name", "Rolling");
        await visit.ClickAsync("main >> text=Create >> nth=-1");
        await visit.ClickAsync("text=New key");
        var secret = await visit.Page.GetByLabel("Your new API key").InnerTextAsync();

        await visit.ConfirmAsync("Roll", "Roll");
        await visit.Page.WaitForFunctionAsync(
            "old => { const e = document.querySelector('[aria-label=\"Your new API key\"]'); return e && e.innerText !== old }",
            secret
        );
        await visit
            .Page.ReloadAsync(new() { WaitUntil = WaitUntilState.DOMContentLoaded })
            .ContinueWith(_ => { }, TaskScheduler.Default);
        await visit.GoAsync(new Uri(visit.Page.Url).AbsolutePath);
        Assert.DoesNotContain(secret, await visit.Page.ContentAsync(), StringComparison.Ordinal);

        var before = await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Revoke", Exact = true }).CountAsync();
        await visit.ConfirmAsync("Revoke", "Revoke");
        await visit.SeesAsync("was revoked");
        await Assertions
            .Expect(visit.Page.Locator("button[popovertarget^=ask-revoke]:not([popovertargetaction])"))
            .ToHaveCountAsync(before - 1);
    }

    [Fact]
    public async Task A_client_of_the_key_manager_is_made_shown_once_and_revoked()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/admin/clients");
        await visit.ClickAsync("text=Make the client");
        await visit.SeesAsync("The secret is shown this once");
        var secret = await visit.Page.GetByLabel("Client secret").InnerTextAsync();
        var id = await visit.Page.GetByLabel("Client id").InnerTextAsync();
        await visit.AssertAccessibleAsync();

        await visit.GoAsync("/admin/clients");
        Assert.DoesNotContain(secret, await visit.Page.ContentAsync(), StringComparison.Ordinal);
        var row = visit.Page.Locator("tr", new() { HasTextString = id });
        await visit.ClickAsync(row.GetByRole(AriaRole.Button, new() { Name = "Revoke", Exact = true }).First);
        await visit.ClickAsync(
            visit.Page.Locator("[popover]:popover-open").GetByRole(AriaRole.Button, new() { Name = "Revoke" })
        );

        await visit.SeesAsync("was revoked");
        await Assertions.Expect(row).ToHaveCountAsync(0);
    }
}
