using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>The authority and the signing keys, by an operator who rotates them.</summary>
public sealed class CertificateTests(DemoPortal portal)
{
    [Fact]
    public async Task The_certificate_of_one_node_is_renewed_and_its_page_shows_the_new_one_by_itself()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/admin/certificates");
        var row = visit.Page.Locator("tr:has-text('worker-2')");
        var before = (await row.Locator("td.mono").InnerTextAsync()).Trim();

        await visit.ClickAsync(row.GetByRole(AriaRole.Button, new() { Name = "Renew", Exact = true }).First);
        var question = visit.Page.Locator("[popover]:popover-open");
        await question.GetByText("no call fails").WaitForAsync();
        await visit.ClickAsync(question.GetByRole(AriaRole.Button, new() { Name = "Renew", Exact = true }));

        await visit.SeesAsync("worker-2 is told to renew its certificate");
        var serial = visit.Page.Locator("dt:has-text('Serial number') + dd");
        await Assertions.Expect(serial).Not.ToHaveTextAsync(before, new() { Timeout = 60_000 });
        await visit.GoAsync("/admin/certificates");
        await Assertions.Expect(row.Locator("td.mono")).Not.ToHaveTextAsync(before);
        await Assertions.Expect(row.GetByText("renewal asked for")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_rotation_of_the_authority_is_begun_followed_and_taken_back_and_a_signing_key_is_made()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/admin/certificates");
        await visit.ConfirmAsync("Rotate", "Begin");
        await visit.SeesAsync("Nodes learn to believe the new authority.");
        await visit.SeesAsync("1 of 3: nodes learn to believe both authorities");

        // The page counts who is through, and has the next step once all are.
        var next = visit.Page.GetByRole(AriaRole.Button, new() { Name = "Issue", Exact = true });
        var show = visit.Page.GetByText("Show the next step");
        await show.Or(next).First.WaitForAsync(new() { Timeout = 60_000 });
        if (await next.CountAsync() == 0)
        {
            await visit.ClickAsync(show);
            await next.WaitForAsync();
        }

        Assert.Equal(1, await next.CountAsync());
        await visit.AssertAccessibleAsync();
        await using (var narrow = await portal.VisitAsync(narrow: true))
        {
            await narrow.GoAsync("/admin/certificates");
            Assert.Equal(0, await narrow.OverhangAsync());
        }

        await visit.ConfirmAsync("Take back", "Take back");
        await visit.SeesAsync("The rotation is taken back.");
        await Assertions.Expect(visit.Page.GetByText("1 of 3")).ToHaveCountAsync(0);

        await visit.ConfirmAsync("New key", "Make it");
        await visit.SeesAsync("A new signing key is made");
        await visit.SeesAsync("shown, signs later");
        await visit.AssertAccessibleAsync();
    }
}
