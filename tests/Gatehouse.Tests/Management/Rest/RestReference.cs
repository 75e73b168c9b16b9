using System.Text;
using System.Text.Json.Nodes;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>The document of the REST API as a page for people.</summary>
internal static class RestReference
{
    public static string Write(JsonObject document)
    {
        var page = new StringBuilder(
            """
            # REST API

            Generated from [openapi.json](openapi.json), which every manager serves at `/api/v1/openapi.json` and as a page at
            `/admin/api-reference`. Regenerate both, and the command line's client, with
            `GATEHOUSE_REWRITE_GOLDEN=1 artifacts/bin/Gatehouse.Tests/debug/Gatehouse.Tests -class Gatehouse.Tests.Management.Rest.RestDocumentTests`.


            """
        );
        page.Append(document["info"]!["description"]!.GetValue<string>()).Append('\n');
        foreach (
            var tag in RestDocumentTests
                .OperationsOf(document)
                .GroupBy(o => o.Operation["tags"]![0]!.GetValue<string>())
                .OrderBy(t => t.Key, StringComparer.Ordinal)
        )
        {
            page.Append(
                $"\n## {tag.Key}\n\n| route | what it does | permission | query | body | answer |\n|---|---|---|---|---|---|\n"
            );
            foreach (var (method, path, operation) in tag)
            {
                var query = (operation["parameters"]?.AsArray() ?? [])
                    .Where(p => p!["in"]!.GetValue<string>() == "query")
                    .Select(p => $"`{p!["name"]!.GetValue<string>()}`");
                var answer = operation["responses"]!.AsObject().First(r => r.Key[0] is '2' or '3');
                page.Append(
                    $"| `{method} {path}` | {operation["summary"]!.GetValue<string>()} | {operation["x-permission"]?.GetValue<string>() ?? "none"} | {string.Join(", ", query)} | {Content(operation["requestBody"])} | {answer.Key} {Content(answer.Value)} |\n"
                );
            }
        }

        return page.ToString();
    }

    private static string Content(JsonNode? of) =>
        of?["content"]?.AsObject() is not { Count: > 0 } content ? ""
        : content.First() is ("application/json", var json) ? Type(json!["schema"])
        : string.Join(", ", content.Select(c => $"`{c.Key}`"));

    private static string Type(JsonNode? schema) =>
        schema?["$ref"]?.GetValue<string>() is { } reference ? $"`{reference.Split('/')[^1]}`"
        : schema?["items"] is { } items ? $"list of {Type(items)}"
        : schema?["oneOf"]?.AsArray().FirstOrDefault(s => s!["$ref"] is not null) is { } one ? Type(one)
        : "JSON";
}
