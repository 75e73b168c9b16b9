using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>Whom the cluster tells of what is wrong, said in the console.</summary>
public sealed class AlertRuleTests(DemoPortal portal)
{
    [Fact]
    public async Task A_rule_is_made_tested_signed_changed_and_deleted_on_its_page()
    {
        await using var visit = await portal.VisitAsync();
        var (application, url, sent) = await ReceiveAsync();
        await using var receiver = application;
        await visit.GoAsync("/admin/alerts");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Link, new() { Name = "Rules", Exact = true }));
        await visit.ClickAsync("text=New rule");
        await visit.Page.FillAsync("#name", "at <night>");
        await visit.Page.SelectOptionAsync("#on", "error-rate");
        await visit.Page.FillAsync("#percent", "2.5");
        await visit.ClickAsync("text=Create");
        await visit.SeesAsync("The rule tells nobody");
        Assert.Equal("2.5", await visit.Page.InputValueAsync("#percent"));

        await visit.Page.FillAsync("#webhooks", $"{url}/T0K3N");
        await visit.ClickAsync("text=Create");
        await visit.SeesAsync("at <night> was created.");
        await visit.SeesAsync("more than 2.5 % of at least 20 calls within 5 minutes");
        Assert.DoesNotContain("T0K3N", await visit.Page.ContentAsync(), StringComparison.Ordinal);
        await visit.AssertAccessibleAsync();

        await visit.ClickAsync("main >> text=Test");
        await visit.SeesAsync("1 address of at <night> got a test.");
        Assert.Contains("This is a test", await sent.WaitAsync(TimeSpan.FromSeconds(60)), StringComparison.Ordinal);

        await visit.ConfirmAsync("Sign", "Sign");
        var secret = await visit.Page.GetByLabel("Webhook secret").InnerTextAsync();
        Assert.StartsWith("whsec_", secret, StringComparison.Ordinal);
        await visit.AssertAccessibleAsync();

        await visit.ClickAsync("main >> text=Edit");
        Assert.Equal($"{url}/T0K3N", await visit.Page.InputValueAsync("#webhooks"));
        await visit.Page.CheckAsync("input[name=muted]");
        await visit.ClickAsync("text=Save");
        await visit.SeesAsync("tells nobody: muted");
        await visit.SeesAsync("webhooks are signed");
        Assert.DoesNotContain(secret, await visit.Page.ContentAsync(), StringComparison.Ordinal);

        await visit.ConfirmAsync("Delete", "Delete");
        await visit.SeesAsync("There is no alert rule");
    }

    /// <summary>Takes what is sent to it.</summary>
    private static async Task<(WebApplication Application, string Url, Task<string> Sent)> ReceiveAsync()
    {
        var sent = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var application = builder.Build();
        application.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            sent.TrySetResult(await reader.ReadToEndAsync(http.RequestAborted));
        });
        await application.StartAsync();
        return (application, application.Urls.Single(), sent.Task);
    }
}
