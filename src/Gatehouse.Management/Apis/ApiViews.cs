using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>One API in a list.</summary>
/// <param name="Id"><c>name:version</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Context">Its context.</param>
/// <param name="Address">Where it is called: context and version.</param>
/// <param name="Security">Ways in; empty when it is open.</param>
/// <param name="Operations">How many operations it has.</param>
/// <param name="LatestRevision">Its newest revision; null when it never was deployed.</param>
/// <param name="DeployedRevision">The revision that is deployed; null when none is.</param>
/// <param name="IsChanged">True when the definition differs from the newest revision: a deployment would make another.</param>
/// <param name="State">Where it stands in its life.</param>
/// <param name="Listing">How app developers find it.</param>
public sealed record ApiSummary(
    string Id,
    string Name,
    string Version,
    string Context,
    string Address,
    ImmutableArray<string> Security,
    int Operations,
    int? LatestRevision,
    int? DeployedRevision,
    bool IsChanged,
    ApiState State,
    ListingSummary Listing
)
{
    /// <summary>Which revision runs in which environment.</summary>
    public ImmutableSortedDictionary<string, int> Environments
    {
        // A manager of an older build does not say: it has one.
        get =>
            field
            ?? (
                DeployedRevision is { } running
                    ? ImmutableSortedDictionary<string, int>.Empty.Add(GatewayEnvironment.Default, running)
                    : ImmutableSortedDictionary<string, int>.Empty
            );
        init;
    }
}

/// <summary>What a list shows of an API's listing.</summary>
/// <param name="Title">The name people see.</param>
/// <param name="Description">The definition's.</param>
/// <param name="Tags">Free words.</param>
/// <param name="Categories">Shelves it stands on.</param>
/// <param name="HasThumbnail">True when it has a picture.</param>
public sealed record ListingSummary(
    string Title,
    string Description,
    ImmutableArray<string> Tags,
    ImmutableArray<string> Categories,
    bool HasThumbnail
);

/// <summary>One API in full.</summary>
public sealed record ApiView(ApiSummary Summary, ApiDefinition Definition);

/// <summary>What an import came to.</summary>
/// <param name="Api">The API as it stands.</param>
/// <param name="Created">False when an earlier definition was replaced.</param>
/// <param name="Warnings">What is wrong in the document but changes nothing for the gateway.</param>
public sealed record ImportView(ApiSummary Api, bool Created, ImmutableArray<Problem> Warnings);
