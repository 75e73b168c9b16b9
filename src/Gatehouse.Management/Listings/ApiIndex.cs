using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// What lists and searches ask about every API, in memory.
/// </summary>
public sealed class ApiIndex : IDisposable
{
    private readonly CatalogueFollower<ImmutableSortedDictionary<string, IndexedApi>> _follower;

    /// <summary>Reads nothing yet.</summary>
    public ApiIndex(Catalogue catalogue) =>
        _follower = new(
            catalogue,
            [EntityKinds.Definition, EntityKinds.Lifecycle, EntityKinds.Listing, EntityKinds.Api],
            ImmutableSortedDictionary.Create<string, IndexedApi>(StringComparer.Ordinal),
            Apply
        );

    /// <summary>Every API that has a definition, by name.</summary>
    internal async Task<IReadOnlyList<IndexedApi>> ReadAsync(CancellationToken cancellation) =>
        [
            .. (await _follower.ReadAsync(cancellation).ConfigureAwait(false)).Values.Where(a =>
                a.Definition is not null
            ),
        ];

    /// <summary>The API of that entity name; null when it has no definition.</summary>
    internal async Task<IndexedApi?> FindAsync(string name, CancellationToken cancellation) =>
        (await _follower.ReadAsync(cancellation).ConfigureAwait(false)).GetValueOrDefault(name)
            is { Definition: not null } found
            ? found
            : null;

    /// <summary>
    /// Of <paramref name="scopes"/> those that somebody with these roles may have. Where several APIs bind one scope to roles,
    /// what each of them asks for counts: another API cannot open what this one closed.
    /// </summary>
    public async Task<ImmutableArray<string>> AllowedScopesAsync(
        IEnumerable<string> scopes,
        ImmutableArray<string> roles,
        CancellationToken cancellation
    )
    {
        var closed = (await ReadAsync(cancellation).ConfigureAwait(false))
            .SelectMany(a => a.Definition!.BoundScopes)
            .Where(s => !s.Roles.Intersect(roles).Any())
            .Select(s => s.Name)
            .ToHashSet(StringComparer.Ordinal);
        return [.. scopes.Where(s => !closed.Contains(s))];
    }

    /// <inheritdoc/>
    public void Dispose() => _follower.Dispose();

    private static ImmutableSortedDictionary<string, IndexedApi> Apply(
        ImmutableSortedDictionary<string, IndexedApi> last,
        IReadOnlyList<EntityRow> rows
    )
    {
        var apis = last.ToBuilder();
        foreach (var row in rows)
        {
            var name = DeploymentName.Parse(row.Name).Api;
            var next = (apis.GetValueOrDefault(name) ?? new(name)).With(row);
            if (next.IsEmpty)
            {
                apis.Remove(name);
            }
            else
            {
                apis[name] = next;
            }
        }

        return apis.ToImmutable();
    }
}

/// <summary>What is known of one API without reading it.</summary>
/// <param name="Id">Its entity name, <c>name:version</c>.</param>
internal sealed record IndexedApi(string Id)
{
    private static readonly ApiListing s_plain = new();

    public DefinitionFacts? Definition { get; init; }

    public ApiListing Listing { get; init; } = s_plain;

    public ApiState? Life { get; init; }

    /// <summary>The environments it is deployed in.</summary>
    public ImmutableSortedSet<string> Deployed { get; init; } = [];

    public bool IsDeployed => !Deployed.IsEmpty;

    // Builds without lifecycles deployed what was published.
    public ApiState State => Life ?? (IsDeployed ? ApiState.Published : ApiState.Created);

    public string Title => Listing.Title.Length > 0 ? Listing.Title : Definition?.Name ?? Id;

    public bool IsEmpty => Definition is null && Life is null && !IsDeployed && ReferenceEquals(Listing, s_plain);

    public IndexedApi With(EntityRow row) =>
        row.Kind switch
        {
            EntityKinds.Definition => this with { Definition = row.Deleted ? null : FactsOf(row) },
            EntityKinds.Lifecycle => this with
            {
                Life = row.Deleted
                    ? null
                    : JsonSerializer.Deserialize(row.Payload, ManagerJson.Default.ApiLifecycle)!.State,
            },
            EntityKinds.Listing => this with
            {
                Listing = row.Deleted
                    ? s_plain
                    : JsonSerializer.Deserialize(row.Payload, ManagerJson.Default.ApiListing)!,
            },
            _ => this with { Deployed = With(DeploymentName.Parse(row.Name).Environment, !row.Deleted) },
        };

    private ImmutableSortedSet<string> With(string environment, bool isDeployed) =>
        isDeployed ? Deployed.Add(environment) : Deployed.Remove(environment);

    private static DefinitionFacts FactsOf(EntityRow row)
    {
        const int Shown = 1000;
        var definition = JsonSerializer.Deserialize(row.Payload, DefinitionJson.Default.ApiDefinition)!;
        var text = definition.Description;
        return new(
            definition.Name,
            definition.Version,
            definition.Context,
            text.Length > Shown ? text[..Shown] : text,
            definition.IsDefaultVersion,
            [.. definition.Scopes.Where(s => !s.Roles.IsEmpty)]
        );
    }
}

/// <summary>The part of a definition that is searched, and its scopes that only users of some roles may have.</summary>
internal sealed record DefinitionFacts(
    string Name,
    string Version,
    string Context,
    string Description,
    bool IsDefaultVersion,
    ImmutableArray<ApiScope> BoundScopes
);
