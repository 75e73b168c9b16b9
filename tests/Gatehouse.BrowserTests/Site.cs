using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>A cluster's web as a browser finds it, and an administrator who set the password by the link that was printed.</summary>
public abstract class Site
{
    public const string Administrator = "admin";
    public const string Password = "correct horse battery staple";

    private string _state = "";

    /// <summary>The managers, as a browser calls them.</summary>
    public string Address { get; protected set; } = "";

    /// <summary>Where callers of APIs come in.</summary>
    public string Gateway { get; protected set; } = "";

    /// <summary>The sample backend.</summary>
    public string Backend { get; protected set; } = "";

    /// <summary>The workers that serve.</summary>
    public IReadOnlyList<string> Workers { get; protected set; } = [];

    /// <summary>An offset of ports that none of its nodes uses.</summary>
    public int FreeOffset { get; protected set; }

    /// <summary>Why there is no such site here; null when there is.</summary>
    public abstract string? Missing { get; }

    /// <summary>The browser that people share.</summary>
    protected abstract IBrowser Chromium { get; }

    public void SkipWhenMissing() => Assert.SkipWhen(Missing is not null, Missing ?? "");

    /// <summary>A fresh browser context; what goes wrong in it fails the test when it ends.</summary>
    public async Task<Visit> VisitAsync(
        bool signedIn = true,
        bool dark = false,
        bool narrow = false,
        bool javaScript = true,
        string? address = null
    )
    {
        SkipWhenMissing();
        var context = await Chromium.NewContextAsync(
            new()
            {
                IgnoreHTTPSErrors = true,
                ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
                ReducedMotion = ReducedMotion.Reduce,
                JavaScriptEnabled = javaScript,
                StorageState = signedIn ? _state : null,
                ViewportSize = narrow ? new() { Width = 390, Height = 844 } : new() { Width = 1360, Height = 860 },
                Permissions = ["clipboard-read", "clipboard-write"],
            }
        );
        context.SetDefaultTimeout(60_000);
        if (javaScript)
        {
            await context.AddInitScriptAsync(Visit.Watch);
        }

        return new(address ?? Address, context, await context.NewPageAsync(), javaScript);
    }

    /// <summary>Makes the first administrator.</summary>
    /// <param name="link">The link that was printed; its code is in its fragment.</param>
    protected async Task SetUpAsync(Uri link)
    {
        await using var visit = await VisitAsync(signedIn: false);
        await visit.Page.GotoAsync($"{Address}/{link.Fragment}", new() { WaitUntil = WaitUntilState.Commit });
        await visit.ReachesAsync("/sign-in/set-up");
        // The script takes the code out of the address and into the form.
        await visit.Page.WaitForFunctionAsync("() => document.querySelector('#code')?.value");
        await visit.Page.FillAsync("#password", Password);
        await visit.Page.ClickAsync("text=Set up and sign in");
        await visit.ReachesAsync("/admin");
        _state = await visit.Page.Context.StorageStateAsync();
    }

    /// <summary>Waits until every worker and balancer runs what the catalogue says now: a key comes to one before the other.</summary>
    public async Task ArrivesEverywhereAsync(Visit visit)
    {
        var last = "";
        await Eventually.TrueAsync(
            async () =>
            {
                var answer = await visit.Page.APIRequest.GetAsync($"{Address}/api/v1/status");
                last = await answer.TextAsync();
                var status = JsonNode.Parse(last)!;
                return status["nodes"]!
                    .AsArray()
                    .Where(n => (string?)n!["profile"] is "gateway-worker" or "load-balancer")
                    .Where(n => (string?)n!["state"] is not "lost")
                    .All(n => (long?)n!["epoch"] >= (long?)status["epoch"]);
            },
            TimeSpan.FromSeconds(60),
            () => $"all run the newest epoch: {last}"
        );
    }

    /// <summary>An OpenAPI document of one operation, which leads to the sample backend.</summary>
    public string Document(string title, string path) =>
        $$"""
            openapi: 3.1.0
            info:
              title: {{title}}
              version: 1.0.0
              description: For a test.
            servers:
              - url: {{Backend}}
            paths:
              {{path}}:
                get:
                  summary: All of them
                  responses:
                    '200':
                      description: ok
            """;

    /// <summary>Imports an API of one operation and sees every worker apply it.</summary>
    public async Task ImportAsync(Visit visit, string name, string path)
    {
        await visit.GoAsync("/publisher/import");
        await visit.WriteAsync(Document(name, path));
        await visit.ClickAsync("text=Create the API");
        foreach (var worker in Workers)
        {
            await visit.SeesAsync($"{worker} applied");
        }
    }
}
