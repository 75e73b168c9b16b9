using System.Globalization;
using System.Text.Json;
using Gatehouse.BrowserTests;
using Gatehouse.ClusterTests.Harness;
using Microsoft.Playwright;

// One cluster and one browser for all: starting them costs more than the tests.
[assembly: AssemblyFixture(typeof(DemoPortal))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Gatehouse.BrowserTests;

/// <summary>A real demo cluster, a real Chromium, and an administrator who set the password by the printed link.</summary>
public sealed class DemoPortal : IAsyncLifetime
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome"];

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("gatehouse-browser-");
    private NodeProcess? _demo;
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private string _state = "";

    public int Offset { get; private set; }

    /// <summary>The manager, as a browser calls it.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The balancer.</summary>
    public string Balancer { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        if (Chromium() is not { } chromium)
        {
            return;
        }

        Offset = Machine.TakeOffset();
        _demo = NodeProcess.Start(
            ["demo", "-o", "json", "--port-offset", Offset.ToString(CultureInfo.InvariantCulture)],
            new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _home.FullName },
            // Another build than the tests' own, such as what 'dotnet publish' made.
            executable: Environment.GetEnvironmentVariable("GATEHOUSE_EXECUTABLE")
        );
        JsonElement said = default;
        await Eventually.TrueAsync(
            () => _demo.HasExited || TryParse(_demo.StandardOutput, out said),
            TimeSpan.FromSeconds(150),
            () => $"the demo is ready:\n{_demo.Output}"
        );
        Assert.False(_demo.HasExited, _demo.Output);
        Assert.True(said.TryGetProperty("balancer", out _), $"The demo is not ready:\n{_demo.Output}");
        Address = $"https://localhost:{(9443 + Offset).ToString(CultureInfo.InvariantCulture)}";
        Balancer = said.GetProperty("balancer").GetString()!;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = chromium, Args = ["--no-sandbox"] });

        await using var visit = await VisitAsync(signedIn: false);
        var link = new Uri(said.GetProperty("console").GetString()!);
        await visit.Page.GotoAsync($"{Address}/{link.Fragment}");
        await visit.Page.WaitForURLAsync("**/sign-in/set-up*");
        await visit.Page.FillAsync("#password", "correct horse battery staple");
        await visit.Page.ClickAsync("text=Set up and sign in");
        await visit.Page.WaitForURLAsync("**/admin");
        _state = await visit.Page.Context.StorageStateAsync();
        _ = said;
    }

    public void SkipWithoutBrowser() =>
        Assert.SkipWhen(_browser is null, "Chromium is not installed; test.sh installs it");

    /// <summary>A fresh browser context; what goes wrong in it fails the test when it ends.</summary>
    public async Task<Visit> VisitAsync(
        bool signedIn = true,
        bool dark = false,
        bool narrow = false,
        bool javaScript = true,
        string? address = null
    )
    {
        SkipWithoutBrowser();
        var context = await _browser!.NewContextAsync(
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
        context.SetDefaultTimeout(20_000);
        return new(address ?? Address, context, await context.NewPageAsync());
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        if (_demo is { HasExited: false })
        {
            _demo.Signal(PosixSignalNumber.Interrupt);
            await _demo.ExitedAsync();
        }

        if (_demo is not null)
        {
            await _demo.DisposeAsync();
        }

        _home.Delete(recursive: true);
    }

    private static string? Chromium() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':')
            .SelectMany(folder => s_names.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);

    private static bool TryParse(string text, out JsonElement parsed)
    {
        try
        {
            parsed = JsonDocument.Parse(text).RootElement;
            return true;
        }
        catch (JsonException)
        {
            parsed = default;
            return false;
        }
    }
}
