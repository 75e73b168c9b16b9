using System.Reflection;
using System.Text.Json;
using Gatehouse.Management;
using Gatehouse.Portal;
using Gatehouse.Portal.Access;
using Microsoft.AspNetCore.Components;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>Every page, as somebody who may not see it, and about something that is not there.</summary>
public sealed class StateTests(DemoPortal portal)
{
    [Fact]
    public async Task Every_page_that_a_role_does_not_open_says_so_and_leads_back()
    {
        await using var admin = await portal.VisitAsync();
        var invited = await admin.Page.APIRequest.PostAsync(
            $"{portal.Address}/api/v1/users",
            new() { DataObject = new { name = "forbidden-sue", roles = new[] { Roles.Subscriber } } }
        );
        Assert.True(invited.Ok, await invited.TextAsync());
        var link = JsonDocument.Parse(await invited.TextAsync()).RootElement.GetProperty("path").GetString()!;
        await using var visit = await portal.VisitAsync(signedIn: false);
        visit.Expected = 403;
        await visit.Page.GotoAsync(portal.Address + link);
        await visit.Page.FillAsync("#password", "correct horse battery staple");
        await visit.ClickAsync("main button.primary");
        await visit.LeavesAsync("/link");
        var made = await visit.Page.APIRequest.PostAsync(
            $"{portal.Address}/api/v1/applications",
            new() { DataObject = new { name = "Hers" } }
        );
        var hers = JsonDocument.Parse(await made.TextAsync()).RootElement.GetProperty("id").GetString()!;

        var wrong = new List<string>();
        foreach (var (path, needs) in Pages("petstore:1.0.0", "worker-1", "plans", hers))
        {
            var answer = await visit.Page.APIRequest.GetAsync(portal.Address + path);
            var text = await answer.TextAsync();
            // A publisher's page about an API asks for a right to it as well.
            var forbidden = needs is { } permission && !Roles.PermissionsOf(Roles.Subscriber).Contains(permission);
            if (
                answer.Status == 403
                    ? !text.Contains("Your role does not allow this", StringComparison.Ordinal) || !LeadsBack(text)
                    : answer.Status != 200 || forbidden
            )
            {
                wrong.Add($"{path} answers {answer.Status}");
            }
        }

        Assert.Empty(wrong);
        await visit.GoAsync("/admin/users");
        await visit.SeesAsync("Your role does not allow this");
        await visit.AssertAccessibleAsync();
    }

    [Fact]
    public async Task Every_page_about_something_that_is_not_there_says_so_and_leads_back()
    {
        await using var visit = await portal.VisitAsync();
        visit.Expected = 404;

        var wrong = new List<string>();
        foreach (
            var path in Pages("nothing:9.9.9", "nothing", "nothing", "nothing")
                .Select(p => p.Path)
                .Where(p => p.Contains("nothing", StringComparison.Ordinal))
                .Concat([
                    "/admin/environments/edit?name=nothing",
                    "/admin/limits/plans/edit?name=nothing",
                    "/publisher/apis/petstore:1.0.0/revisions?environment=nothing",
                    "/publisher/apis/petstore:1.0.0/canary?environment=nothing",
                    "/admin/nothing",
                    "/devportal/nothing",
                ])
        )
        {
            var answer = await visit.Page.APIRequest.GetAsync(portal.Address + path);
            var text = await answer.TextAsync();
            if (
                answer.Status != 404
                || !text.Contains("There is nothing here", StringComparison.Ordinal)
                || !LeadsBack(text)
            )
            {
                wrong.Add($"{path} answers {answer.Status}");
            }
        }

        Assert.Empty(wrong);
        await visit.GoAsync("/admin/nodes/nothing");
        await visit.ClickAsync("main >> text=To the nodes");
        visit.Expected = 200;
        await visit.SeesAsync("Every node the cluster knows");
    }

    // What is on the page of a failure beside the frame: a button that is a link.
    private static bool LeadsBack(string page) =>
        page.Contains("class=\"button primary\" href=\"/", StringComparison.Ordinal);

    private static IEnumerable<(string Path, Permission? Needs)> Pages(
        string api,
        string node,
        string kind,
        string application
    ) =>
        from page in typeof(PortalHost).Assembly.GetTypes()
        from route in page.GetCustomAttributes<RouteAttribute>()
        where !route.Template.StartsWith("/status", StringComparison.Ordinal)
        let id = route.Template.StartsWith("/devportal/applications", StringComparison.Ordinal) ? application : api
        select (
            route
                .Template.Replace("{Id}", id, StringComparison.Ordinal)
                .Replace("{Name}", node, StringComparison.Ordinal)
                .Replace("{Kind}", kind, StringComparison.Ordinal),
            page.GetCustomAttribute<NeedsAttribute>()?.Permission
        );
}
