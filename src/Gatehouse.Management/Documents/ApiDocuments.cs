using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>The documents of APIs. Their bytes lie beside the OpenAPI documents, found by digest.</summary>
public sealed class ApiDocuments(Catalogue catalogue, ApiDefinitions definitions)
{
    /// <summary>Largest content, in bytes.</summary>
    public const int MaxContent = 10 << 20;

    private const int Most = 200;

    /// <summary>The documents of an API by its full name, sorted by theirs.</summary>
    public async Task<ImmutableArray<ApiDocument>> ListAsync(string api, CancellationToken cancellation)
    {
        var all = await catalogue
            .ListBelowAsync(EntityKinds.ApiDocument, api + "/", ManagerJson.Default.ApiDocument, cancellation)
            .ConfigureAwait(false);
        return [.. all.Select(d => d.Value)];
    }

    /// <summary>One document. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<StoredEntity<ApiDocument>> GetAsync(string api, string name, CancellationToken cancellation) =>
        await FindAsync(api, name, cancellation).ConfigureAwait(false)
        ?? throw new NotFoundException("document", Excerpt.Of(name));

    /// <summary>Makes a document or changes what is said about it; its content stays. False when it was there.</summary>
    public async Task<(StoredEntity<ApiDocument> Document, bool Created)> PutAsync(
        string id,
        ApiDocument document,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var api = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        var before = await FindAsync(api, document.Name, cancellation).ConfigureAwait(false);
        var problems = Check(document).ToBuilder();
        if (before is null && (await ListAsync(api, cancellation).ConfigureAwait(false)).Length >= Most)
        {
            problems.Add(new("/name", $"An API has at most {Most} documents", "delete one first"));
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException(problems.ToImmutable());
        }

        var next = document with
        {
            Content = document.Url is null ? before?.Value.Content : null,
            MediaType = document.Url is null ? before?.Value.MediaType : null,
        };
        await catalogue
            .CommitAsync(
                Put(
                    new(actor, $"set document {document.Name} of API {api}"),
                    api,
                    next,
                    expectedEpoch ?? before?.Epoch ?? 0
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return (await GetAsync(api, document.Name, cancellation).ConfigureAwait(false), before is null);
    }

    /// <summary>Gives a document its content. Throws <see cref="ConflictException"/> when it is a link.</summary>
    public async Task<StoredEntity<ApiDocument>> SetContentAsync(
        string id,
        string name,
        ReadOnlyMemory<byte> content,
        string mediaType,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var api = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        var document = await GetAsync(api, name, cancellation).ConfigureAwait(false);
        if (document.Value.Url is not null)
        {
            throw new ConflictException($"{Excerpt.Of(name)} is a link", "take its url away first");
        }

        var row = new DocumentRow
        {
            Digest = Digest.Of(content.Span),
            Content = content.ToArray(),
            MediaType = mediaType,
        };
        await catalogue
            .CommitAsync(
                Put(
                        new(actor, $"set the content of document {name} of API {api}"),
                        api,
                        document.Value with
                        {
                            Content = row.Digest,
                            MediaType = mediaType,
                        },
                        document.Epoch
                    )
                    .Also((context, ct) => Listings.AddDocumentAsync(context, row, ct)),
                cancellation
            )
            .ConfigureAwait(false);
        return await GetAsync(api, name, cancellation).ConfigureAwait(false);
    }

    /// <summary>Deletes a document. Throws <see cref="NotFoundException"/>.</summary>
    public async Task DeleteAsync(string id, string name, Actor actor, CancellationToken cancellation)
    {
        var api = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        var document = await GetAsync(api, name, cancellation).ConfigureAwait(false);
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(actor, $"deleted document {name} of API {api}").Delete(
                    EntityKinds.ApiDocument,
                    document.Name,
                    document.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
    }

    internal static CatalogueTransaction Put(
        CatalogueTransaction transaction,
        string api,
        ApiDocument document,
        long? expectedEpoch
    ) =>
        transaction.Put(
            EntityKinds.ApiDocument,
            ApiDocument.EntityName(api, document.Name),
            document,
            ManagerJson.Default.ApiDocument,
            expectedEpoch
        );

    /// <summary>Everything that is wrong with what is said about a document.</summary>
    internal static ImmutableArray<Problem> Check(ApiDocument document)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        ListingRules.CheckText("/name", document.Name, 1, 100, problems);
        if (document.Name.Contains('/', StringComparison.Ordinal))
        {
            problems.Add(new("/name", "The name of a document holds no '/'", "take another character"));
        }

        ListingRules.CheckText("/summary", document.Summary, 0, 500, problems);
        if (document.FileName is { } file)
        {
            ListingRules.CheckText("/fileName", file, 1, 200, problems);
        }

        if (
            document.Url is { } url
            && !(
                url.Length <= 2000
                && Uri.TryCreate(url, UriKind.Absolute, out var uri)
                && uri.Scheme is "http" or "https"
                && uri.UserInfo.Length == 0
            )
        )
        {
            problems.Add(
                new("/url", $"'{Excerpt.Of(url)}' is no absolute http or https URL", "write https://host/path")
            );
        }

        return problems.ToImmutable();
    }

    private Task<StoredEntity<ApiDocument>?> FindAsync(string api, string name, CancellationToken cancellation) =>
        catalogue.FindAsync(
            EntityKinds.ApiDocument,
            ApiDocument.EntityName(api, name),
            ManagerJson.Default.ApiDocument,
            cancellation
        );
}
