using System.Collections.Concurrent;
using Deque.AxeCore.Commons;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>One visitor: counts clicks, and fails when the page's console shows an error, a script breaks or a policy is violated.</summary>
public sealed class Visit : IAsyncDisposable
{
    private static readonly string s_axe = new BundledAxeScriptProvider().GetScript();
    private static readonly string[] s_tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

    /// <summary>Notes on every page when a link or a form is under way that is answered into the page as it stands.</summary>
    internal const string Watch = """
        addEventListener('DOMContentLoaded', () => {
          window.Blazor?.addEventListener('enhancednavigationstart', () => (window.isUnderWay = true));
          window.Blazor?.addEventListener('enhancednavigationend', () => (window.isUnderWay = false));
        });
        """;

    private readonly IBrowserContext _context;
    private readonly bool _runsScripts;
    private readonly ConcurrentQueue<string> _faults = new();

    internal Visit(string address, IBrowserContext context, IPage page, bool runsScripts)
    {
        Address = address;
        _context = context;
        _runsScripts = runsScripts;
        Page = page;
        // Violations of the content security policy are errors of the console.
        page.Console += (_, message) =>
        {
            NetworkChanged |= IsOfTheMachine(message.Text);
            if (
                message.Type is "error" or "warning"
                && !IsExpected(message.Text)
                && !IsOfTheMachine(message.Text)
                && !(IsCutOff && message.Text.Contains("net::ERR_", StringComparison.Ordinal))
            )
            {
                _faults.Enqueue($"{page.Url}: {message.Text}");
            }
        };
        page.PageError += (_, error) => _faults.Enqueue($"{page.Url}: {error}");
        page.Dialog += (_, dialog) =>
        {
            _faults.Enqueue($"{page.Url}: a dialog said {dialog.Message}");
            _ = dialog.DismissAsync();
        };
    }

    public IPage Page { get; }

    /// <summary>The manager it is at.</summary>
    public string Address { get; }

    public int Clicks { get; private set; }

    /// <summary>A status that a page is expected to answer with; the browser calls it an error.</summary>
    public int? Expected { get; set; }

    /// <summary>True once the browser gave up what it was at because an interface of the machine came or went.</summary>
    public bool NetworkChanged { get; private set; }

    /// <summary>True once the manager is made unreachable; the browser calls every try an error.</summary>
    public bool IsCutOff { get; set; }

    public async Task GoAsync(string path)
    {
        await SettlesAsync();
        IResponse? answer = null;
        for (var attempt = 1; answer is null; attempt++)
        {
            try
            {
                answer = await Page.GotoAsync(Address + path);
            }
            catch (PlaywrightException e) when (IsOfTheMachine(e.Message) && attempt < 5)
            {
                // Asked again on the network as it is now.
            }
        }

        Assert.True(answer.Status == (Expected ?? 200), $"{path} answers {answer.Status}");
    }

    // The browser gives up what it is at when an interface comes or goes, such as that of a container.
    private static bool IsOfTheMachine(string text) =>
        text.Contains("net::ERR_NETWORK_CHANGED", StringComparison.Ordinal);

    public Task ClickAsync(string selector) => ClickAsync(Page.Locator(selector).First);

    /// <summary>Clicks, on the page that a click before led to.</summary>
    public async Task ClickAsync(ILocator target)
    {
        await SettlesAsync();
        Clicks++;
        await target.ClickAsync();
    }

    /// <summary>
    /// Waits until what a click before began is over. Until then the page is the former one, with the same words on it perhaps,
    /// and its scripts have not set the focus nor closed what was answered.
    /// </summary>
    public async Task SettlesAsync()
    {
        if (_runsScripts)
        {
            await Page.WaitForFunctionAsync("() => !window.isUnderWay");
        }
    }

    /// <summary>
    /// Waits until the browser is at <paramref name="path"/>, whatever stands behind it. Not for its load event: of a page that a
    /// script left at once for another one, Playwright waits for it in vain now and then.
    /// </summary>
    public Task ReachesAsync(string path) => IsAtAsync(now => now == path);

    /// <summary>Waits until the browser is elsewhere than at an address with this in it.</summary>
    public Task LeavesAsync(string part) => IsAtAsync(now => !now.Contains(part, StringComparison.Ordinal));

    /// <summary>Pastes a document into the page's editor.</summary>
    public async Task WriteAsync(string document)
    {
        await Page.WaitForFunctionAsync("() => document.querySelector('#document')?.editor?.dom.isConnected");
        await Page.EvaluateAsync("text => document.querySelector('#document').editor.setText(text)", document);
    }

    /// <summary>Opens the question behind a button and says yes: two clicks.</summary>
    public async Task ConfirmAsync(string button, string yes)
    {
        await ClickAsync(Page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).First);
        await ClickAsync(
            Page.Locator("[popover]:popover-open").GetByRole(AriaRole.Button, new() { Name = yes, Exact = true })
        );
    }

    /// <summary>How many pixels the page is wider than its window, once it is drawn anew for that.</summary>
    public async Task<int> OverhangAsync()
    {
        for (var look = 1; ; look++)
        {
            var overhang = await Page.EvaluateAsync<int>(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            );
            if (overhang == 0 || look == 50)
            {
                return overhang;
            }

            await Task.Delay(100);
        }
    }

    /// <summary>Waits for words on the page that a click before led to.</summary>
    public async Task SeesAsync(string text, float? within = null)
    {
        await SettlesAsync();
        await Page.GetByText(text).First.WaitForAsync(new() { Timeout = within });
    }

    /// <summary>Fails with every violation of WCAG 2.2 AA and of good practice.</summary>
    public async Task AssertAccessibleAsync()
    {
        if (!await Page.EvaluateAsync<bool>("() => 'axe' in window"))
        {
            await Page.EvaluateAsync(s_axe);
        }

        // Pages have no frames, so axe needs neither a second page nor to tell of what it found to be right.
        var violations = await Page.EvaluateAsync<string[]>(
            """
            async tags => {
              const found = await axe.run(document, { runOnly: tags, resultTypes: ['violations'] });
              return found.violations.map(v => `${v.id} at ${v.nodes.map(n => n.html).join(', ')}`);
            }
            """,
            s_tags
        );
        Assert.True(violations.Length == 0, $"{Page.Url}: {string.Join("; ", violations)}");
    }

    /// <summary>Lets a page that is used again not fail for what went wrong on it before.</summary>
    public void Forget() => _faults.Clear();

    /// <summary>Fails with what went wrong on the page so far.</summary>
    public void AssertUndisturbed()
    {
        // What a script could not fetch at that moment is the machine's fault as well.
        var faults = _faults.Where(f => !NetworkChanged || !f.Contains("Failed to fetch", StringComparison.Ordinal));
        Assert.True(!faults.Any(), string.Join("\n", faults));
    }

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        AssertUndisturbed();
    }

    private Task IsAtAsync(Func<string, bool> path) =>
        Page.WaitForURLAsync(url => path(new Uri(url).AbsolutePath), new() { WaitUntil = WaitUntilState.Commit });

    private bool IsExpected(string message) =>
        Expected is { } status
        && message.Contains(
            status.ToString(System.Globalization.CultureInfo.InvariantCulture),
            StringComparison.Ordinal
        );
}
