using System.Globalization;

namespace Gatehouse.Management.OpenApi;

internal static class Excerpt
{
    /// <summary>Text from a document, made fit for a message: short, and without control characters a terminal would obey.</summary>
    public static string Of(string text)
    {
        var shown = text.Length <= DocumentLimits.MaxShown ? text : text[..(DocumentLimits.MaxShown - 1)] + "…";
        return string.Create(
            shown.Length,
            shown,
            static (to, from) =>
            {
                for (var i = 0; i < from.Length; i++)
                {
                    var category = char.GetUnicodeCategory(from[i]);
                    to[i] = category
                        is UnicodeCategory.Control
                            or UnicodeCategory.Format
                            or UnicodeCategory.Surrogate
                            or UnicodeCategory.LineSeparator
                            or UnicodeCategory.ParagraphSeparator
                        ? '\ufffd'
                        : from[i];
                }
            }
        );
    }
}
