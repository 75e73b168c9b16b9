using System.Net;
using System.Text.RegularExpressions;

namespace Gatehouse.Tests.Management;

public sealed partial class ConsoleTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/admin", "text/html")]
    [InlineData("/admin/console.css", "text/css")]
    [InlineData("/admin/console.js", "text/javascript")]
    public async Task Each_file_comes_with_its_type_and_a_strict_policy(string path, string type)
    {
        await using var management = await TestManagement.StartAsync();

        using var response = await management.SendAsync("GET", path);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(type, response.Content.Headers.ContentType?.MediaType);
        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; script-src 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_holds_no_script_or_style_of_its_own_and_nothing_from_elsewhere()
    {
        await using var management = await TestManagement.StartAsync();
        var page = await management.Client.GetStringAsync("/admin", Stop);
        var script = await management.Client.GetStringAsync("/admin/console.js", Stop);

        Assert.DoesNotMatch(InlineCode(), page);
        Assert.DoesNotContain("://", page, StringComparison.Ordinal);
        Assert.DoesNotContain("innerHTML", script, StringComparison.Ordinal);
        Assert.DoesNotContain("insertAdjacentHTML", script, StringComparison.Ordinal);
        Assert.DoesNotContain("document.write", script, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/carbon")]
    [InlineData("/carbon/admin/login.jsp")]
    public async Task The_old_address_leads_to_the_console(string path)
    {
        await using var management = await TestManagement.StartAsync();

        using var response = await management.SendAsync("GET", path);

        Assert.Equal(HttpStatusCode.Redirect, response.StatusCode);
        Assert.Equal("/admin", response.Headers.Location?.ToString());
    }

    [GeneratedRegex(@"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", RegexOptions.IgnoreCase)]
    private static partial Regex InlineCode();
}
