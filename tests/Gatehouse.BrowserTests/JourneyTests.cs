using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Gatehouse.ClusterTests.Harness;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>The journeys people make, against a real cluster, with the clicks counted.</summary>
/// <param name="site">Where they are made.</param>
public abstract partial class JourneyTests(Site site)
{
    [Fact]
    public async Task J1_whoever_was_sent_to_the_sign_in_is_after_one_click_where_they_wanted_to_go()
    {
        await using var visit = await site.VisitAsync(signedIn: false);
        await visit.GoAsync("/admin/nodes");

        await visit.Page.FillAsync("#user", Site.Administrator);
        await visit.Page.FillAsync("#password", Site.Password);
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }));

        await visit.ReachesAsync("/admin/nodes");
        await visit.Page.Locator("tr:has-text('worker-1')").First.GetByText("serving").WaitForAsync();
        Assert.Equal(1, visit.Clicks);
    }

    [Fact]
    public async Task J4_a_document_becomes_a_published_API_in_four_clicks_and_the_badges_flip_by_themselves()
    {
        await using var visit = await site.VisitAsync();
        await visit.GoAsync("/publisher");

        await visit.ClickAsync("text=Import an API");
        await visit.WriteAsync(site.Document("books", "/books"));
        await visit.ClickAsync("text=Create the API");

        foreach (var worker in site.Workers)
        {
            await visit.SeesAsync($"{worker} applied");
        }

        Assert.InRange(visit.Clicks, 1, 4);
    }

    [Fact]
    public async Task J5_a_key_in_three_clicks_opens_the_API()
    {
        await using var visit = await site.VisitAsync();
        await visit.GoAsync("/devportal/apis/petstore:1.0.0");

        await visit.ClickAsync("text=Get a key");
        await visit.ClickAsync("text=Create the key");
        var secret = await visit.Page.GetByLabel("Your API key").InnerTextAsync();
        await visit.ClickAsync("[data-copy^=gwk_]");

        Assert.Equal(3, visit.Clicks);
        var copied = "";
        await Eventually.TrueAsync(
            async () =>
                (copied = await visit.Page.EvaluateAsync<string>("() => navigator.clipboard.readText()")) == secret,
            TimeSpan.FromSeconds(60),
            () => $"the key is copied, not '{copied}'"
        );
        await site.ArrivesEverywhereAsync(visit);
        using var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
        using var http = new HttpClient(handler);
        await Eventually.TrueAsync(
            async () =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"{site.Gateway}/petstore/1.0.0/pets");
                request.Headers.Add("apikey", secret);
                using var answer = await http.SendAsync(request);
                return answer.IsSuccessStatusCode;
            },
            TimeSpan.FromSeconds(60),
            () => "the key opens the API"
        );

        await visit.GoAsync("/devportal/apis/petstore:1.0.0/try?op=GET%20%2Fpets");
        await visit.Page.FillAsync("#key", secret);
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Send", Exact = true }));
        await visit.SeesAsync("200 OK");
        await visit.SeesAsync("What the gateway did");
    }

    [Fact]
    public async Task J6_a_bad_deployment_is_rolled_back_with_two_clicks()
    {
        await using var visit = await site.VisitAsync();
        await site.ImportAsync(visit, "orders", "/orders");
        await visit.GoAsync("/publisher/apis/orders:1.0.0/endpoints");
        await visit.Page.FillAsync("#production", "http://127.0.0.1:9");
        await visit.ClickAsync("button[value=save]");
        await visit.SeesAsync("Saved.");
        await visit.ConfirmAsync("Deploy", "Deploy");
        await visit.Page.Locator("[data-live] >> text=r2").WaitForAsync();
        var clicks = visit.Clicks;

        await visit.ConfirmAsync("Roll back to r1", "Roll back to r1");

        await visit.Page.Locator("[data-live] >> text=r1").WaitForAsync();
        await visit.SeesAsync($"serves on {site.Workers.Count} worker");
        Assert.Equal(2, visit.Clicks - clicks);
    }

    [Fact]
    public async Task J7_a_canary_is_started_widened_and_promoted_with_its_split_shown()
    {
        await using var visit = await site.VisitAsync();
        await site.ImportAsync(visit, "tried", "/tried");
        await visit.GoAsync("/publisher/apis/tried:1.0.0/canary");
        await visit.SeesAsync("There is no other revision to try");
        await visit.GoAsync("/publisher/apis/tried:1.0.0/endpoints");
        await visit.Page.FillAsync("#production", "http://127.0.0.1:9");
        await visit.ClickAsync("button[value=save]");
        await visit.SeesAsync("Saved.");
        await visit.GoAsync("/publisher/apis/tried:1.0.0/canary");

        await visit.ClickAsync("text=Start the canary");
        await visit.SeesAsync("r2 runs beside r1");
        await visit.Page.GetByLabel("90 of a hundred callers get r1, 10 get r2").WaitForAsync();
        await visit.ClickAsync("button[name=share][value='50']");
        await visit.Page.GetByLabel("50 of a hundred callers get r1, 50 get r2").WaitForAsync();
        await visit.ConfirmAsync("Promote", "Give everybody r2");

        await visit.SeesAsync("Everybody gets r2");
        await visit.SeesAsync("worker-1 applied");
        await visit.AssertAccessibleAsync();
    }

    [Fact]
    public async Task J3_and_J12_a_node_is_added_is_seen_arriving_is_lost_within_three_seconds_and_is_evicted()
    {
        await using var visit = await site.VisitAsync();
        await visit.GoAsync("/admin/nodes/add");
        await visit.Page.FillAsync("#node", "worker-9");
        await visit.ClickAsync("text=Make the join command");
        var command = await visit.Page.GetByLabel("Command that joins the node").InnerTextAsync();
        using var data = new TemporaryFolder();
        await using var worker = NodeProcess.Start(
            [
                "join",
                command.Split(' ')[^1],
                "--data",
                data.Path,
                "--advertise",
                "127.0.0.1",
                "--port-offset",
                site.FreeOffset.ToString(CultureInfo.InvariantCulture),
            ],
            executable: DemoPortal.Executable
        );
        await visit.SeesAsync("worker-9 joined from", within: 120_000);

        await visit.GoAsync("/admin/nodes");
        var row = visit.Page.Locator("tr:has-text('worker-9')").First;
        await row.GetByText("serving").WaitForAsync(new() { Timeout = 90_000 });
        var killed = FairClock.Start();
        await worker.KillAsync();
        await row.GetByText("lost").WaitForAsync();
        killed.WasWithin(TimeSpan.FromSeconds(3), "shown lost");

        await visit.GoAsync("/admin/nodes/worker-9");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Evict", Exact = true }));
        await visit.Page.FillAsync("#confirm", "worker-9");
        await visit.ClickAsync("text=Evict worker-9 >> nth=-1");
        await visit.SeesAsync("worker-9 was evicted");
    }

    [Fact]
    public async Task J10_the_audit_is_verified_and_exported_with_two_clicks()
    {
        await using var visit = await site.VisitAsync();
        await visit.GoAsync("/admin/audit");

        await visit.ClickAsync("text=Verify the chain");
        await visit.SeesAsync("The chain is whole");
        var download = await visit.Page.RunAndWaitForDownloadAsync(() => visit.ClickAsync("text=Export"));

        Assert.Equal(2, visit.Clicks);
        var lines = await File.ReadAllLinesAsync(await download.PathAsync());
        Assert.Contains(
            lines,
            l =>
                JsonDocument
                    .Parse(l)
                    .RootElement.GetProperty("summary")
                    .GetString()!
                    .Contains("imported API petstore", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task J8_from_the_overview_to_a_nodes_refusals_in_three_clicks()
    {
        await using var visit = await site.VisitAsync();
        await visit.GoAsync("/admin");

        await visit.ClickAsync("nav >> text=Nodes");
        await visit.ClickAsync("table >> text=worker-1");

        await visit.SeesAsync("What it runs");
        Assert.InRange(visit.Clicks, 1, 3);
    }
}
