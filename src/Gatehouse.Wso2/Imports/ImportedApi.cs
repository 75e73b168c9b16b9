using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>One API version as it was found: an OpenAPI document with our extensions, and what is said beside it.</summary>
public sealed record ImportedApi
{
    /// <summary>Letters, digits and <c>-._</c>.</summary>
    public required string Name { get; init; }

    /// <summary>As in the old system.</summary>
    public required string Version { get; init; }

    /// <summary>The path in front of the version; of a tenant's API with <c>/t/TENANT</c>.</summary>
    public required string Context { get; init; }

    /// <summary>OpenAPI with <c>x-gatehouse-endpoints</c>, <c>x-gatehouse-policies</c> and WSO2's own extensions.</summary>
    public required JsonObject Document { get; init; }

    /// <summary>Backends of sandbox keys.</summary>
    public ImmutableArray<string> SandboxEndpoints { get; init; } = [];

    /// <summary>Ways in with commas between, or <c>none</c>; null for what the document says.</summary>
    public string? Auth { get; init; }

    /// <summary><c>optional</c>, <c>mandatory</c> or <c>alone</c>; null without mutualtls.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>The header of tokens.</summary>
    public string? AuthorizationHeader { get; init; }

    /// <summary>The header of keys.</summary>
    public string? ApiKeyHeader { get; init; }

    /// <summary>That header goes on to the backend.</summary>
    public bool PassAuthorization { get; init; }

    /// <summary>The limit of the whole API.</summary>
    public string? Policy { get; init; }

    /// <summary>Requests a second to the production backends.</summary>
    public int? MaxTps { get; init; }

    /// <summary>Requests a second to the sandbox backends.</summary>
    public int? SandboxMaxTps { get; init; }

    /// <summary>Answers without the version too.</summary>
    public bool IsDefaultVersion { get; init; }

    /// <summary>Such as <c>PizzaShackAPI-1.0.0</c>: the directory it is written to.</summary>
    public string Folder => $"{Name}-{Version}";

    /// <summary>The limits that it and its operations name.</summary>
    internal IEnumerable<string> LimitNames() =>
        (Document["paths"] as JsonObject ?? [])
            .Select(path => path.Value)
            .OfType<JsonObject>()
            .SelectMany(path => path.Select(operation => operation.Value))
            .OfType<JsonObject>()
            .SelectMany(operation => new[] { operation["x-throttling-tier"], operation["x-wso2-throttling-tier"] })
            .OfType<JsonValue>()
            .Select(tier => tier.TryGetValue<string>(out var name) ? name : null)
            .Append(Policy)
            .OfType<string>();
}

/// <summary>A limit or plan, as REST takes it.</summary>
/// <param name="Kind"><c>plans</c>, <c>application-policies</c>, <c>api-policies</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Document">Its fields.</param>
/// <param name="IsAssumed">Nothing that was read says its amount: it is the old generation's own. What an operator set goes before it.</param>
public sealed record ImportedLimit(string Kind, string Name, JsonObject Document, bool IsAssumed = false);

/// <summary>A file that goes beside the configuration.</summary>
/// <param name="Path">Relative, with <c>/</c>.</param>
/// <param name="Content">Its bytes.</param>
/// <param name="IsSecret">Readable by its owner alone.</param>
public sealed record ImportedFile(string Path, ReadOnlyMemory<byte> Content, bool IsSecret);
