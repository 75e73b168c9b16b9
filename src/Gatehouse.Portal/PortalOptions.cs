using System.Security.Cryptography.X509Certificates;
using Gatehouse.Management;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Gatehouse.Portal;

/// <summary>What the portal is given by the node that runs it.</summary>
public sealed record PortalOptions
{
    /// <summary>Where the keys of antiforgery tokens lie; shared by all managers, so that any of them takes a form another one gave out.</summary>
    public required IXmlRepository KeyRing { get; init; }

    /// <summary>The cluster's certificate authority: what try-it trusts besides the system's authorities.</summary>
    public required X509Certificate2 Authority { get; init; }

    /// <summary>The cluster's name; keeps one cluster's protected data from being taken by another.</summary>
    public required string Cluster { get; init; }
}
