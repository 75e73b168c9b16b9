using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Portal;

/// <summary>What the portal is given by the node that runs it.</summary>
public sealed record PortalOptions
{
    /// <summary>The cluster's certificate authorities, the one that issues first: what try-it trusts besides the system's.</summary>
    public required Func<ImmutableArray<X509Certificate2>> Authorities { get; init; }
}
