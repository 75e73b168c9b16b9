using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>What a page shows while its manager is slow, and when it is gone.</summary>
public sealed partial class OutageTests(DemoPortal portal)
{
    // The page looks every two and a half seconds and waits for five.
    private const float Patience = 60_000;

    [Fact]
    public async Task A_page_that_lost_its_manager_says_how_old_it_is_and_goes_on_by_itself_when_it_is_back()
    {
        portal.SkipWhenMissing();
        await using var proxy = await AlternatingProxy.StartAsync(new Uri(portal.Address));
        await using var visit = await portal.VisitAsync(address: proxy.Address);
        await visit.GoAsync("/admin/nodes");
        var row = visit.Page.Locator("tr:has-text('worker-1')").First;
        await row.GetByText("serving").WaitForAsync();
        var note = visit.Page.Locator("[data-stale]");
        await Assertions.Expect(note).ToBeHiddenAsync();

        visit.IsCutOff = true;
        proxy.Cut();

        await note.WaitForAsync(new() { Timeout = Patience });
        Assert.Matches(@"What you see is from \d+:\d\d:\d\d", await note.InnerTextAsync());
        Assert.True(await row.IsVisibleAsync());
        await visit.AssertAccessibleAsync();

        proxy.Mend();

        await note.WaitForAsync(new() { State = WaitForSelectorState.Hidden, Timeout = Patience });
        await row.GetByText("serving").WaitForAsync();
    }

    [Fact]
    public async Task A_page_drawn_by_a_manager_that_had_not_heard_yet_is_put_right_by_itself()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/publisher/apis/petstore:1.0.0/revisions");
        await visit.SeesAsync("worker-1 applied");
        var behind = 0;
        // The same page again, as the manager draws it that does not know of the worker's report.
        await visit.Page.RouteAsync(
            "**/revisions",
            async route =>
            {
                var answer = await route.FetchAsync();
                var text = await answer.TextAsync();
                Assert.Contains("worker-1", text, StringComparison.Ordinal);
                behind++;
                await route.FulfillAsync(
                    new()
                    {
                        Response = answer,
                        Body = text.Replace("worker-1", "worker-0", StringComparison.Ordinal)
                            .Replace("<title>", "<title>Behind ", StringComparison.Ordinal),
                    }
                );
            }
        );

        await visit.ClickAsync("nav.tabs >> text=Revisions");

        await Assertions.Expect(visit.Page).ToHaveTitleAsync(BehindTitle());
        // Once a minute the part changes by itself, which is later than this waits.
        await visit.SeesAsync("worker-1 applied");
        Assert.Equal(1, behind);
    }

    [Fact]
    public async Task A_page_that_takes_long_says_so_and_a_form_that_is_under_way_is_not_sent_twice()
    {
        portal.SkipWhenMissing();
        await using var proxy = await AlternatingProxy.StartAsync(new Uri(portal.Address));
        for (var attempt = 1; ; attempt++)
        {
            await using var visit = await portal.VisitAsync(address: proxy.Address);
            try
            {
                await CreateImpatientlyAsync(visit, proxy);
                return;
            }
            catch (Exception) when (visit.NetworkChanged && attempt < 4)
            {
                // The browser gave the request up; once more on the network as it is now.
                proxy.Release();
            }
        }
    }

    [Fact]
    public async Task A_question_that_is_opened_while_a_form_is_under_way_stays_open()
    {
        portal.SkipWhenMissing();
        await using var proxy = await AlternatingProxy.StartAsync(new Uri(portal.Address));
        await using var visit = await portal.VisitAsync(address: proxy.Address);
        await visit.GoAsync("/publisher/apis/petstore:1.0.0/endpoints");
        var question = visit.Page.Locator("[popover]:popover-open");
        proxy.Hold();

        await visit.ClickAsync("button[value=save]");
        // Not by way of the visit, which would wait for the answer.
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Deploy again", Exact = true }).ClickAsync();
        await question.WaitForAsync();
        proxy.Release();

        await visit.SeesAsync("Saved.", within: Patience);
        await visit.Page.WaitForFunctionAsync(
            "() => document.querySelector('main').getAttribute('aria-busy') !== 'true'"
        );
        Assert.Equal(1, await question.CountAsync());
        await visit.ClickAsync(question.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }));
        await Assertions.Expect(question).ToHaveCountAsync(0);
    }

    private static async Task CreateImpatientlyAsync(Visit visit, AlternatingProxy proxy)
    {
        await visit.GoAsync("/devportal/applications");
        var bar = visit.Page.Locator("[data-loading]");
        await Assertions.Expect(bar).ToBeHiddenAsync();
        var before = proxy.Posts;
        proxy.Hold();
        var name = $"Patience {Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture)[..8]}";
        await visit.Page.FillAsync("#name", name);

        var create = visit.Page.Locator("main form button", new() { HasTextString = "Create" }).Last;
        await create.ClickAsync();
        await bar.WaitForAsync(new() { Timeout = Patience });
        Assert.Equal("true", await visit.Page.Locator("main").GetAttributeAsync("aria-busy"));
        await create.ClickAsync();
        await visit.AssertAccessibleAsync();
        proxy.Release();

        await visit.Page.GetByRole(AriaRole.Heading, new() { Name = name }).WaitForAsync();
        await bar.WaitForAsync(new() { State = WaitForSelectorState.Hidden, Timeout = Patience });
        Assert.Equal(1, proxy.Posts - before);
        Assert.NotEqual("true", await visit.Page.Locator("main").GetAttributeAsync("aria-busy"));
    }

    [GeneratedRegex("^Behind ")]
    private static partial Regex BehindTitle();
}
