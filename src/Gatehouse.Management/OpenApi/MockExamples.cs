using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>The answers of a mock, from the examples that a document gives for an operation: the lowest status first.</summary>
internal sealed class MockExamples(References references)
{
    // An entity is bounded; an example is there to show a shape.
    private const int LargestExample = 64 * 1024;

    private static readonly JsonSerializerOptions s_plain = new() { WriteIndented = false };

    /// <summary>Empty when the document gives none.</summary>
    public ImmutableArray<MockAnswer> Of(DocumentNode operation)
    {
        var answers = ImmutableArray.CreateBuilder<MockAnswer>();
        foreach (var response in operation["responses"]?.Members ?? [])
        {
            var status =
                response.Name == "default" ? 500
                : int.TryParse(
                    response.Name.Replace('X', '0').Replace('x', '0'),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out var code
                )
                    ? code
                : 0;
            if (status is < 200 or > 599 || Target(response.Value) is not { } target)
            {
                continue;
            }

            // 3.x: content → media type → example, examples or the schema's example; 2.0: examples → media type.
            foreach (var content in target["content"]?.Members ?? [])
            {
                Add(answers, status, content.Name, ExampleOf(content.Value));
            }

            foreach (var example in target["content"] is null ? target["examples"]?.Members ?? [] : [])
            {
                Add(answers, status, example.Name, example.Value);
            }

            if (target["content"] is null && target["examples"] is null)
            {
                answers.Add(new() { Status = status, ContentType = "text/plain" });
            }
        }

        return [.. answers.OrderBy(a => a.Status)];
    }

    private DocumentNode? ExampleOf(DocumentNode mediaType)
    {
        if (mediaType["example"] is { } example)
        {
            return example;
        }

        if (mediaType["examples"]?.Members is [var first, ..])
        {
            return Target(first.Value)?["value"];
        }

        return mediaType["schema"] is { } schema && Target(schema) is { } target
            ? target["example"] ?? (target["examples"]?.Items is [var one, ..] ? one : null)
            : null;
    }

    private static void Add(
        ImmutableArray<MockAnswer>.Builder answers,
        int status,
        string mediaType,
        DocumentNode? example
    )
    {
        if (example is null)
        {
            return;
        }

        var body =
            example.Kind == NodeKind.String && !mediaType.Contains("json", StringComparison.OrdinalIgnoreCase)
                ? example.Text
                : PolicyReader.ToJson(example)?.ToJsonString(s_plain) ?? "null";
        if (body.Length <= LargestExample)
        {
            answers.Add(
                new()
                {
                    Status = status,
                    ContentType = mediaType,
                    Body = body,
                }
            );
        }
    }

    private DocumentNode? Target(DocumentNode node) =>
        node["$ref"] is not { Kind: NodeKind.String } reference ? node
        : references.TryResolve(reference.Text, out var target, out _) ? target
        : null;
}

/// <summary>How policies that a document names become JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(JsonNode))]
[JsonSerializable(typeof(MockSettings))]
internal sealed partial class PolicyDocumentJson : JsonSerializerContext;
