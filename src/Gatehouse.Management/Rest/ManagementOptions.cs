using Gatehouse.Deployment.Trust;

namespace Gatehouse.Management;

/// <summary>What the management side is given by the node that runs it.</summary>
public sealed record ManagementOptions
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The catalogue's database, set up (<see cref="CatalogueSetup"/>).</summary>
    public required CatalogueDatabase Database { get; init; }

    /// <summary>Signs every change of the catalogue.</summary>
    public required CatalogueKey CatalogueKey { get; init; }

    /// <summary>The build, for status.</summary>
    public string Version { get; init; } = "";
}
