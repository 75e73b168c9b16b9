using System.Collections.Immutable;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Routing;

/// <summary>An API revision, ready to serve.</summary>
internal sealed class CompiledApi
{
    /// <summary>The entity name (<see cref="DeploymentName"/>).</summary>
    public required string Name { get; init; }

    /// <summary>Digest of the payload it was compiled from.</summary>
    public required Digest Digest { get; init; }

    /// <summary>Where it answers: each a host (empty for any) and a path prefix in segments.</summary>
    public required ImmutableArray<Claim> Claims { get; init; }

    public required OperationTree Operations { get; init; }

    /// <summary>True when a client certificate is among this revision's ways in.</summary>
    public bool IsMutualTls { get; init; }

    /// <summary>True when one is among the ways in of this revision or of the one beside it.</summary>
    public bool TakesCertificates => IsMutualTls || Canary?.Api.IsMutualTls == true;

    public required PathRules Paths { get; init; }

    public required RequestMeter Meter { get; init; }

    /// <summary>The route that problems are told by before an operation is known: format of errors, counters, logs.</summary>
    public required CompiledRoute Fallback { get; init; }

    /// <summary>The route of <c>OPTIONS</c> that the API does not have itself; null when it has no policy for that.</summary>
    public CompiledRoute? Preflight { get; init; }

    /// <summary>Another revision that some callers get; null when all get this one.</summary>
    public CanaryChoice? Canary { get; private set; }

    /// <summary>The API with another revision beside it; called before anybody else has it.</summary>
    public CompiledApi With(CanaryChoice canary)
    {
        Canary = canary;
        return this;
    }

    public required DateTimeOffset Expires { get; init; }
}

/// <summary>One place where an API answers.</summary>
/// <param name="Host">Lower-case host name; empty for any host.</param>
/// <param name="Prefix">The path prefix in segments.</param>
internal readonly record struct Claim(string Host, ImmutableArray<string> Prefix)
{
    public override string ToString() => $"{(Host.Length == 0 ? "" : $"//{Host}")}/{string.Join('/', Prefix)}";
}
