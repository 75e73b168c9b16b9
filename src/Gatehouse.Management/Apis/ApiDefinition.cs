using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// An API as its publisher edits it. Holds content only: which revisions there are and which one is deployed is read from
/// where it is decided, so equal definitions have equal digests.
/// </summary>
public sealed record ApiDefinition
{
    /// <summary>Letters, digits and <c>-._</c>; in front of the version it names the API.</summary>
    public required string Name { get; init; }

    /// <summary>Part of the address: <c>context/version/resource</c>.</summary>
    public required string Version { get; init; }

    /// <summary>Such as <c>/petstore</c>.</summary>
    public required string Context { get; init; }

    /// <summary>For people.</summary>
    public string Description { get; init; } = "";

    /// <summary>Ways in that callers may use; empty when the API is open.</summary>
    public ImmutableArray<string> Security { get; init; } = [];

    /// <summary>How callers prove themselves, beyond the ways in themselves.</summary>
    public AccessSettings Access
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field ?? new();
        init;
    }

    /// <summary>Production backends.</summary>
    public required ImmutableArray<string> Endpoints { get; init; }

    /// <summary>How requests are spread over <see cref="Endpoints"/>; null for evenly, each in its turn.</summary>
    public EndpointSet? Spread { get; init; }

    /// <summary>How the gateway proves itself to <see cref="Endpoints"/>; null when it does not. Its secret is sealed.</summary>
    public EndpointCredential? Credential { get; init; }

    /// <summary>How the gateway proves itself to <see cref="SandboxEndpoints"/>; null when it does not.</summary>
    public EndpointCredential? SandboxCredential { get; init; }

    /// <summary>
    /// Certificates, PEM, that the TLS certificates of all backends have to chain to (<see cref="Gatehouse.Model.BackendAuthorities"/>);
    /// null for the authorities that the gateways' machines trust.
    /// </summary>
    public string? BackendAuthorities { get; init; }

    /// <summary>Backends for sandbox keys; empty when there is no sandbox.</summary>
    public ImmutableArray<string> SandboxEndpoints { get; init; } = [];

    /// <summary>How requests are spread over <see cref="SandboxEndpoints"/>; null for evenly, each in its turn.</summary>
    public EndpointSet? SandboxSpread { get; init; }

    /// <summary>Sorted by path and method.</summary>
    public required ImmutableArray<Operation> Operations { get; init; }

    /// <summary>The scopes that the API has, sorted by name. Gateways know those of operations; who may have one is the key manager's business.</summary>
    public ImmutableArray<ApiScope> Scopes
    {
        // A row of an older build lacks it; generated readers do not run initializers.
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Longest wait for a connection to a backend.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest silence of a backend.</summary>
    public TimeSpan ResponseTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Also answers without the version in the path.</summary>
    public bool IsDefaultVersion { get; init; }

    /// <summary>Lets <c>%2F</c> and <c>%5C</c> pass in paths.</summary>
    public bool AllowEncodedSlash { get; init; }

    /// <summary>Lets <c>;</c> pass in paths.</summary>
    public bool AllowSemicolon { get; init; }

    /// <summary>Policies of every operation, in order.</summary>
    public ImmutableArray<PolicyUse> Policies
    {
        get;
        init => field = value.IsDefault ? [] : value;
    } = [];

    /// <summary>The API policy of the whole API, in place of its operations' ones; null for none.</summary>
    public string? Policy { get; init; }

    /// <summary>Most requests a second that reach the production backends.</summary>
    public int? MaxTps { get; init; }

    /// <summary>Most requests a second that reach the sandbox backends.</summary>
    public int? SandboxMaxTps { get; init; }

    /// <summary>The schemas that its operations' contracts share; null when none is validated.</summary>
    public ApiContract? Contract { get; init; }

    /// <summary>The OpenAPI document it was imported from, by its digest.</summary>
    public Digest? Document { get; init; }

    /// <summary>The document's version of the specification, such as <c>3.1.0</c>.</summary>
    public string? Specification { get; init; }

    /// <summary>The entity name, <c>name:version</c>.</summary>
    [JsonIgnore]
    public string Id => Api.EntityName(Name, Version);

    /// <summary>True when an operation is validated against the document.</summary>
    [JsonIgnore]
    internal bool IsValidated => Operations.Any(Validates);

    /// <summary>Whether one operation is.</summary>
    internal bool Validates(Operation operation)
    {
        var use =
            operation.Policies.FirstOrDefault(p => p.Name == "validate")
            ?? Policies.FirstOrDefault(p => p.Name == "validate");
        return use is not null
            && PolicyKinds.Find(use.Name)!.Read(use.Settings, "", new List<Problem>())
                is not ValidateSettings { Request: "off", Answer: "off" };
    }

    /// <summary>As <paramref name="caller"/> may see it: a subscriber learns nothing of backends, policies and the source document.</summary>
    internal ApiDefinition ShownTo(Caller caller) =>
        caller.SeesBehind
            ? Shown()
            : Shown() with
            {
                Endpoints = [],
                Spread = null,
                Credential = null,
                SandboxEndpoints = [],
                SandboxSpread = null,
                SandboxCredential = null,
                BackendAuthorities = null,
                MaxTps = null,
                SandboxMaxTps = null,
                Policies = [],
                Scopes = [.. Scopes.Select(s => s with { Roles = [] })],
                Operations = [.. Operations.Select(o => o with { Policies = [], Contract = null })],
                Document = null,
            };

    /// <summary>As people and programs see it: without sealed secrets and without what is only there to validate by.</summary>
    internal ApiDefinition Shown() =>
        WithoutContracts() with
        {
            Credential = Credential is null ? null : Credential with { Secret = null },
            SandboxCredential = SandboxCredential is null ? null : SandboxCredential with { Secret = null },
        };

    /// <summary>The definition without what is only there to validate by.</summary>
    internal ApiDefinition WithoutContracts() =>
        Contract is null && Operations.All(o => o.Contract is null)
            ? this
            : this with
            {
                Contract = null,
                Operations = [.. Operations.Select(o => o with { Contract = null })],
            };

    /// <summary>The addresses it answers on. No two definitions may share one.</summary>
    internal IEnumerable<string> Addresses() =>
        IsDefaultVersion ? [$"{Context}/{Version}", Context] : [$"{Context}/{Version}"];

    /// <summary>The API policies it names.</summary>
    internal IEnumerable<string> PolicyNames() => Operations.Select(o => o.Policy).Append(Policy).OfType<string>();

    /// <summary>The form the workers run.</summary>
    internal Api ToApi(int revision, ApiStatus status = ApiStatus.Published) =>
        new()
        {
            Status = status,
            Name = Name,
            Version = Version,
            Context = Context,
            Revision = revision,
            IsDefaultVersion = IsDefaultVersion,
            Security = Security,
            CertificateMandatory = Access.CertificateMandatory,
            CredentialOptional = Access.CredentialOptional,
            Issuers = Access.Issuers,
            Audiences = Access.Audiences,
            AuthorizationHeader = Access.AuthorizationHeader,
            PassAuthorization = Access.PassAuthorization,
            ApiKeyHeader = Access.ApiKeyHeader,
            Operations = Operations,
            Production = (Spread ?? Set(Endpoints)) with { Credential = Credential, Authorities = BackendAuthorities },
            Sandbox = SandboxEndpoints.IsEmpty
                ? null
                : (SandboxSpread ?? Set(SandboxEndpoints)) with
                {
                    Credential = SandboxCredential,
                    Authorities = BackendAuthorities,
                },
            AllowEncodedSlash = AllowEncodedSlash,
            AllowSemicolon = AllowSemicolon,
            Contract = Contract,
            Policies = Policies,
            Policy = Policy,
            MaxTps = MaxTps,
            SandboxMaxTps = SandboxMaxTps,
        };

    private EndpointSet Set(ImmutableArray<string> urls) =>
        new()
        {
            Endpoints = [.. urls.Select(url => new Endpoint { Url = url })],
            ConnectTimeout = ConnectTimeout,
            ResponseTimeout = ResponseTimeout,
        };
}

/// <summary>How callers of an API prove themselves, beyond the ways in themselves. The meaning is that of <see cref="Api"/>'s members.</summary>
public sealed record AccessSettings
{
    /// <summary>A certificate is asked for beside the credential.</summary>
    public bool CertificateMandatory { get; init; }

    /// <summary>A certificate alone opens the API.</summary>
    public bool CredentialOptional { get; init; }

    /// <summary>Issuers whose tokens count; empty for all.</summary>
    public ImmutableArray<string> Issuers { get; init; } = [];

    /// <summary>Audiences of which a token must hold one; empty for none asked.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>The header of tokens and Basic credentials.</summary>
    public string AuthorizationHeader { get; init; } = "Authorization";

    /// <summary>That header goes on to the backend.</summary>
    public bool PassAuthorization { get; init; }

    /// <summary>The header of API keys.</summary>
    public string ApiKeyHeader { get; init; } = "apikey";
}

/// <summary>How definitions are stored. Members a later build adds are passed over, so that a step back can read them.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(ApiDefinition))]
internal sealed partial class DefinitionJson : JsonSerializerContext;
