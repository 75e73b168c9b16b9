using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>What an OpenAPI document says that a gateway needs to know.</summary>
public sealed record OpenApiDocument
{
    /// <summary>Such as <c>3.1.0</c> or <c>2.0</c>.</summary>
    public required string SpecVersion { get; init; }

    /// <summary><c>info.title</c>.</summary>
    public required string Title { get; init; }

    /// <summary><c>info.version</c>.</summary>
    public required string Version { get; init; }

    /// <summary><c>info.description</c>, or empty.</summary>
    public string Description { get; init; } = "";

    /// <summary>Sorted by path and method, so that the order in the file changes nothing.</summary>
    public required ImmutableArray<Operation> Operations { get; init; }

    /// <summary>What it says operations do, by method and path; those of which it says nothing are not there.</summary>
    public IReadOnlyDictionary<(string Method, string Path), string> Summaries { get; init; } =
        ImmutableDictionary<(string, string), string>.Empty;

    /// <summary>The scopes it declares.</summary>
    public ImmutableArray<ApiScope> Scopes { get; init; } = [];

    /// <summary>What WSO2's extensions say about ways in.</summary>
    public DocumentAccess Access { get; init; } = new(null, new());

    /// <summary>Policies of every operation, by <c>x-gatehouse-policies</c> at the top.</summary>
    public ImmutableArray<PolicyUse> Policies { get; init; } = [];

    /// <summary>The absolute http and https URLs of the document's servers, in its order.</summary>
    public ImmutableArray<string> Servers { get; init; } = [];

    /// <summary>What <c>x-gatehouse-endpoints</c> says; null when it is not there.</summary>
    public EndpointSet? Endpoints { get; init; }

    /// <summary>Backends of sandbox keys and how requests are spread over them; null when the document says nothing of them.</summary>
    public EndpointSet? SandboxEndpoints { get; init; }

    /// <summary>The API policy of the whole API (WSO2 <c>x-wso2-throttling-tier</c>); null for none.</summary>
    public string? Policy { get; init; }

    /// <summary><c>application/json</c> or <c>application/yaml</c>.</summary>
    public required string MediaType { get; init; }

    /// <summary>What is wrong in the document but changes nothing for the gateway.</summary>
    public ImmutableArray<Problem> Warnings { get; init; } = [];
}

/// <summary>What a document says about ways in.</summary>
/// <param name="Security">The ways in; null when it says nothing.</param>
/// <param name="Settings">The rest.</param>
public sealed record DocumentAccess(ImmutableArray<string>? Security, AccessSettings Settings);
