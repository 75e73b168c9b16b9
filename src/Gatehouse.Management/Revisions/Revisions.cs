using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The states of APIs that were deployed: numbered from 1 within each API, never changed, never renumbered.</summary>
public sealed class Revisions(Catalogue catalogue)
{
    /// <summary>Every revision of an API, the newest first.</summary>
    public async Task<ImmutableArray<RevisionView>> ListAsync(string api, CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var deployed = await DeployedAsync(context, [api], cancellation).ConfigureAwait(false);
            var rows = await context
                .Revisions.AsNoTracking()
                .Where(r => r.Api == api)
                .OrderByDescending(r => r.Number)
                .Select(r => new
                {
                    r.Number,
                    r.Digest,
                    r.Message,
                    r.CreatedBy,
                    r.CreatedAt,
                })
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            return
            [
                .. rows.Select(r => new RevisionView(
                    r.Number,
                    r.Digest,
                    r.CreatedBy,
                    r.CreatedAt,
                    r.Message,
                    deployed[api].Any(d => d.Revision == r.Number)
                )
                {
                    Environments = [.. deployed[api].Where(d => d.Revision == r.Number).Select(d => d.Environment)],
                }),
            ];
        }
    }

    /// <summary>One revision. Throws <see cref="NotFoundException"/> when there is none of that number.</summary>
    public async Task<Revision> GetAsync(string api, int number, CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var row = await context
                .Revisions.AsNoTracking()
                .SingleOrDefaultAsync(r => r.Api == api && r.Number == number, cancellation)
                .ConfigureAwait(false);
            return row is null ? throw new NotFoundException("revision", $"r{number} of {api}") : ToRevision(row);
        }
    }

    /// <summary>The newest revision; null when the API never was deployed.</summary>
    public async Task<Revision?> FindLatestAsync(string api, CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var row = await context
                .Revisions.AsNoTracking()
                .Where(r => r.Api == api)
                .OrderByDescending(r => r.Number)
                .FirstOrDefaultAsync(cancellation)
                .ConfigureAwait(false);
            return row is null ? null : ToRevision(row);
        }
    }

    /// <summary>What deploying the definition as it stands would deploy: the newest revision when it is equal, else the next.</summary>
    internal async Task<Revision> NextAsync(StoredEntity<ApiDefinition> definition, CancellationToken cancellation)
    {
        var latest = await FindLatestAsync(definition.Name, cancellation).ConfigureAwait(false);
        return latest is not null && latest.Digest == definition.Digest
            ? latest
            : new(1 + (latest?.Number ?? 0), definition.Digest, definition.Value);
    }

    /// <summary>The APIs of those names as a list shows them, in that order. Reads them in one go, not one by one.</summary>
    public async Task<ImmutableArray<ApiSummary>> SummariesAsync(
        ImmutableArray<string> names,
        CancellationToken cancellation
    )
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var wanted = names.ToArray();
            var definitions = await context
                .Entities.AsNoTracking()
                .Where(e => e.Kind == EntityKinds.Definition && !e.Deleted && wanted.Contains(e.Name))
                .ToDictionaryAsync(e => e.Name, cancellation)
                .ConfigureAwait(false);
            var latest = await context
                .Revisions.AsNoTracking()
                .Where(r => wanted.Contains(r.Api))
                .GroupBy(r => r.Api)
                .Select(g => g.Max(r => r.Number))
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            var digests = await context
                .Revisions.AsNoTracking()
                .Where(r => wanted.Contains(r.Api) && latest.Contains(r.Number))
                .Select(r => new
                {
                    r.Api,
                    r.Number,
                    r.Digest,
                })
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            var newest = digests.GroupBy(r => r.Api).ToDictionary(g => g.Key, g => g.MaxBy(r => r.Number)!);
            var deployed = await DeployedAsync(context, wanted, cancellation).ConfigureAwait(false);
            var known = new Dictionary<string, IndexedApi>(StringComparer.Ordinal);
            foreach (
                var row in await context
                    .Entities.AsNoTracking()
                    .Where(e =>
                        (e.Kind == EntityKinds.Lifecycle || e.Kind == EntityKinds.Listing)
                        && !e.Deleted
                        && wanted.Contains(e.Name)
                    )
                    .ToListAsync(cancellation)
                    .ConfigureAwait(false)
            )
            {
                known[row.Name] = (known.GetValueOrDefault(row.Name) ?? new(row.Name)).With(row);
            }

            return
            [
                .. names
                    .Where(definitions.ContainsKey)
                    .Select(name =>
                    {
                        var row = definitions[name];
                        var last = newest.GetValueOrDefault(name);
                        return Summary(
                            JsonSerializer.Deserialize(row.Payload, DefinitionJson.Default.ApiDefinition)!,
                            last?.Number,
                            deployed[name]
                                .ToImmutableSortedDictionary(
                                    d => d.Environment,
                                    d => d.Revision,
                                    StringComparer.Ordinal
                                ),
                            last?.Digest != row.Digest,
                            (known.GetValueOrDefault(name) ?? new(name)) with
                            {
                                Deployed = [.. deployed[name].Select(d => d.Environment)],
                                // Lists are for app developers too.
                                Listing = (known.GetValueOrDefault(name) ?? new(name)).Listing with
                                {
                                    Team = null,
                                },
                            }
                        );
                    }),
            ];
        }
    }

    private static ApiSummary Summary(
        ApiDefinition definition,
        int? latest,
        ImmutableSortedDictionary<string, int> deployed,
        bool changed,
        IndexedApi listed
    ) =>
        new(
            definition.Id,
            definition.Name,
            definition.Version,
            definition.Context,
            $"{definition.Context}/{definition.Version}",
            definition.Security,
            definition.Operations.Length,
            latest,
            deployed.TryGetValue(GatewayEnvironment.Default, out var running) ? running : null,
            changed,
            listed.State,
            new(
                listed.Listing.Title.Length > 0 ? listed.Listing.Title : definition.Name,
                definition.Description,
                listed.Listing.Tags,
                listed.Listing.Categories,
                listed.Listing.Thumbnail is not null
            )
        )
        {
            Environments = deployed,
        };

    // By API: which revision runs in which environment.
    private static async Task<ILookup<string, (string Environment, int Revision)>> DeployedAsync(
        CatalogueContext context,
        string[] names,
        CancellationToken cancellation
    )
    {
        var environments = await context
            .Entities.AsNoTracking()
            .Where(e => e.Kind == EntityKinds.Environment && !e.Deleted)
            .Select(e => e.Name)
            .ToListAsync(cancellation)
            .ConfigureAwait(false);
        var places = environments
            .Append(GatewayEnvironment.Default)
            .Distinct(StringComparer.Ordinal)
            .SelectMany(e => names.Select(n => new DeploymentName(n, e).ToString()))
            .ToArray();
        var rows = await context
            .Entities.AsNoTracking()
            .Where(e => e.Kind == EntityKinds.Api && !e.Deleted && places.Contains(e.Name))
            .Select(e => new { e.Name, e.Payload })
            .ToListAsync(cancellation)
            .ConfigureAwait(false);
        return rows.Select(r => (Place: DeploymentName.Parse(r.Name), r.Payload))
            .OrderBy(r => r.Place.Environment, StringComparer.Ordinal)
            .ToLookup(
                r => r.Place.Api,
                r => (r.Place.Environment, JsonSerializer.Deserialize(r.Payload, ModelJson.Default.Api)!.Revision),
                StringComparer.Ordinal
            );
    }

    private static Revision ToRevision(RevisionRow row) =>
        new(row.Number, row.Digest, JsonSerializer.Deserialize(row.Definition, DefinitionJson.Default.ApiDefinition)!);
}

/// <summary>A state of an API that was deployed.</summary>
/// <param name="Number">1 and up.</param>
/// <param name="Digest">Of the definition's canonical JSON, which holds the document's digest.</param>
/// <param name="Definition">The state.</param>
public sealed record Revision(int Number, Digest Digest, ApiDefinition Definition);

/// <summary>A revision in a list.</summary>
public sealed record RevisionView(
    int Number,
    Digest Digest,
    string CreatedBy,
    DateTimeOffset CreatedAt,
    string? Message,
    bool IsDeployed
)
{
    /// <summary>The environments it is deployed in.</summary>
    public ImmutableArray<string> Environments
    {
        // A manager of an older build does not say: it has one.
        get =>
            !field.IsDefault ? field
            : IsDeployed ? [GatewayEnvironment.Default]
            : [];
        init;
    }
}
