using System.Globalization;
using System.Text.Json;
using Gatehouse.BrowserTests;
using Gatehouse.ClusterTests.Harness;
using Microsoft.Playwright;

// One cluster and one browser for all: starting them costs more than the tests.
[assembly: AssemblyFixture(typeof(DemoPortal))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Gatehouse.BrowserTests;

/// <summary>A real demo cluster and a real Chromium.</summary>
public sealed class DemoPortal : Site, IAsyncLifetime
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome"];
    private static readonly string? s_chromium = Find();

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("gatehouse-browser-");
    private NodeProcess? _demo;
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>Another build than the tests' own, such as what 'dotnet publish' made; null for that one.</summary>
    public static string? Executable => Environment.GetEnvironmentVariable("GATEHOUSE_EXECUTABLE");

    public int Offset { get; private set; }

    /// <summary>The browser, for another site.</summary>
    public IBrowser Browser => _browser ?? throw new InvalidOperationException("There is no browser.");

    /// <inheritdoc/>
    public override string? Missing => s_chromium is null ? "Chromium is not installed; test.sh installs it" : null;

    /// <inheritdoc/>
    protected override IBrowser Chromium => Browser;

    public async ValueTask InitializeAsync()
    {
        if (Missing is not null)
        {
            return;
        }

        Offset = Machine.TakeOffset();
        _demo = NodeProcess.Start(
            ["demo", "-o", "json", "--port-offset", Offset.ToString(CultureInfo.InvariantCulture)],
            new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _home.FullName },
            executable: Executable
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
        Gateway = said.GetProperty("balancer").GetString()!;
        Backend = $"http://127.0.0.1:{(9700 + Offset).ToString(CultureInfo.InvariantCulture)}";
        Workers = ["worker-1", "worker-2"];
        FreeOffset = Offset + 15;
        _playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout(60_000);
        _browser = await _playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = s_chromium,
                Args = ["--no-sandbox"],
                Timeout = 150_000,
            }
        );
        await SetUpAsync(new Uri(said.GetProperty("console").GetString()!));
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

    private static string? Find() =>
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
