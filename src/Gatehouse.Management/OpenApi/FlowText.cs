using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Gatehouse.Management.OpenApi;

/// <summary>Values on one line, as JSON or as YAML, which takes the same and reads better with fewer quotes.</summary>
internal static partial class FlowText
{
    /// <summary>A value.</summary>
    public static string Of(JsonNode? value, bool isYaml) =>
        value switch
        {
            null => "null",
            JsonObject members =>
                $"{{{(members.Count == 0 ? "" : " ")}{string.Join(", ", members.Select(m => $"{Of(m.Key, isYaml)}: {Of(m.Value, isYaml)}"))}{(members.Count == 0 ? "" : " ")}}}",
            JsonArray items => $"[{string.Join(", ", items.Select(i => Of(i, isYaml)))}]",
            _ when value.GetValueKind() == JsonValueKind.String => Of(value.GetValue<string>(), isYaml),
            _ => value.ToJsonString(),
        };

    /// <summary>A text, such as a member's name.</summary>
    public static string Of(string text, bool isYaml) =>
        isYaml && Plain().IsMatch(text) && !Meant().IsMatch(text)
            ? text
            : $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)}\"";

    [GeneratedRegex(@"\A[A-Za-z](?:[A-Za-z0-9_. /-]*[A-Za-z0-9_])?\z")]
    private static partial Regex Plain();

    // What a reader of YAML 1.1 or 1.2 takes for something else than text.
    [GeneratedRegex(@"\A(?:null|true|false|yes|no|on|off|y|n)\z", RegexOptions.IgnoreCase)]
    private static partial Regex Meant();
}
