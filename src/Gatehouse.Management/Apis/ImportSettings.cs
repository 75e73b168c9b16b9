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

    /// <summary>Ways in with commas between, or <c>none</c>; the document's WSO2 extensions or <c>apikey</c> when null, because a door is better opened on purpose.</summary>
    public string? Auth { get; init; }

    /// <summary><c>mandatory</c> beside a credential, <c>alone</c> in its place, <c>optional</c>.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>Issuers whose tokens count.</summary>
    public ImmutableArray<string> Issuers { get; init; } = [];

    /// <summary>Audiences of which a token must hold one.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>The header of tokens and Basic credentials.</summary>
    public string? AuthorizationHeader { get; init; }

    /// <summary>Lets that header go on to the backend.</summary>
    public bool? PassAuthorization { get; init; }

    /// <summary>The header of API keys.</summary>
    public string? ApiKeyHeader { get; init; }

    /// <summary>The API policy of the whole API; the document's when null.</summary>
    public string? Policy { get; init; }

    /// <summary>Most requests a second that reach the production backends; 0 for no bound.</summary>
    public int? MaxTps { get; init; }

    /// <summary>Most requests a second that reach the sandbox backends; 0 for no bound.</summary>
    public int? SandboxMaxTps { get; init; }

    /// <summary>Takes the place of an API of that name and version instead of being refused.</summary>
    public bool Update { get; init; }

    private AccessSettings AccessFor(DocumentAccess document, AccessSettings? existing)
    {
        var before = existing ?? document.Settings;
        return before with
        {
            CertificateMandatory = ClientCertificate is null
                ? before.CertificateMandatory
                : ClientCertificate == "mandatory",
            CredentialOptional = ClientCertificate is null ? before.CredentialOptional : ClientCertificate == "alone",
            Issuers = Issuers.IsEmpty ? before.Issuers : Issuers,
            Audiences = Audiences.IsEmpty ? before.Audiences : Audiences,
            AuthorizationHeader = AuthorizationHeader ?? before.AuthorizationHeader,
            PassAuthorization = PassAuthorization ?? before.PassAuthorization,
            ApiKeyHeader = ApiKeyHeader ?? before.ApiKeyHeader,
        };
    }

    private static string? Limited(string? policy) => policy == Plan.Unlimited ? null : policy;

    private static int? Bound(int? perSecond) => perSecond == 0 ? null : perSecond;

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
                null => existing?.Security ?? document.Access.Security ?? ["apikey"],
                "none" => [],
                _ => [.. Auth.Split(',', StringSplitOptions.TrimEntries).Distinct()],
            },
            Access = AccessFor(document.Access, existing?.Access),
            Endpoints =
                !Endpoints.IsEmpty ? Endpoints
                : document.Endpoints is { } said ? [.. said.Endpoints.Select(e => e.Url)]
                : existing is not null ? existing.Endpoints
                : [.. document.Servers.Take(1)],
            Spread = !Endpoints.IsEmpty ? null : document.Endpoints ?? existing?.Spread,
            Credential = existing?.Credential,
            SandboxCredential = existing?.SandboxCredential,
            BackendAuthorities = existing?.BackendAuthorities,
            SandboxEndpoints =
                !SandboxEndpoints.IsEmpty ? SandboxEndpoints
                : document.SandboxEndpoints is { } set ? [.. set.Endpoints.Select(e => e.Url)]
                : existing?.SandboxEndpoints ?? [],
            SandboxSpread = !SandboxEndpoints.IsEmpty ? null : document.SandboxEndpoints ?? existing?.SandboxSpread,
            Operations = Keep(document.Operations, existing?.Operations ?? []),
            Scopes = document.Scopes,
            ConnectTimeout = existing?.ConnectTimeout ?? TimeSpan.FromSeconds(5),
            ResponseTimeout = existing?.ResponseTimeout ?? TimeSpan.FromSeconds(60),
            IsDefaultVersion = existing?.IsDefaultVersion ?? false,
            AllowEncodedSlash = existing?.AllowEncodedSlash ?? false,
            AllowSemicolon = existing?.AllowSemicolon ?? false,
            Policies = !document.Policies.IsEmpty ? document.Policies : existing?.Policies ?? [],
            Policy = Limited(Policy ?? document.Policy ?? existing?.Policy),
            MaxTps = Bound(MaxTps ?? existing?.MaxTps),
            SandboxMaxTps = Bound(SandboxMaxTps ?? existing?.SandboxMaxTps),
            Document = digest,
            Specification = document.SpecVersion,
        };
    }

    // What was set beside the document is not lost when it is imported anew without naming policies.
    private static ImmutableArray<Operation> Keep(ImmutableArray<Operation> read, ImmutableArray<Operation> existing)
    {
        var before = existing.Where(o => !o.Policies.IsEmpty).ToDictionary(o => (o.Method, o.Path), o => o.Policies);
        return before.Count == 0
            ? read
            :
            [
                .. read.Select(o =>
                    o.Policies.IsEmpty && before.TryGetValue((o.Method, o.Path), out var policies)
                        ? o with
                        {
                            Policies = policies,
                        }
                        : o
                ),
            ];
    }
}
