using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>WSO2's lists with commas, for the cors policy.</summary>
internal static class CorsText
{
    public static JsonArray List(string text) =>
        new([.. Split(text).Distinct(StringComparer.OrdinalIgnoreCase).Select(t => (JsonNode)t)]);

    /// <summary>Origins that a browser can send; <paramref name="odd"/> is one with a wildcard that WSO2 read too widely.</summary>
    public static JsonArray Origins(string text, out string? odd)
    {
        odd = null;
        var origins = new List<string>();
        foreach (var origin in Split(text))
        {
            if (origin == "*")
            {
                return ["*"];
            }

            if (origin.Contains('*', StringComparison.Ordinal))
            {
                odd ??= origin;
                if (origin.Contains("://*.", StringComparison.Ordinal) && origin.Count(c => c == '*') == 1)
                {
                    origins.Add(origin.TrimEnd('/'));
                }
            }
            else
            {
                origins.Add(origin.TrimEnd('/'));
            }
        }

        return origins.Count == 0
            ? ["*"]
            : new JsonArray([.. origins.Distinct(StringComparer.Ordinal).Select(o => (JsonNode)o)]);
    }

    private static string[] Split(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
