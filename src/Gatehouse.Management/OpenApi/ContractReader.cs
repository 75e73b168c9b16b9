using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Reads what a document says of the requests and answers of operations that are validated, with the schemas they refer to
/// and no others: that is what travels to workers.
/// </summary>
internal sealed class ContractReader
{
    private readonly DocumentNode _root;
    private readonly References _references;
    private readonly SchemaExcerpt _schemas;
    private readonly bool _isVersion2;

    private ContractReader(DocumentNode root)
    {
        _root = root;
        _references = new(root);
        _schemas = new(root);
        _isVersion2 = root["swagger"] is not null;
    }

    /// <summary>
    /// The definition with the contracts that its policies ask for, and without those that none asks for any more. Throws
    /// <see cref="ProblemsException"/> when it cannot be validated by its document.
    /// </summary>
    public static ApiDefinition Attach(ApiDefinition definition, ReadOnlyMemory<byte> document)
    {
        if (!definition.IsValidated)
        {
            return definition.WithoutContracts();
        }

        var reader = new ContractReader(DocumentReader.Read(document, out _));
        var operations = definition.Operations.Select(o =>
            definition.Validates(o) ? o with { Contract = reader.Read(o) } : o with { Contract = null }
        );
        var attached = definition with
        {
            Operations = [.. operations],
            Contract = new()
            {
                Dialect =
                    definition.Specification?.StartsWith("3.1", StringComparison.Ordinal) == true
                        ? JsonSchemaDialect.Draft202012
                        : JsonSchemaDialect.OpenApi3,
                Document = ToElement(reader._schemas.Document()),
            },
        };
        if (Problems(attached) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        return attached;
    }

    // Compiled here as a worker will, so that what it would refuse is told to whoever has the document in hand.
    private static ImmutableArray<Problem> Problems(ApiDefinition definition)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        var schemas = new ContractSchemas(definition.Contract!);
        foreach (var operation in definition.Operations)
        {
            if (operation.Contract is not { } contract)
            {
                continue;
            }

            try
            {
                foreach (
                    var schema in contract
                        .Parameters.Select(p => p.Schema)
                        .Concat(contract.Body?.Content.Values.AsEnumerable() ?? [])
                )
                {
                    schemas.OfRequest(schema);
                }

                foreach (var schema in contract.Answers.Values.SelectMany(a => a.Values))
                {
                    schemas.OfAnswer(schema);
                }
            }
            catch (JsonSchemaException bad)
            {
                problems.Add(
                    new(
                        $"/paths/{JsonPointer.Escape(operation.Path)}/{operation.Method.ToLowerInvariant()}",
                        $"A schema cannot be used to validate: {bad.Message} (in {Excerpt.Of(bad.Pointer)})",
                        "mend the schema, or take validate off this operation with { \"request\": \"off\" }"
                    )
                );
                if (problems.Count >= DocumentLimits.MaxProblems)
                {
                    break;
                }
            }
        }

        return problems.ToImmutable();
    }

    private OperationContract? Read(Operation operation)
    {
        var item = Target(_root["paths"]?[operation.Path]);
        if (item?[operation.Method.ToLowerInvariant()] is not { } node)
        {
            return null;
        }

        var parameters = ParametersOf(item, node);
        return new()
        {
            Parameters =
            [
                .. parameters
                    .Where(p => p["in"]?.Text is "path" or "query" or "header" or "cookie")
                    .Select(ParameterOf)
                    .Where(p => !IsReserved(p)),
            ],
            Body = _isVersion2 ? BodyOfVersion2(node, parameters) : BodyOf(node),
            Answers = AnswersOf(node),
        };
    }

    // An operation's parameter takes the place of its path's with the same name and place.
    private List<DocumentNode> ParametersOf(DocumentNode item, DocumentNode operation)
    {
        var all = new Dictionary<(string, string), DocumentNode>();
        foreach (var list in (DocumentNode?[])[item["parameters"], operation["parameters"]])
        {
            foreach (var one in list?.Items ?? [])
            {
                if (Target(one) is { } parameter)
                {
                    all[(parameter["in"]?.Text ?? "", parameter["name"]?.Text ?? "")] = parameter;
                }
            }
        }

        return [.. all.Values];
    }

    // OpenAPI 3.0.3, parameter object: these are described elsewhere.
    private static bool IsReserved(ParameterContract parameter) =>
        parameter.In == "header" && parameter.Name.ToLowerInvariant() is "accept" or "content-type" or "authorization";

    private ParameterContract ParameterOf(DocumentNode parameter)
    {
        var place = parameter["in"]!.Text;
        var content = parameter["content"]?.Members is [var only, ..] ? only : null;
        var isList = place is "query" or "cookie";
        var style = _isVersion2
            ? parameter["collectionFormat"]?.Text switch
            {
                "ssv" => "spaceDelimited",
                "pipes" => "pipeDelimited",
                "tsv" => "tabDelimited",
                _ => isList ? "form" : "simple",
            }
            : parameter["style"]?.Text ?? (isList ? "form" : "simple");
        return new()
        {
            Name = parameter["name"]?.Text ?? "",
            In = place,
            Required = IsTrue(parameter["required"]) || place == "path",
            Style = style,
            Explode =
                _isVersion2 ? parameter["collectionFormat"]?.Text == "multi"
                : parameter["explode"] is { } explode ? IsTrue(explode)
                : style == "form",
            IsJson = content?.Name.Contains("json", StringComparison.OrdinalIgnoreCase) == true,
            Schema = Schema(
                content is not null ? content.Value["schema"]
                    : _isVersion2 ? parameter
                    : parameter["schema"],
                ofParameter: _isVersion2
            ),
        };
    }

