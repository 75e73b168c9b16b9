using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>Who may call what is said on a page, and stands in the OpenAPI document.</summary>
public sealed class OperationsTests(DemoPortal portal)
{
    private const string Rights = """
        openapi: 3.1.0
        info: { title: rights, version: 1.0.0 }
        servers: [{ url: http://127.0.0.1:9 }]
        paths:
          /books:
            get: { summary: What there is, responses: { '200': { description: ok } } }
            post: { responses: { '201': { description: ok } } }

        """;

    private const string Page = "/publisher/apis/rights:1.0.0/operations";

    [Fact]
    public async Task Operations_get_scopes_and_types_by_keyboard_and_several_at_once()
    {
        await using var visit = await portal.VisitAsync();
        await visit.GoAsync("/publisher/import");
        await visit.WriteAsync(Rights);
        await visit.ClickAsync("text=Create the API");
        await visit.SeesAsync("worker-1 applied");

        await visit.GoAsync(Page);
        await visit.SeesAsync("The API has no scopes");
        await visit.ClickAsync("text=Add a scope");
        await visit.Page.FillAsync("#scope-name", "books:read");
        await visit.Page.FillAsync("#scope-text-new", "See the <b>books</b>");
        await visit.Page.Locator("[popover]:popover-open input[value=publisher]").CheckAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.SeesAsync("The scope books:read is saved.");
        await visit.SeesAsync("users who are publisher");

        var auth = visit.Page.GetByLabel("Who may call GET /", new() { Exact = false }).First;
        // A list takes letters for one word only while they come within a second of each other.
        for (var attempt = 0; attempt < 10 && await auth.InputValueAsync() != "application-user"; attempt++)
        {
            await auth.FocusAsync();
            await visit.Page.Keyboard.TypeAsync("tokens of u");
        }

        await visit.Page.Keyboard.PressAsync("Tab");
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Page.Keyboard.PressAsync("Tab");
        await visit.Page.Keyboard.PressAsync("Space");
        await visit.AssertAccessibleAsync();
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Save", Exact = true }).First.FocusAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.SeesAsync("Saved. Deploy to put it into force.");
        await Assertions.Expect(auth).ToHaveValueAsync("application-user");
        await Assertions.Expect(visit.Page.Locator("details.pick summary").First).ToContainTextAsync("books:read");

        await visit.Page.SelectOptionAsync("#which", "all");
        await visit.Page.SelectOptionAsync("#all-auth", "none");
        await visit.ClickAsync("text=Change them");
        await visit.SeesAsync("no operation");
        await Assertions.Expect(auth).ToHaveValueAsync("none");

        await visit.GoAsync("/publisher/apis/rights:1.0.0/source");
        Assert.Contains("security: []", await visit.Page.InputValueAsync("#document"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_JavaScript_a_form_that_is_stale_or_wrong_says_so_and_keeps_what_was_chosen()
    {
        await using var visit = await portal.VisitAsync(javaScript: false);
        await visit.GoAsync("/publisher/apis/pizzashack:1.0.0/operations?q=menu");
        var limit = visit.Page.GetByLabel("Limit of GET", new() { Exact = false }).First;
        await visit.ClickAsync("text=Change them");
        await visit.SeesAsync("No operation is ticked");

        await limit.SelectOptionAsync(new SelectOptionValue { Index = 1 });
        var chosen = await limit.InputValueAsync();
        await visit.Page.EvaluateAsync("() => { document.querySelector('form.stack input[name=epoch]').value = '1' }");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Save", Exact = true }));

        await visit.SeesAsync("Somebody changed it while you were looking");
        Assert.Equal(chosen, await limit.InputValueAsync());
        await visit.GoAsync("/publisher/apis/pizzashack:1.0.0/operations?q=no-such-path");
        await visit.SeesAsync("No operation has that");
    }
}
