using Markdig;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Gatehouse.Portal.Kit;

/// <summary>Markdown of publishers as HTML that can do nothing: HTML in it is text, links lead to http, https or mail, pictures are links.</summary>
internal static class MarkdownText
{
    private static readonly MarkdownPipeline s_pipeline = new MarkdownPipelineBuilder()
        .DisableHtml()
        .UsePipeTables()
        .UseAutoLinks()
        .Build();

    public static string ToHtml(string text)
    {
        var document = Markdig.Markdown.Parse(text.Length > 500_000 ? text[..500_000] : text, s_pipeline);
        foreach (var heading in document.Descendants<HeadingBlock>())
        {
            // Below the headings of the page around it.
            heading.Level = Math.Min(6, heading.Level + 2);
        }

        foreach (var link in document.Descendants<LinkInline>())
        {
            // The policy of the page loads no picture from elsewhere.
            link.IsImage = false;
            link.GetAttributes().AddPropertyIfNotExist("rel", "nofollow noopener noreferrer");
            if (!IsHarmless(link.Url))
            {
                link.Url = "#";
            }
        }

        foreach (var link in document.Descendants<AutolinkInline>().Where(l => !l.IsEmail && !IsHarmless(l.Url)))
        {
            link.Url = "#";
        }

        return document.ToHtml(s_pipeline);
    }

    private static bool IsHarmless(string? url) =>
        url is { Length: > 0 }
        && (
            url[0] == '#'
            || (url[0] == '/' && !url.StartsWith("//", StringComparison.Ordinal))
            || (
                Uri.TryCreate(url, UriKind.Absolute, out var absolute)
                && absolute.Scheme is "http" or "https" or "mailto"
            )
        );
}