    private BodyContract? BodyOf(DocumentNode operation)
    {
        if (operation["requestBody"] is not { } said || Target(said) is not { } body)
        {
            return null;
        }

        return new() { Required = IsTrue(body["required"]), Content = ContentOf(body["content"]) };
    }

    private BodyContract? BodyOfVersion2(DocumentNode operation, List<DocumentNode> parameters)
    {
        var consumes = (operation["consumes"] ?? _root["consumes"])?.Items.Select(i => i.Text).ToList() ?? [];
        if (parameters.FirstOrDefault(p => p["in"]?.Text == "body") is { } body)
        {
            var schema = Schema(body["schema"]);
            return new()
            {
                Required = IsTrue(body["required"]),
                Content = (consumes.Count == 0 ? ["application/json"] : consumes).ToImmutableSortedDictionary(
                    MediaType,
                    _ => schema,
                    StringComparer.Ordinal
                ),
            };
        }

        var fields = parameters.Where(p => p["in"]?.Text == "formData").ToList();
        if (fields.Count == 0)
        {
            return null;
        }

        var properties = new JsonObject(
            fields.Select(f => KeyValuePair.Create(f["name"]?.Text ?? "", _schemas.Of(f, ofParameter: true)))
        );
        var required = fields.Where(f => IsTrue(f["required"])).Select(f => (JsonNode?)f["name"]?.Text).ToArray();
        var form = new JsonObject { ["type"] = "object", ["properties"] = properties };
        if (required.Length > 0)
        {
            form["required"] = new JsonArray(required);
        }

        var whole = ToElement(form);
        return new()
        {
            Required = required.Length > 0,
            Content = (
                consumes.Count == 0 ? ["application/x-www-form-urlencoded", "multipart/form-data"] : consumes
            ).ToImmutableSortedDictionary(MediaType, _ => whole, StringComparer.Ordinal),
        };
    }

    private ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, JsonElement>> AnswersOf(
        DocumentNode operation
    )
    {
        var answers = ImmutableSortedDictionary.CreateBuilder<string, ImmutableSortedDictionary<string, JsonElement>>(
            StringComparer.Ordinal
        );
        foreach (var response in operation["responses"]?.Members ?? [])
        {
            var status = response.Name.ToUpper(CultureInfo.InvariantCulture);
            if (response.Name.StartsWith("x-", StringComparison.Ordinal) || Target(response.Value) is not { } answer)
            {
                continue;
            }

            answers[status == "DEFAULT" ? "default" : status] =
                !_isVersion2 ? ContentOf(answer["content"])
                : answer["schema"] is { } schema
                    ? ((operation["produces"] ?? _root["produces"])?.Items.Select(i => i.Text) ?? ["application/json"])
                        .Distinct()
                        .ToImmutableSortedDictionary(MediaType, _ => Schema(schema), StringComparer.Ordinal)
                : ImmutableSortedDictionary<string, JsonElement>.Empty;
        }

        return answers.ToImmutable();
    }

    private ImmutableSortedDictionary<string, JsonElement> ContentOf(DocumentNode? content) =>
        (content?.Members ?? [])
            .DistinctBy(m => MediaType(m.Name))
            .ToImmutableSortedDictionary(
                m => MediaType(m.Name),
                // A media type that is not JSON or a form is not looked into, so its schema need not travel.
                m => IsLookedInto(m.Name) ? Schema(m.Value["schema"]) : ToElement(new JsonObject()),
                StringComparer.Ordinal
            );

    private static bool IsLookedInto(string mediaType) =>
        mediaType.Contains("json", StringComparison.OrdinalIgnoreCase)
        || mediaType.Contains("urlencoded", StringComparison.OrdinalIgnoreCase)
        || mediaType.Contains('*', StringComparison.Ordinal);

    private static string MediaType(string text) => text.Split(';')[0].Trim().ToLowerInvariant();

    private JsonElement Schema(DocumentNode? schema, bool ofParameter = false) =>
        ToElement(schema is null ? new JsonObject() : _schemas.Of(schema, ofParameter) ?? new JsonObject());

    private DocumentNode? Target(DocumentNode? node) =>
        node?["$ref"] is not { Kind: NodeKind.String } reference ? node
        : _references.TryResolve(reference.Text, out var target, out _) ? target
        : null;

    private static bool IsTrue(DocumentNode? node) =>
        node is { Kind: NodeKind.Boolean } && node.Text.Equals("true", StringComparison.OrdinalIgnoreCase);

    private static JsonElement ToElement(JsonNode node) =>
        JsonSerializer.SerializeToElement(node, PolicyDocumentJson.Default.JsonNode);
}
