using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Makes new versions of APIs from those there are.</summary>
public sealed class ApiVersions(
    Catalogue catalogue,
    ApiDefinitions definitions,
    Listings listings,
    ApiDocuments documents
)
{
    /// <summary>
    /// Copies an API's definition, listing and documents to another version; deployments, subscriptions and its life are not
    /// copied. Throws <see cref="ConflictException"/> when that version is there.
    /// </summary>
    public async Task<StoredEntity<ApiDefinition>> CopyAsync(
        string id,
        NewVersion ask,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var from = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var copy = from.Value with { Version = ask.Version, IsDefaultVersion = false };
        if (ApiRules.Check(copy) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        if ((await definitions.NamesAsync(cancellation).ConfigureAwait(false)).Contains(copy.Id))
        {
            throw new ConflictException($"The API {copy.Id} exists already", "give another version");
        }

        var transaction = new CatalogueTransaction(actor, $"made API {copy.Id} from {from.Name}");
        var (listing, epoch) = await listings.GetAsync(from.Name, cancellation).ConfigureAwait(false);
        if (epoch > 0)
        {
            Listings.Put(transaction, copy.Id, listing, expectedEpoch: 0);
        }

        foreach (var document in await documents.ListAsync(from.Name, cancellation).ConfigureAwait(false))
        {
            ApiDocuments.Put(transaction, copy.Id, document, expectedEpoch: 0);
        }

        await definitions
            .AddAsync(transaction, copy, document: null, expectedEpoch: 0, cancellation)
            .ConfigureAwait(false);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return ask.IsDefault
            ? await definitions
                .EditAsync(copy.Id, new() { IsDefaultVersion = true }, null, actor, cancellation)
                .ConfigureAwait(false)
            : await definitions.GetAsync(copy.Id, cancellation).ConfigureAwait(false);
    }
}

/// <summary>Asks for a new version of an API.</summary>
/// <param name="Version">The new version.</param>
/// <param name="IsDefault">It answers without the version in the path from now on, in place of the one that did.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewVersion([property: JsonRequired] string Version, bool IsDefault = false);
