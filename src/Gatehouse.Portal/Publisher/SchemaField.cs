using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Management;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Portal.Publisher;

/// <summary>How a property of a schema is edited.</summary>
internal enum FieldKind
{
    /// <summary>One line.</summary>
    Text,

    /// <summary>A number.</summary>
    Number,

    /// <summary>A tick.</summary>
    Flag,

    /// <summary>One of several words.</summary>
    Choice,

    /// <summary>A list of words or numbers, one a line.</summary>
    Lines,

    /// <summary>Names with values, one a line.</summary>
    Pairs,

    /// <summary>An object with properties of its own.</summary>
    Group,

    /// <summary>Anything else, as JSON.</summary>
    Json,
}

/// <summary>One property of a JSON schema as a form field, and back.</summary>
internal sealed record SchemaField
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    public required string Property { get; init; }

    public required string Name { get; init; }

    public required FieldKind Kind { get; init; }

    public required JsonObject Schema { get; init; }

    public JsonNode? Value { get; init; }

    public string Text { get; init; } = "";

    public string? Description { get; init; }

    public string? Default { get; init; }

    public bool IsOptional { get; init; }

    public bool IsNumeric { get; init; }

    public IReadOnlyList<string> Choices { get; init; } = [];

    public string Id => Name.Replace('.', '-');

    /// <summary><c>allowOrigins</c> becomes <c>Allow origins</c>.</summary>
    public string Title
    {
        get
        {
            var words = new StringBuilder();
            foreach (var c in Property)
            {
                words.Append(char.IsUpper(c) && words.Length > 0 ? $" {char.ToLowerInvariant(c)}" : c);
            }

            return char.ToUpperInvariant(words[0]) + words.ToString(1, words.Length - 1);
        }
    }

    public string Hint =>
        string.Join(
            ". ",
            new[]
            {
                Description?.TrimEnd('.'),
                Kind == FieldKind.Lines ? "One a line" : null,
                Kind == FieldKind.Json ? "JSON" : null,
            }.OfType<string>()
        );

    /// <summary>The fields of an object's schema, in its order.</summary>
    public static IEnumerable<SchemaField> Of(JsonObject schema, JsonObject root, JsonObject? value, string prefix)
    {
        foreach (var (property, node) in schema["properties"] as JsonObject ?? [])
        {
            var said = node as JsonObject ?? [];
            var resolved = Resolve(said, root);
            var kind = KindOf(resolved, root);
            var present = value?[property] ?? said["default"] ?? resolved["default"];
            yield return new()
            {
                Property = property,
                Name = $"{prefix}.{property}",
                Kind = kind,
                Schema = resolved,
                Value = present,
                Text = TextOf(kind, present),
                Description = (string?)said["description"] ?? (string?)resolved["description"],
                Default = (said["default"] ?? resolved["default"]) is JsonValue d ? d.ToString() : null,
                IsOptional = TypesOf(resolved).Contains("null"),
                IsNumeric = IsNumber(
                    kind == FieldKind.Lines ? Resolve(resolved["items"] as JsonObject ?? [], root) : resolved
                ),
                Choices = kind == FieldKind.Choice ? [.. ChoicesOf(resolved)] : [],
            };
        }
    }

    /// <summary>
    /// The settings that a form holds; what is as the schema's default, and what is empty, is left out. Throws
    /// <see cref="ProblemsException"/> for what cannot be read.
    /// </summary>
    public static JsonObject Read(JsonObject schema, JsonObject root, IFormCollection form, string prefix)
    {
        var settings = new JsonObject();
        foreach (var field in Of(schema, root, null, prefix))
        {
            var text = form[field.Name].ToString().ReplaceLineEndings("\n").Trim();
            JsonNode? value = field.Kind switch
            {
                FieldKind.Group => Read(field.Schema, root, form, field.Name) is { Count: > 0 } group ? group : null,
                FieldKind.Flag => JsonValue.Create(text == "true"),
                _ when text.Length == 0 => field.Kind == FieldKind.Lines && field.Value is JsonArray { Count: > 0 }
                    ? new JsonArray()
                    : null,
                FieldKind.Number => NumberOf(field, text),
                FieldKind.Lines => new JsonArray([
                    .. Lines(text).Select(l => field.IsNumeric ? NumberOf(field, l) : JsonValue.Create(l)),
                ]),
                FieldKind.Pairs => PairsOf(field, text),
                FieldKind.Json => JsonOf(field, text),
                _ => JsonValue.Create(text),
            };
            if (
                value is not null
                && !JsonNode.DeepEquals(
                    value,
                    field.Kind == FieldKind.Flag && field.Value is null ? JsonValue.Create(false) : field.Value
                )
            )
            {
                settings[field.Property] = value;
            }
        }

        return settings;
    }

    private static FieldKind KindOf(JsonObject schema, JsonObject root)
    {
        if (ChoicesOf(schema).Any())
        {
            return FieldKind.Choice;
        }

        return TypesOf(schema).FirstOrDefault(t => t != "null") switch
        {
            "boolean" => FieldKind.Flag,
            "integer" or "number" => FieldKind.Number,
            "string" => FieldKind.Text,
            "array"
                when Resolve(schema["items"] as JsonObject ?? [], root) is var items
                    && (IsNumber(items) || TypesOf(items).Contains("string") || ChoicesOf(items).Any()) =>
                FieldKind.Lines,
            "object" when schema["properties"] is JsonObject => FieldKind.Group,
            "object"
                when Resolve(schema["additionalProperties"] as JsonObject ?? [], root) is var values
                    && TypesOf(values).Contains("string") => FieldKind.Pairs,
            _ => FieldKind.Json,
        };
    }

    private static JsonObject Resolve(JsonObject schema, JsonObject root)
    {
        if ((string?)schema["$ref"] is not { } reference)
        {
            return schema;
        }

        JsonNode? found = root;
        foreach (var step in reference.TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            found = found?[
                step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)
            ];
        }

        return found as JsonObject ?? schema;
    }

    private static IEnumerable<string> TypesOf(JsonObject schema) =>
        schema["type"] switch
        {
            JsonArray several => several.Select(t => (string?)t).OfType<string>(),
            JsonValue one => [one.ToString()],
            _ => [],
        };

    private static bool IsNumber(JsonObject schema) => TypesOf(schema).Any(t => t is "integer" or "number");

    private static IEnumerable<string> ChoicesOf(JsonObject schema) =>
        (schema["enum"] as JsonArray ?? []).OfType<JsonNode>().Select(c => c.ToString());

    private static string TextOf(FieldKind kind, JsonNode? value) =>
        (kind, value) switch
        {
            (_, null) => "",
            (FieldKind.Lines, JsonArray lines) => string.Join("\n", lines.Select(l => l?.ToString())),
            (FieldKind.Pairs, JsonObject pairs) => string.Join("\n", pairs.Select(p => $"{p.Key}: {p.Value}")),
            (FieldKind.Json, _) => value.ToJsonString(s_indented),
            _ => value.ToString(),
        };

    private static IEnumerable<string> Lines(string text) =>
        text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static JsonValue NumberOf(SchemaField field, string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
            ? JsonValue.Create(whole)
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? JsonValue.Create(number)
        : throw Wrong(field, $"'{text}' is no number", "write digits");

    private static JsonObject PairsOf(SchemaField field, string text)
    {
        var pairs = new JsonObject();
        foreach (var line in Lines(text))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            pairs[
                colon > 0 ? line[..colon].Trim() : throw Wrong(field, $"'{line}' has no colon", "write name: value")
            ] = line[(colon + 1)..].Trim();
        }

        return pairs;
    }

    private static JsonNode? JsonOf(SchemaField field, string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException e)
        {
            throw Wrong(
                field,
                $"{field.Title} is no JSON: {e.Message.Split(" LineNumber")[0]}",
                "compare it with the policy's example"
            );
        }
    }

    private static ProblemsException Wrong(SchemaField field, string message, string fix) =>
        new([new("/" + field.Name.Replace('.', '/'), $"{field.Title}: {message}", fix)]);
}
