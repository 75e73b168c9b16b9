using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Portal;

/// <summary>What the portal is given by the node that runs it.</summary>
public sealed record PortalOptions
{
    /// <summary>The cluster's certificate authority: what try-it trusts besides the system's authorities.</summary>
    public required X509Certificate2 Authority { get; init; }
}
