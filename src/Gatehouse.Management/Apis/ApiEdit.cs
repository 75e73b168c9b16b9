using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What a publisher changes of a definition without its document. What is null stays as it is.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApiEdit
{
    /// <summary>For people.</summary>
    public string? Description { get; init; }

    /// <summary>Production backends; all of them.</summary>
    public ImmutableArray<string>? Endpoints { get; init; }

    /// <summary>Backends for sandbox keys, all of them; empty for no sandbox.</summary>
    public ImmutableArray<string>? SandboxEndpoints { get; init; }

    /// <summary>Certificates, PEM, that the TLS certificates of backends have to chain to; empty for what gateways' machines trust.</summary>
    public string? BackendAuthorities { get; init; }

    /// <summary>Longest wait for a connection to a backend, as <c>hh:mm:ss</c>.</summary>
    public TimeSpan? ConnectTimeout { get; init; }

    /// <summary>Longest silence of a backend, as <c>hh:mm:ss</c>.</summary>
    public TimeSpan? ResponseTimeout { get; init; }

    /// <summary>Also answers without the version in the path. One version of a context may.</summary>
    public bool? IsDefaultVersion { get; init; }

    /// <summary>Lets <c>%2F</c> and <c>%5C</c> pass in paths.</summary>
    public bool? AllowEncodedSlash { get; init; }

    /// <summary>Lets <c>;</c> pass in paths.</summary>
    public bool? AllowSemicolon { get; init; }

    /// <summary>Ways in, all of them; empty to open the API to everybody.</summary>
    public ImmutableArray<string>? Security { get; init; }

    /// <summary>How callers prove themselves, beyond the ways in; as a whole.</summary>
    public AccessSettings? Access { get; init; }

    /// <summary>The API policy of the whole API; <c>Unlimited</c> for none.</summary>
    public string? Policy { get; init; }

    /// <summary>Most requests a second that reach the production backends; 0 for no bound.</summary>
    public int? MaxTps { get; init; }

    /// <summary>Most requests a second that reach the sandbox backends; 0 for no bound.</summary>
    public int? SandboxMaxTps { get; init; }

    internal ApiDefinition Apply(ApiDefinition definition) =>
        definition with
        {
            Description = Description ?? definition.Description,
            Endpoints = Endpoints ?? definition.Endpoints,
            SandboxEndpoints = SandboxEndpoints ?? definition.SandboxEndpoints,
            BackendAuthorities =
                BackendAuthorities is null ? definition.BackendAuthorities
                : BackendAuthorities.Length == 0 ? null
                : BackendAuthorities,
            ConnectTimeout = ConnectTimeout ?? definition.ConnectTimeout,
            ResponseTimeout = ResponseTimeout ?? definition.ResponseTimeout,
            IsDefaultVersion = IsDefaultVersion ?? definition.IsDefaultVersion,
            AllowEncodedSlash = AllowEncodedSlash ?? definition.AllowEncodedSlash,
            AllowSemicolon = AllowSemicolon ?? definition.AllowSemicolon,
            Security = Security ?? definition.Security,
            Access = Access ?? definition.Access,
            Policy =
                Policy is null ? definition.Policy
                : Policy == Plan.Unlimited ? null
                : Policy,
            MaxTps =
                MaxTps is null ? definition.MaxTps
                : MaxTps == 0 ? null
                : MaxTps,
            SandboxMaxTps =
                SandboxMaxTps is null ? definition.SandboxMaxTps
                : SandboxMaxTps == 0 ? null
                : SandboxMaxTps,
            // Endpoints that are named anew are spread evenly; how the old ones were says nothing about them.
            Spread = Endpoints is { } named && !named.SequenceEqual(definition.Endpoints) ? null : definition.Spread,
            SandboxSpread =
                SandboxEndpoints is { } tried && !tried.SequenceEqual(definition.SandboxEndpoints)
                    ? null
                    : definition.SandboxSpread,
        };
}
