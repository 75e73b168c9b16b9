using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>The APIs as their publishers edit them.</summary>
public sealed class ApiDefinitions(Catalogue catalogue, ApiTeams teams) : IDisposable
{
    private readonly SemaphoreSlim _reading = new(2, 2);
    private readonly AddressIndex _addresses = new();

    /// <summary>
    /// Reads a document and writes the definition made of it, and the document itself, in one transaction. Throws
    /// <see cref="ProblemsException"/> with everything that is wrong, <see cref="ConflictException"/> when name or address is
    /// taken; then nothing was written.
    /// </summary>
    public async Task<ImportedDefinition> ImportAsync(
        ReadOnlyMemory<byte> text,
        ImportSettings settings,
        long? expectedEpoch,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var actor = caller.Actor;
        var document = await ReadAsync(text, cancellation).ConfigureAwait(false);
        var id = Api.EntityName(settings.NameFor(document), settings.Version ?? document.Version);
        var existing = await TryFindAsync(id, cancellation).ConfigureAwait(false);
        if (existing is not null && settings.Update)
        {
            // Which API it is only the document says, so no route could ask.
            await teams.RequireAsync(id, ApiRight.Edit, caller, cancellation).ConfigureAwait(false);
        }

        if (existing is not null && !settings.Update)
        {
            throw new ConflictException(
                $"The API {id} exists already",
                "add --update to replace its definition, or give another --name or --version"
            );
        }

        var digest = Digest.Of(text.Span);
        var definition = settings.Apply(document, digest, existing?.Value);
        definition = await AttachAsync(definition, text, cancellation).ConfigureAwait(false);
        if (ApiRules.Check(definition) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        await LimitPolicies.EnsureKnownAsync(catalogue, definition, cancellation).ConfigureAwait(false);
        var transaction = new CatalogueTransaction(actor, $"imported API {id}");
        await AddAsync(
                transaction,
                definition,
                Row(text, digest, document),
                expectedEpoch ?? existing?.Epoch ?? 0,
                cancellation
            )
            .ConfigureAwait(false);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return new(
            await GetAsync(id, cancellation).ConfigureAwait(false),
            Created: existing is null,
            document.Warnings
        );
    }

    /// <summary>
    /// Changes fields of a definition; what is deployed stays as it is, but for which version answers without one. Throws <see cref="ProblemsException"/> with everything
    /// that is wrong, <see cref="ConflictException"/> when its address is taken; then nothing was written.
    /// </summary>
    public async Task<StoredEntity<ApiDefinition>> EditAsync(
        string id,
        ApiEdit edit,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var present = await GetAsync(id, cancellation).ConfigureAwait(false);
        var definition = edit.Apply(present.Value);
        if (ApiRules.Check(definition) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        await LimitPolicies.EnsureKnownAsync(catalogue, definition, cancellation).ConfigureAwait(false);
        await CatchUpAsync(cancellation).ConfigureAwait(false);
        var transaction = new CatalogueTransaction(actor, $"changed API {present.Name}").Put(
            EntityKinds.Definition,
            present.Name,
            definition,
            DefinitionJson.Default.ApiDefinition,
            expectedEpoch ?? present.Epoch
        );
        var giver = await MoveDefaultAsync(transaction, present.Value, definition, cancellation).ConfigureAwait(false);
        transaction.Also((context, ct) => _addresses.EnsureFreeAsync(context, definition, ct, giver));
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await GetAsync(present.Name, cancellation).ConfigureAwait(false);
    }

    // Which version answers without one moves at once, on the gateways too: between two steps nobody would answer, or both
    // would claim the address.
    private async Task<string?> MoveDefaultAsync(
        CatalogueTransaction transaction,
        ApiDefinition before,
        ApiDefinition after,
        CancellationToken cancellation
    )
    {
        if (before.IsDefaultVersion == after.IsDefaultVersion)
        {
            return null;
        }

        await PutRunningAsync(after.Id, after.IsDefaultVersion).ConfigureAwait(false);
        if (!after.IsDefaultVersion)
        {
            return null;
        }

        foreach (
            var name in await NamesAsync(EntityKinds.Definition, cancellation, after.Name + ":").ConfigureAwait(false)
        )
        {
            if (
                name != after.Id
                && await TryFindAsync(name, cancellation).ConfigureAwait(false)
                    is { Value.IsDefaultVersion: true } holder
                && holder.Value.Context == after.Context
            )
            {
                transaction.Put(
                    EntityKinds.Definition,
                    name,
                    holder.Value with
                    {
                        IsDefaultVersion = false,
                    },
                    DefinitionJson.Default.ApiDefinition,
                    holder.Epoch
                );
                await PutRunningAsync(name, isDefault: false).ConfigureAwait(false);
                return name;
            }
        }

        return null;

        Task PutRunningAsync(string name, bool isDefault) =>
            Deployments.ChangeAsync(
                catalogue,
                transaction,
                name,
                api => api with { IsDefaultVersion = isDefault },
                cancellation
            );
    }

    /// <summary>
    /// Makes an API be what a source says, or with <paramref name="dryRun"/> says what it would be. Throws
    /// <see cref="ProblemsException"/> with everything that is wrong, <see cref="ConflictException"/> when its address is
    /// taken; then nothing was written.
    /// </summary>
    internal async Task<SourceResult> PutSourceAsync(
        string name,
        string version,
        ApiSource source,
        bool dryRun,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var text = System.Text.Encoding.UTF8.GetBytes(source.Document);
        var document = await ReadAsync(text, cancellation).ConfigureAwait(false);
        var digest = Digest.Of(text);
        var existing = await TryFindAsync(Api.EntityName(name, version), cancellation).ConfigureAwait(false);
        // Secrets are in no source: they are set beside it, and stay.
        var definition = source.ToDefinition(name, version, document, digest) with
        {
            Credential = existing?.Value.Credential,
            SandboxCredential = existing?.Value.SandboxCredential,
        };
        definition = await AttachAsync(definition, text, cancellation).ConfigureAwait(false);
        if (ApiRules.Check(definition) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        if (!dryRun)
        {
            // Not in a dry run: what it names may be about to be made.
            await LimitPolicies.EnsureKnownAsync(catalogue, definition, cancellation).ConfigureAwait(false);
            var transaction = new CatalogueTransaction(actor, $"set API {definition.Id} from its source");
            var giver = await MoveDefaultAsync(
                    transaction,
                    existing?.Value ?? definition with { IsDefaultVersion = false },
                    definition,
                    cancellation
                )
                .ConfigureAwait(false);
            await AddAsync(
                    transaction,
                    definition,
                    Row(text, digest, document),
                    expectedEpoch ?? existing?.Epoch ?? 0,
                    cancellation,
                    giver
                )
                .ConfigureAwait(false);
            await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        }

        return new(existing?.Value.Shown(), definition.Shown(), document.Warnings);
    }

    /// <summary>Reads a document; a few at a time, because one of 20 MiB becomes some 300 MiB of nodes for a moment.</summary>
    internal async Task<OpenApiDocument> ReadAsync(ReadOnlyMemory<byte> text, CancellationToken cancellation)
    {
        await _reading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return OpenApiReader.Read(text);
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <summary>Adds a definition to a transaction, with its document when that may be new, and the check that its address is free.</summary>
    internal async Task AddAsync(
        CatalogueTransaction transaction,
        ApiDefinition definition,
        DocumentRow? document,
        long expectedEpoch,
        CancellationToken cancellation,
        string? giver = null
    )
    {
        await CatchUpAsync(cancellation).ConfigureAwait(false);
        transaction
            .Put(EntityKinds.Definition, definition.Id, definition, DefinitionJson.Default.ApiDefinition, expectedEpoch)
            .Also((context, ct) => _addresses.EnsureFreeAsync(context, definition, ct, giver));
        if (document is not null)
        {
            transaction.Also((context, ct) => Listings.AddDocumentAsync(context, document, ct));
        }
    }

    /// <summary>How a document is kept.</summary>
    internal static DocumentRow Row(ReadOnlyMemory<byte> text, Digest digest, OpenApiDocument document) =>
        new()
        {
            Digest = digest,
            Content = text.ToArray(),
            MediaType = document.MediaType,
        };

    /// <summary>
    /// Sets the policies of an API, or of the one operation that is named. Throws <see cref="ProblemsException"/> when they
    /// cannot be taken; then nothing was written.
    /// </summary>
    public async Task<StoredEntity<ApiDefinition>> SetPoliciesAsync(
        string id,
        string? method,
        string? path,
        ImmutableArray<PolicyUse> policies,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var stored = await GetAsync(id, cancellation).ConfigureAwait(false);
        var ofOperation = method is not null || path is not null;
        if (PolicyKinds.Check(policies, "", ofOperation).ToImmutableArray() is { IsEmpty: false } wrong)
        {
            throw new ProblemsException(wrong);
        }

        var definition = stored.Value with { Policies = policies };
        if (ofOperation)
        {
            var operation =
                stored.Value.Operations.FirstOrDefault(o => o.Method == method?.ToUpperInvariant() && o.Path == path)
                ?? throw new NotFoundException("operation", Excerpt.Of($"{method} {path}"));
            definition = stored.Value with
            {
                Operations = stored.Value.Operations.Replace(operation, operation with { Policies = policies }),
            };
        }

        definition = await AttachAsync(definition, cancellation).ConfigureAwait(false);

        if (ApiRules.Check(definition) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        var transaction = new CatalogueTransaction(actor, $"set the policies of API {stored.Name}").Put(
            EntityKinds.Definition,
            stored.Name,
            definition,
            DefinitionJson.Default.ApiDefinition,
            expectedEpoch ?? stored.Epoch
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await GetAsync(stored.Name, cancellation).ConfigureAwait(false);
    }

    /// <summary>Deletes the API with what hangs on it: its deployment and its subscriptions. Its revisions stay, as history.</summary>
    public async Task DeleteAsync(string id, long? expectedEpoch, Actor actor, CancellationToken cancellation)
    {
        var definition = await GetAsync(id, cancellation).ConfigureAwait(false);
        var transaction = new CatalogueTransaction(actor, $"deleted API {definition.Name}")
            .Delete(EntityKinds.Definition, definition.Name, expectedEpoch ?? definition.Epoch)
            .Delete(EntityKinds.Lifecycle, definition.Name)
            .Delete(EntityKinds.Listing, definition.Name);
        var running = await Deployments.OfAsync(catalogue, definition.Name, cancellation).ConfigureAwait(false);
        foreach (var deployed in running.Select(d => d.Name).Union([definition.Name]))
        {
            transaction.Delete(EntityKinds.Api, deployed);
        }

        foreach (var kind in (string[])[EntityKinds.ApiDocument, EntityKinds.Comment, EntityKinds.Rating])
        {
            foreach (var name in await NamesAsync(kind, cancellation, definition.Name + "/").ConfigureAwait(false))
            {
                transaction.Delete(kind, name);
            }
        }

        foreach (var name in await NamesAsync(EntityKinds.Subscription, cancellation).ConfigureAwait(false))
        {
            if (name.EndsWith("/" + definition.Name, StringComparison.Ordinal))
            {
                transaction.Delete(EntityKinds.Subscription, name);
            }
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// The API called <paramref name="id"/>: <c>name:version</c>, or the name alone while it has one version. Throws
    /// <see cref="NotFoundException"/>, or <see cref="ConflictException"/> when the name alone is not enough.
    /// </summary>
    public async Task<StoredEntity<ApiDefinition>> GetAsync(string id, CancellationToken cancellation)
    {
        if (id.Contains(':', StringComparison.Ordinal))
        {
            return await TryFindAsync(id, cancellation).ConfigureAwait(false)
                ?? throw new NotFoundException("API", Excerpt.Of(id));
        }

        var names = await NamesAsync(EntityKinds.Definition, cancellation, id + ":").ConfigureAwait(false);
        return names.Length switch
        {
            0 => throw new NotFoundException("API", Excerpt.Of(id)),
            1 => await GetAsync(names[0], cancellation).ConfigureAwait(false),
            _ => throw new ConflictException(
                $"{id} has {names.Length} versions",
                $"say which: {string.Join(", ", names.Take(10))}"
            ),
        };
    }

    /// <summary>The names of all APIs, sorted.</summary>
    public Task<ImmutableArray<string>> NamesAsync(CancellationToken cancellation) =>
        NamesAsync(EntityKinds.Definition, cancellation);

    /// <summary>The document a definition was imported from; null when there is none.</summary>
    public async Task<DocumentRow?> FindDocumentAsync(Digest? digest, CancellationToken cancellation)
    {
        if (digest is not { } key)
        {
            return null;
        }

        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            return await context
                .Documents.AsNoTracking()
                .SingleOrDefaultAsync(d => d.Digest == key, cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    private async Task<ApiDefinition> AttachAsync(ApiDefinition definition, CancellationToken cancellation)
    {
        if (!definition.IsValidated)
        {
            return definition.WithoutContracts();
        }

        return await FindDocumentAsync(definition.Document, cancellation).ConfigureAwait(false) is { } document
            ? await AttachAsync(definition, document.Content, cancellation).ConfigureAwait(false)
            : throw new ProblemsException([
                new(
                    "/policies",
                    "validate needs the OpenAPI document, and this API has none",
                    "import the API from its document with --update"
                ),
            ]);
    }

    /// <summary>The definition with the contracts of what it validates, and without others.</summary>
    internal async Task<ApiDefinition> AttachAsync(
        ApiDefinition definition,
        ReadOnlyMemory<byte> document,
        CancellationToken cancellation
    )
    {
        await _reading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return ContractReader.Attach(definition, document);
        }
        finally
        {
            _reading.Release();
        }
    }

    private Task<StoredEntity<ApiDefinition>?> TryFindAsync(string id, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.Definition, id, DefinitionJson.Default.ApiDefinition, cancellation);

    private async Task<ImmutableArray<string>> NamesAsync(
        string kind,
        CancellationToken cancellation,
        string prefix = ""
    )
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            var names = await context
                .Entities.AsNoTracking()
                .Where(e => e.Kind == kind && !e.Deleted && e.Name.StartsWith(prefix))
                .Select(e => e.Name)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
            // LIKE ignores case in SQLite; databases collate differently.
            return [.. names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        }
    }

    // Before the transaction, so that the first import after a start does not read every definition under the lock.
    private async Task CatchUpAsync(CancellationToken cancellation)
    {
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            await _addresses.UpdateAsync(context, cancellation).ConfigureAwait(false);
        }
    }
}

/// <summary>What an import came to.</summary>
/// <param name="Definition">The definition as it stands now.</param>
/// <param name="Created">False when it took the place of an earlier one.</param>
/// <param name="Warnings">What is wrong in the document but changes nothing for the gateway.</param>
public sealed record ImportedDefinition(
    StoredEntity<ApiDefinition> Definition,
    bool Created,
    ImmutableArray<Problem> Warnings
);
