using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>Every screen, in both themes: accessible, without an error in the console, and no wider than a telephone.</summary>
public sealed class ScreenTests(DemoPortal portal, ScreenTests.Pages pages) : IClassFixture<ScreenTests.Pages>
{
    private const string Petstore = "petstore:1.0.0";

    public static TheoryData<string> Screens =>
        [
            "/admin",
            "/admin/nodes",
            "/admin/nodes/worker-1",
            "/admin/nodes/add",
            "/admin/deployments",
            "/admin/environments",
            "/admin/environments/edit?name=default",
            "/admin/certificates",
            "/admin/analytics",
            "/admin/analytics?range=day",
            "/admin/alerts",
            "/admin/alerts/rules",
            "/admin/alerts/rules/edit",
            "/admin/alerts/mail",
            "/admin/limits",
            "/admin/limits/api-policies",
            "/admin/limits/plans/edit?name=Gold",
            "/admin/limits/api-policies/edit",
            "/admin/blocks",
            "/admin/issuers",
            "/admin/clients",
            "/admin/users",
            "/admin/audit",
            "/me",
            "/publisher",
            "/publisher?q=nothing-has-this-word",
            "/publisher/import",
            "/publisher/approvals",
            $"/publisher/apis/{Petstore}",
            $"/publisher/apis/{Petstore}/operations",
            $"/publisher/apis/{Petstore}/policies",
            $"/publisher/apis/{Petstore}/security",
            $"/publisher/apis/{Petstore}/endpoints",
            $"/publisher/apis/{Petstore}/revisions",
            $"/publisher/apis/{Petstore}/consumers",
            $"/publisher/apis/{Petstore}/listing",
            $"/publisher/apis/{Petstore}/source",
            $"/publisher/apis/{Petstore}/canary",
            $"/publisher/apis/{Petstore}/usage",
            "/devportal",
            "/devportal?q=nothing-has-this-word",
            $"/devportal/apis/{Petstore}",
            $"/devportal/apis/{Petstore}/key",
            $"/devportal/apis/{Petstore}/try?op=GET%20%2Fpets",
            "/devportal/applications",
        ];

    public static TheoryData<string> OpenScreens =>
        [
            "/sign-in",
            "/sign-in/set-up",
            "/sign-in/link",
            "/sign-in/sign-up",
            "/devportal",
            $"/devportal/apis/{Petstore}",
        ];

    [Theory]
    [MemberData(nameof(Screens))]
    public async Task A_screen_is_accessible_in_both_themes_and_fits_a_telephone(string path)
    {
        var visit = await pages.TakeAsync(signedIn: true);
        await visit.GoAsync(path);
        await AssertAccessibleInBothThemesAsync(visit, path);

        await visit.Page.SetViewportSizeAsync(390, 844);
        Assert.Equal(0, await visit.OverhangAsync());
        visit.AssertUndisturbed();
    }

    [Theory]
    [MemberData(nameof(OpenScreens))]
    public async Task A_screen_for_everybody_is_accessible_in_both_themes(string path)
    {
        var visit = await pages.TakeAsync(signedIn: false);
        await visit.GoAsync(path);
        await AssertAccessibleInBothThemesAsync(visit, path);
        visit.AssertUndisturbed();
    }

    [Fact]
    public async Task What_is_wrong_in_one_theme_alone_is_found()
    {
        var visit = await pages.TakeAsync(signedIn: false);
        await visit.GoAsync("/sign-in");
        await visit.Page.EvaluateAsync(
            """
            () => {
              const faint = Object.assign(document.createElement('p'), { id: 'faint', textContent: 'Hard to read in the dark' });
              const follow = () => (faint.style.color = matchMedia('(prefers-color-scheme: dark)').matches ? '#333' : '');
              matchMedia('(prefers-color-scheme: dark)').addEventListener('change', follow);
              follow();
              document.querySelector('main').append(faint);
            }
            """
        );

        await ShowAsync(visit, dark: false);
        await visit.Page.WaitForFunctionAsync("() => document.querySelector('#faint').style.color === ''");
        await visit.AssertAccessibleAsync();
        await ShowAsync(visit, dark: true);
        await visit.Page.WaitForFunctionAsync("() => document.querySelector('#faint').style.color !== ''");
        var found = await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(visit.AssertAccessibleAsync);
        Assert.Contains("color-contrast at <p", found.Message, StringComparison.Ordinal);
    }

