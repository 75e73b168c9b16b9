using System.Collections.Immutable;
using Gatehouse.Client;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary>What is said beside an OpenAPI document that is imported; null, or empty, where the document or the default counts.</summary>
internal sealed record ApiImport
{
    public string? Name { get; init; }

    public string? Version { get; init; }

    public string? Context { get; init; }

    public string? Auth { get; init; }

    public string? ClientCertificate { get; init; }

    public string? AuthorizationHeader { get; init; }

    public string? ApiKeyHeader { get; init; }

    public bool? PassAuthorization { get; init; }

    public string? Policy { get; init; }

    public int? MaxTps { get; init; }

    public int? SandboxMaxTps { get; init; }

    public ImmutableArray<string> Endpoints { get; init; } = [];

    public ImmutableArray<string> SandboxEndpoints { get; init; } = [];

    public ImmutableArray<string> Issuers { get; init; } = [];

    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>Replaces the definition of that name and version.</summary>
    public bool? Update { get; init; }

    /// <summary>Answers without the version too; only an API that is there can be told.</summary>
    public bool? IsDefaultVersion { get; init; }

    /// <summary>What this says, and of all else what <paramref name="other"/> says.</summary>
    public ApiImport Or(ApiImport other) =>
        new()
        {
            Name = Name ?? other.Name,
            Version = Version ?? other.Version,
            Context = Context ?? other.Context,
            Auth = Auth ?? other.Auth,
            ClientCertificate = ClientCertificate ?? other.ClientCertificate,
            AuthorizationHeader = AuthorizationHeader ?? other.AuthorizationHeader,
            ApiKeyHeader = ApiKeyHeader ?? other.ApiKeyHeader,
            PassAuthorization = PassAuthorization ?? other.PassAuthorization,
            Policy = Policy ?? other.Policy,
            MaxTps = MaxTps ?? other.MaxTps,
            SandboxMaxTps = SandboxMaxTps ?? other.SandboxMaxTps,
            Endpoints = Endpoints.IsEmpty ? other.Endpoints : Endpoints,
            SandboxEndpoints = SandboxEndpoints.IsEmpty ? other.SandboxEndpoints : SandboxEndpoints,
            Issuers = Issuers.IsEmpty ? other.Issuers : Issuers,
            Audiences = Audiences.IsEmpty ? other.Audiences : Audiences,
            Update = Update ?? other.Update,
            IsDefaultVersion = IsDefaultVersion ?? other.IsDefaultVersion,
        };

    /// <summary>Sends a document with it.</summary>
    public async Task<ImportView> SendAsync(ManagerApi manager, HttpContent document, CancellationToken cancellation)
    {
        var imported = await manager.ImportApiAsync(
            document,
            cancellation,
            name: Name,
            version: Version,
            context: Context,
            endpoint: Endpoints,
            sandboxEndpoint: SandboxEndpoints,
            auth: Auth,
            clientCertificate: ClientCertificate,
            issuer: Issuers,
            audience: Audiences,
            authorizationHeader: AuthorizationHeader,
            passAuthorization: PassAuthorization,
            apiKeyHeader: ApiKeyHeader,
            policy: Policy,
            maxTps: MaxTps,
            sandboxMaxTps: SandboxMaxTps,
            update: Update
        );
        if (IsDefaultVersion is { } isDefault)
        {
            await manager.PatchApiAsync(imported.Api.Id, new() { IsDefaultVersion = isDefault }, cancellation);
        }

        return imported;
    }
}
