using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Gatehouse.Management.OpenApi;

/// <summary>What app developers read of an API's document: each operation with its parameters, a body to send and its answers.</summary>
public static class ApiReference
{
    private const int MostDepth = 6;
    private const int MostMembers = 40;

    private static readonly string[] s_methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

    /// <summary>Reads the operations of a document that was imported, by <c>METHOD /path</c>; empty when it cannot be read.</summary>
    public static ImmutableDictionary<string, OperationReference> Read(ReadOnlyMemory<byte> document)
    {
        DocumentNode root;
        try
        {
            root = DocumentReader.Read(document, out _);
        }
        catch (DocumentException)
        {
            return ImmutableDictionary<string, OperationReference>.Empty;
        }

        var references = new References(root);
        var found = ImmutableDictionary.CreateBuilder<string, OperationReference>(StringComparer.Ordinal);
        foreach (var path in root["paths"]?.Members ?? [])
        {
            var item = Resolved(path.Value, references);
            foreach (var member in item.Members.Where(m => s_methods.Contains(m.Name)))
            {
                var parameters = Items(item["parameters"])
                    .Concat(Items(member.Value["parameters"]))
                    .Select(p => Resolved(p, references))
                    .ToList();
                found[$"{member.Name.ToUpperInvariant()} {path.Name}"] = new(
                    TextOf(member.Value["summary"]),
                    TextOf(member.Value["description"]),
                    [
                        .. parameters
                            .Where(p => TextOf(p["in"]) is "path" or "query" or "header")
                            // An operation's own takes the place of its path's.
                            .GroupBy(p => (TextOf(p["name"]), TextOf(p["in"])))
                            .Select(g => Parameter(g.Last(), references)),
                    ],
                    Body(member.Value, parameters, references),
                    [
                        .. (member.Value["responses"]?.Members ?? []).Select(r => new AnswerReference(
                            r.Name,
                            TextOf(Resolved(r.Value, references)["description"])
                        )),
                    ]
                );
            }
        }

        return found.ToImmutable();
    }

    private static ParameterReference Parameter(DocumentNode parameter, References references)
    {
        var schema = Resolved(parameter["schema"] ?? parameter, references);
        var example =
            parameter["example"]
            ?? schema["example"]
            ?? schema["default"]
            ?? (Items(schema["enum"]) is [var first, ..] ? first : null);
        return new(
            TextOf(parameter["name"]),
            TextOf(parameter["in"]),
            TextOf(parameter["description"]),
            TextOf(schema["type"]),
            TextOf(parameter["required"]) == "true",
            TextOf(example)
        );
    }

    private static string? Body(DocumentNode operation, List<DocumentNode> parameters, References references)
    {
        // 3.x, then Swagger 2.0.
        var media = operation["requestBody"] is { } body ? Resolved(body, references)["content"]?.Members : null;
        var json = media?.FirstOrDefault(m => m.Name.Contains("json", StringComparison.OrdinalIgnoreCase));
        var node = json?.Value ?? parameters.FirstOrDefault(p => TextOf(p["in"]) == "body");
        if (node is null)
        {
            return null;
        }

        var example =
            node["example"]
            ?? (node["examples"]?.Members is [var first, ..] ? Resolved(first.Value, references)["value"] : null);
        var sample = example is not null ? ToJson(example, MostDepth) : Sample(node["schema"], references, MostDepth);
        return sample?.ToJsonString(new() { WriteIndented = true });
    }

