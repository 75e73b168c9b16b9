using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary>The reference page of all policies, <c>docs/reference/policies.md</c>.</summary>
internal static class PolicyReference
{
    /// <summary>The page, made from the settings records.</summary>
    public static string Create()
    {
        var page = new StringBuilder(
            """
            # Policies

            Made from the settings of the policies by `gatehouse policy list --markdown`; do not edit.

            An API names its policies in a list, and each of its operations may have a list of its own, which acts after the API's.
            In the OpenAPI document:

            ```yaml
            x-gatehouse-policies:
              - name: cors
                settings: { allowOrigins: ["https://app.example.com"] }
            paths:
              /pets:
                get:
                  x-gatehouse-policies:
                    - name: cache
                      settings: { defaultSeconds: 30 }
            ```

            or later, from a file with such a list in JSON, `gatehouse api policies API --set FILE [--operation "GET /pets"]`, which is
            `PUT /api/v1/apis/API/policies[?method=GET&path=/pets]`. Both take effect with the next deployment. Settings that are
            wrong are refused with their place in the document.

            The order is fixed where security depends on it (`src/Gatehouse.Gateway/Pipeline/PolicyChain.cs` has the reason for each
            place): cors, compress, ip-filter, authentication and limits, size-limit, json-limits, xml-limits, regex-limits, validate, then
            headers, rewrite, convert, call-out and mirror in the order of the lists, then mock or cache. Answers go back the other
            way. Of a policy that acts once, the operation's settings take the place of the API's. Policies of plug-ins (`plugins.md`) act where
            headers and rewrite do.

            """
        );
        foreach (var kind in PolicyKinds.All)
        {
            page.Append($"\n## {kind.Name}\n\n{kind.Summary} Acts on {FlowsOf(kind)}.");
            page.Append(kind.ApiOnly ? " Stands at an API only.\n" : "\n");
            page.Append("\n| setting | value | default | meaning |\n|---|---|---|---|\n");
            var schema = kind.Schema();
            Rows(page, "", schema, schema);
            page.Append($"\n```json\n{{ \"name\": \"{kind.Name}\", \"settings\": {kind.Example} }}\n```\n");
        }

        return page.ToString();
    }

    /// <summary>Where a policy acts, in words.</summary>
    public static string FlowsOf(PolicyKind kind) =>
        kind.Flows.ToString().Replace(" | ", ", ", StringComparison.Ordinal).ToLowerInvariant();

    private static void Rows(StringBuilder page, string prefix, JsonObject schema, JsonObject root)
    {
        foreach (var (name, value) in (JsonObject?)schema["properties"] ?? [])
        {
            if (value is not JsonObject member)
            {
                continue;
            }

            page.Append(
                $"| `{prefix}{name}` | {TypeOf(Target(member, root))} | {Default(member)} | {member["description"]} |\n"
            );
            if (member["properties"] is not null)
            {
                Rows(page, $"{prefix}{name}.", member, root);
            }
            else if (member["items"] is JsonObject { } items && items["properties"] is not null)
            {
                Rows(page, $"{prefix}{name}[].", items, root);
            }
        }
    }

    // A type that occurs twice is written out once.
    private static JsonObject Target(JsonObject schema, JsonObject root)
    {
        JsonNode? target = schema["$ref"] is not null ? root : schema;
        foreach (var name in schema["$ref"]?.GetValue<string>().Split('/').Skip(1) ?? [])
        {
            target = target?[name];
        }

        return target as JsonObject ?? schema;
    }

    private static string TypeOf(JsonObject schema) =>
        schema["type"] switch
        {
            JsonArray several => string.Join(
                " or ",
                several.Select(t => t!.GetValue<string>()).Where(t => t != "null")
            ),
            JsonValue one when one.GetValue<string>() == "array" && schema["items"]?["type"] is JsonValue items =>
                $"list of {items}",
            JsonValue one when one.GetValue<string>() == "object" && schema["properties"] is null => "map",
            { } one => one.ToString(),
            null => "",
        };

    private static string Default(JsonObject schema) =>
        schema["default"] is { } value ? $"`{value.ToJsonString()}`" : "";
}