    // Themes and widths are matters of styles alone, so one page that is loaded shows all of them.
    private static async Task AssertAccessibleInBothThemesAsync(Visit visit, string path)
    {
        foreach (var dark in new[] { false, true })
        {
            await ShowAsync(visit, dark);
            await visit.AssertAccessibleAsync();
            await PictureAsync(visit, path, dark);
        }
    }

    private static Task ShowAsync(Visit visit, bool dark) =>
        visit.Page.EmulateMediaAsync(
            new() { ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light, ReducedMotion = ReducedMotion.Reduce }
        );

    [Fact]
    public async Task A_page_that_is_not_there_says_so_and_leads_back()
    {
        await using var visit = await portal.VisitAsync();
        visit.Expected = 404;

        await visit.GoAsync("/publisher/apis/nothing:1.0.0");

        await visit.SeesAsync("There is nothing here");
        await visit.AssertAccessibleAsync();
    }

    [Theory]
    [InlineData("/carbon")]
    [InlineData("/carbon/admin/index.jsp")]
    [InlineData("/")]
    public async Task Old_addresses_lead_to_the_console(string path)
    {
        await using var visit = await portal.VisitAsync();

        await visit.GoAsync(path);

        Assert.EndsWith("/admin", visit.Page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Catalogue_search_and_reference_need_neither_an_account_nor_JavaScript()
    {
        await using var visit = await portal.VisitAsync(signedIn: false, javaScript: false);
        await visit.GoAsync("/devportal");
        await visit.SeesAsync("pizzashack");

        await visit.Page.FillAsync("#q", "name:petstore");
        await visit.ClickAsync("text=Search >> nth=-1");
        await visit.ClickAsync(visit.Page.GetByRole(AriaRole.Link, new() { Name = "petstore", Exact = true }));

        await visit.SeesAsync("/pets/{petId}");
        await visit.ClickAsync("summary:has-text('/pets') >> nth=0");
        Assert.DoesNotContain("pizzashack", await visit.Page.InnerTextAsync("main"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_reaches_a_page_of_the_console_without_signing_in()
    {
        await using var visit = await portal.VisitAsync(signedIn: false);

        await visit.GoAsync("/admin/nodes");

        Assert.Contains("/sign-in?return=%2Fadmin%2Fnodes", visit.Page.Url, StringComparison.Ordinal);
    }

    // docs/images are taken here, when asked for: GATEHOUSE_REWRITE_IMAGES=1.
    private static async Task PictureAsync(Visit visit, string path, bool dark)
    {
        if (
            Environment.GetEnvironmentVariable("GATEHOUSE_REWRITE_IMAGES") != "1"
            || !s_pictures.TryGetValue(path, out var name)
        )
        {
            return;
        }

        var folder = Path.Combine(RepositoryRoot(), "docs", "images");
        Directory.CreateDirectory(folder);
        await visit
            .Page.Locator("time")
            .First.WaitForAsync(new() { Timeout = 500 })
            .ContinueWith(_ => { }, TaskScheduler.Default);
        await visit.Page.ScreenshotAsync(
            new() { Path = Path.Combine(folder, $"{name}-{(dark ? "dark" : "light")}.png") }
        );
    }

    private static readonly Dictionary<string, string> s_pictures = new()
    {
        ["/admin"] = "overview",
        ["/admin/nodes"] = "nodes",
        ["/publisher/import"] = "import",
        [$"/publisher/apis/{Petstore}"] = "api",
        [$"/publisher/apis/{Petstore}/operations"] = "operations",
        [$"/publisher/apis/{Petstore}/revisions"] = "revisions",
        ["/devportal"] = "catalogue",
        [$"/devportal/apis/{Petstore}"] = "portal-api",
    };

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Gatehouse.slnx")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }

    /// <summary>One page for somebody and one for everybody, which go from screen to screen: starting a page costs more than most screens.</summary>
    public sealed class Pages(DemoPortal portal) : IAsyncDisposable
    {
        private readonly Dictionary<bool, Visit> _visits = [];

        /// <summary>The page as if nothing had been shown on it: wide, and without what a screen before it failed with.</summary>
        public async Task<Visit> TakeAsync(bool signedIn)
        {
            if (!_visits.TryGetValue(signedIn, out var visit))
            {
                return _visits[signedIn] = await portal.VisitAsync(signedIn);
            }

            visit.Forget();
            await visit.Page.SetViewportSizeAsync(1360, 860);
            return visit;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var visit in _visits.Values)
            {
                visit.Forget();
                await visit.DisposeAsync();
            }
        }
    }
}
