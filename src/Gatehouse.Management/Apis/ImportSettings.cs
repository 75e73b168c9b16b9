using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What a publisher says beside the document. What is left out comes from the API as it is, then from the document.</summary>
public sealed record ImportSettings
{
    /// <summary>The API's name; from the title when null.</summary>
    public string? Name { get; init; }

    /// <summary>The API's version; from the document when null.</summary>
    public string? Version { get; init; }

    /// <summary>The API's context; <c>/name</c> when null.</summary>
    public string? Context { get; init; }

    /// <summary>Production backends; the document's first server when empty.</summary>
    public ImmutableArray<string> Endpoints { get; init; } = [];

    /// <summary>Sandbox backends.</summary>
    public ImmutableArray<string> SandboxEndpoints { get; init; } = [];

    /// <summary><c>apikey</c> or <c>none</c>; <c>apikey</c> when null, because a door is better opened on purpose.</summary>
    public string? Auth { get; init; }

    /// <summary>Takes the place of an API of that name and version instead of being refused.</summary>
    public bool Update { get; init; }

    internal string NameFor(OpenApiDocument document) => Name ?? ApiRules.NameFor(document.Title);

    internal ApiDefinition Apply(OpenApiDocument document, Digest digest, ApiDefinition? existing)
    {
        var name = NameFor(document);
        return new()
        {
            Name = name,
            Version = Version ?? document.Version,
            Context = Context ?? existing?.Context ?? ApiRules.ContextFor(name),
            Description = document.Description,
            Security = Auth switch
            {
                null => existing?.Security ?? ["apikey"],
                "none" => [],
                _ => [Auth],
            },
            Endpoints =
                !Endpoints.IsEmpty ? Endpoints
                : existing is not null ? existing.Endpoints
                : [.. document.Servers.Take(1)],
            SandboxEndpoints = !SandboxEndpoints.IsEmpty ? SandboxEndpoints : existing?.SandboxEndpoints ?? [],
            Operations = document.Operations,
            ConnectTimeout = existing?.ConnectTimeout ?? TimeSpan.FromSeconds(5),
            ResponseTimeout = existing?.ResponseTimeout ?? TimeSpan.FromSeconds(60),
            IsDefaultVersion = existing?.IsDefaultVersion ?? false,
            AllowEncodedSlash = existing?.AllowEncodedSlash ?? false,
            AllowSemicolon = existing?.AllowSemicolon ?? false,
            Document = digest,
            Specification = document.SpecVersion,
        };
    }
}
