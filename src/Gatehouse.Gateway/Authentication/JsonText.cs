using System.Text.Json;

namespace Gatehouse.Gateway.Authentication;

/// <summary>Text out of JSON that a stranger wrote.</summary>
internal static class JsonText
{
    /// <summary>The text; null when it is something else, empty, or holds an escape that is no character. Does not throw.</summary>
    public static string? Of(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            return value.GetString() is { Length: > 0 } text ? text : null;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair.
            return null;
        }
    }

    /// <summary>A text, or a list of texts; null when it is something else or too long a list.</summary>
    public static string[]? ListOf(JsonElement value, int most)
    {
        if (Of(value) is { } one)
        {
            return [one];
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > most)
        {
            return null;
        }

        var texts = new string[value.GetArrayLength()];
        var i = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (Of(item) is not { } text)
            {
                return null;
            }

            texts[i++] = text;
        }

        return texts;
    }
}