    private static JsonNode? Sample(DocumentNode? schema, References references, int depth)
    {
        if (schema is null || depth == 0)
        {
            return null;
        }

        var resolved = Resolved(schema, references);
        if (
            (
                resolved["example"]
                ?? resolved["default"]
                ?? (Items(resolved["enum"]) is [var first, ..] ? first : null)
            ) is
            { } given
        )
        {
            return ToJson(given, depth);
        }

        if (Items(resolved["allOf"]) is { Count: > 0 } parts)
        {
            var whole = new JsonObject();
            foreach (
                var (name, value) in parts
                    .Select(p => Sample(p, references, depth - 1))
                    .OfType<JsonObject>()
                    .SelectMany(p => p.ToList())
            )
            {
                whole[name] = value?.DeepClone();
            }

            return whole;
        }

        if (Items(resolved["oneOf"]).Concat(Items(resolved["anyOf"])).FirstOrDefault() is { } one)
        {
            return Sample(one, references, depth - 1);
        }

        switch (TextOf(resolved["type"]))
        {
            case "object" or "" when resolved["properties"] is { } properties:
                var sample = new JsonObject();
                foreach (var property in properties.Members.Take(MostMembers))
                {
                    sample[property.Name] = Sample(property.Value, references, depth - 1);
                }

                return sample;
            case "array":
                return Sample(resolved["items"], references, depth - 1) is { } item
                    ? new JsonArray(item)
                    : new JsonArray();
            case "integer" or "number":
                return 0;
            case "boolean":
                return true;
            case "string":
                return TextOf(resolved["format"]) switch
                {
                    "date" => "2026-01-31",
                    "date-time" => "2026-01-31T12:00:00Z",
                    "uuid" => "00000000-0000-0000-0000-000000000000",
                    _ => "string",
                };
            default:
                return null;
        }
    }

    private static JsonNode? ToJson(DocumentNode node, int depth) =>
        depth == 0
            ? null
            : node.Kind switch
            {
                NodeKind.Object => new JsonObject(
                    node.Members.Take(MostMembers).Select(m => KeyValuePair.Create(m.Name, ToJson(m.Value, depth - 1)))
                ),
                NodeKind.Array => new JsonArray([.. node.Items.Take(MostMembers).Select(i => ToJson(i, depth - 1))]),
                NodeKind.Number => JsonNumber(node.Text),
                NodeKind.Boolean => node.Text is "true" or "True" or "TRUE",
                NodeKind.Null => null,
                _ => node.Text,
            };

    private static JsonNode? JsonNumber(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (System.Text.Json.JsonException)
        {
            // YAML writes numbers that JSON does not know, such as 0x1F.
            return text;
        }
    }

    private static DocumentNode Resolved(DocumentNode node, References references) =>
        node["$ref"] is { Kind: NodeKind.String } reference
        && references.TryResolve(reference.Text, out var target, out _)
            ? target
            : node;

    private static IReadOnlyList<DocumentNode> Items(DocumentNode? node) => node?.Items ?? [];

    private static string TextOf(DocumentNode? node) =>
        node is { Kind: NodeKind.Array, Items: [var first, ..] } ? first.Text : node?.Text ?? "";
}

/// <summary>One operation for who calls it.</summary>
/// <param name="Summary">In a line.</param>
/// <param name="Description">Markdown.</param>
/// <param name="Parameters">In path, query and headers.</param>
/// <param name="Body">A JSON body to send, by the document's examples or schema; null when it takes none.</param>
/// <param name="Answers">Statuses and what they mean.</param>
public sealed record OperationReference(
    string Summary,
    string Description,
    ImmutableArray<ParameterReference> Parameters,
    string? Body,
    ImmutableArray<AnswerReference> Answers
);

/// <summary>One parameter.</summary>
/// <param name="Name">Its name.</param>
/// <param name="In"><c>path</c>, <c>query</c> or <c>header</c>.</param>
/// <param name="Description">What it is.</param>
/// <param name="Type">Its JSON type.</param>
/// <param name="IsRequired">Must be there.</param>
/// <param name="Example">A value to try; empty when the document gives none.</param>
public sealed record ParameterReference(
    string Name,
    string In,
    string Description,
    string Type,
    bool IsRequired,
    string Example
);

/// <summary>One answer.</summary>
/// <param name="Status">Such as <c>200</c> or <c>default</c>.</param>
/// <param name="Description">What it means.</param>
public sealed record AnswerReference(string Status, string Description);
