using System.Collections.Immutable;
using System.Text.Json;

namespace Gatehouse.Model;

/// <summary>What the OpenAPI document of an API says of its schemas; only where an operation is validated.</summary>
public sealed record ApiContract
{
    /// <summary>How its schemas are read.</summary>
    public required JsonSchemaDialect Dialect { get; init; }

    /// <summary>What references lead to, at its place in the document; nothing else is in it.</summary>
    public required JsonElement Document { get; init; }
}

/// <summary>What the OpenAPI document says of one operation's requests and answers.</summary>
public sealed record OperationContract
{
    /// <summary>Parameters of path, query, headers and cookies.</summary>
    public ImmutableArray<ParameterContract> Parameters { get; init; } = [];

    /// <summary>The request's body; null when the document says nothing of one.</summary>
    public BodyContract? Body { get; init; }

    /// <summary>By status, <c>2XX</c> or <c>default</c>: by media type, the schema of the answer's body.</summary>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, JsonElement>> Answers { get; init; } =
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, JsonElement>>.Empty;
}

/// <summary>One parameter.</summary>
public sealed record ParameterContract
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary><c>path</c>, <c>query</c>, <c>header</c> or <c>cookie</c>.</summary>
    public required string In { get; init; }

    /// <summary>A request without it is refused.</summary>
    public bool Required { get; init; }

    /// <summary>How a list or object is written as text: <c>form</c>, <c>simple</c>, <c>spaceDelimited</c>, <c>pipeDelimited</c>, <c>tabDelimited</c> or <c>deepObject</c>.</summary>
    public required string Style { get; init; }

    /// <summary>Each item of a list has a parameter of its own.</summary>
    public bool Explode { get; init; }

    /// <summary>Its text is JSON.</summary>
    public bool IsJson { get; init; }

    /// <summary>What its value must fit.</summary>
    public required JsonElement Schema { get; init; }
}

/// <summary>The body of requests.</summary>
public sealed record BodyContract
{
    /// <summary>A request without one is refused.</summary>
    public bool Required { get; init; }

    /// <summary>By media type or range, the schema.</summary>
    public required ImmutableSortedDictionary<string, JsonElement> Content { get; init; }
}

/// <summary>The schemas of an API's contract, ready to be compiled: those of requests and those of answers apart.</summary>
public sealed class ContractSchemas
{
    // Absolute, so that references beginning with # are relative to it.
    private const string Uri = "openapi:/document";

    private readonly JsonSchemaSet _requests;
    private readonly JsonSchemaSet _answers;

    /// <summary>Takes the contract's shared schemas.</summary>
    public ContractSchemas(ApiContract contract)
    {
        ArgumentNullException.ThrowIfNull(contract);
        _requests = new(contract.Dialect, JsonSchemaUse.Request);
        _answers = new(contract.Dialect, JsonSchemaUse.Answer);
        _requests.AddDocument(Uri, contract.Document);
        _answers.AddDocument(Uri, contract.Document);
    }

    /// <summary>A schema of requests. Throws <see cref="JsonSchemaException"/>.</summary>
    public JsonSchema OfRequest(JsonElement schema) => _requests.Of(Uri, schema);

    /// <summary>A schema of answers. Throws <see cref="JsonSchemaException"/>.</summary>
    public JsonSchema OfAnswer(JsonElement schema) => _answers.Of(Uri, schema);
}
