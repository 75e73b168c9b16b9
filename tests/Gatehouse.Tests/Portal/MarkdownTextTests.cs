using Gatehouse.Portal.Kit;

namespace Gatehouse.Tests.Portal;

public sealed class MarkdownTextTests
{
    [Theory]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("<img src=x onerror=alert(1)>")]
    [InlineData("[a](javascript:alert(1))")]
    [InlineData("[a](JaVaScRiPt:alert(1))")]
    [InlineData("[a](data:text/html;base64,PHNjcmlwdD4=)")]
    [InlineData("[a](vbscript:x)")]
    [InlineData("[a](//evil.example)")]
    [InlineData("<javascript:alert(1)>")]
    [InlineData("![a](https://evil.example/pixel.png)")]
    [InlineData("[a]: javascript:alert(1)\n\n[a]")]
    public void What_could_do_something_does_nothing(string text)
    {
        var html = MarkdownText.ToHtml(text);

        Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<img", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotMatch("(?i)href=\"(?!#|/[^/]|https?:|mailto:)", html);
    }

    [Fact]
    public void What_is_harmless_stays()
    {
        var html = MarkdownText.ToHtml(
            "# Title\n\nA [link](https://example.com) and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        );

        Assert.Contains("<h3", html, StringComparison.Ordinal);
        Assert.Contains("href=\"https://example.com\"", html, StringComparison.Ordinal);
        Assert.Contains("<table>", html, StringComparison.Ordinal);
    }
}
