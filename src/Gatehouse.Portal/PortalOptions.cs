using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Model;

namespace Gatehouse.Portal;

/// <summary>What the portal is given by the node that runs it.</summary>
public sealed record PortalOptions
{
    /// <summary>The cluster's certificate authorities, the one that issues first: what try-it trusts besides the system's.</summary>
    public required Func<ImmutableArray<X509Certificate2>> Authorities { get; init; }

    /// <summary>What the managers of this cluster run together: a link to anything else would lead nowhere.</summary>
    public Func<ManagementPart> Cluster { get; init; } = static () => ManagementPart.All;

    /// <summary>Whether any of them runs <paramref name="part"/>.</summary>
    public bool Has(ManagementPart part) => (Cluster() & part) != 0;
}
