using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// How app developers find an API and whom they ask about it. Stays on the managers and counts at once: it makes no revision
/// and moves no gateway. An API without one has the defaults.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApiListing
{
    /// <summary>The name people see; the API's own when empty.</summary>
    public string Title
    {
        get => field ?? "";
        init;
    } = "";

    /// <summary>Free words, sorted.</summary>
    public ImmutableArray<string> Tags
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Names of <see cref="ApiCategory"/>.</summary>
    public ImmutableArray<string> Categories
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Roles whose bearers see it; empty for everybody. Who publishes, operates or audits sees every API.</summary>
    public ImmutableArray<string> VisibleTo
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Plans that subscribers may choose from; empty for any.</summary>
    public ImmutableArray<string> Plans
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Who answers for it as a product.</summary>
    public Contact? BusinessOwner { get; init; }

    /// <summary>Who answers for it as software.</summary>
    public Contact? TechnicalOwner { get; init; }

    /// <summary>Free properties, found by <c>property:name=value</c>.</summary>
    public ImmutableSortedDictionary<string, string> Properties
    {
        get => field ?? ImmutableSortedDictionary<string, string>.Empty;
        init;
    } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>
    /// Who works on it (<see cref="ApiTeams"/>); empty for every publisher. Null in a request leaves it as it is, and stands
    /// where it is nothing for who asks.
    /// </summary>
    public ImmutableArray<ApiMember>? Team { get; init; }

    /// <summary>The team; empty for none.</summary>
    internal ImmutableArray<ApiMember> Members => Team ?? [];

    /// <summary>Its picture, by its digest; set by <c>PUT …/thumbnail</c>.</summary>
    public Digest? Thumbnail { get; init; }
}

/// <summary>Somebody to ask.</summary>
/// <param name="Name">What to call them.</param>
/// <param name="Email">Where to write.</param>
public sealed record Contact(string Name, string? Email = null);

/// <summary>A shelf of the developer portal that operators set up.</summary>
/// <param name="Name">Letters, digits, space and <c>-_</c>.</param>
/// <param name="Description">For people.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApiCategory([property: JsonRequired] string Name, string Description = "");
