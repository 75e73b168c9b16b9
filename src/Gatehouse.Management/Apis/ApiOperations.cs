using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// The operations of APIs and the scopes that APIs have: who may call what. The OpenAPI document says it, so a change is written
/// into the document's text and read back; nothing beside the document could disagree with it.
/// </summary>
public sealed class ApiOperations(Catalogue catalogue, ApiDefinitions definitions)
{
    private const int MostDescription = 500;
    private const int MostRoles = 64;

    // Of identity and of the REST API: the key manager gives these out by rules of its own.
    private static readonly string[] s_taken = ["openid", "profile", "email", "offline_access"];

    /// <summary>The operations of an API by path and method, with its epoch. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<(ImmutableArray<OperationView> Items, long Epoch)> ListAsync(
        string id,
        CancellationToken cancellation
    )
    {
        var stored = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var row = await definitions.FindDocumentAsync(stored.Value.Document, cancellation).ConfigureAwait(false);
        var summaries = row is null
            ? null
            : (await definitions.ReadAsync(row.Content, cancellation).ConfigureAwait(false)).Summaries;
        return (
            [
                .. stored.Value.Operations.Select(o => new OperationView(
                    o.Method,
                    o.Path,
                    summaries?.GetValueOrDefault((o.Method, o.Path)),
                    OperationView.AuthOf(o),
                    o.Scopes,
                    o.Policy
                )),
            ],
            stored.Epoch
        );
    }

    /// <summary>
    /// The scopes of an API by name, with its epoch; those too that an operation asks for and nobody declared. Throws
    /// <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<(ImmutableArray<ApiScopeView> Items, long Epoch)> ScopesAsync(
        string id,
        bool withRoles,
        CancellationToken cancellation
    )
    {
        var stored = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        return (ScopesOf(stored.Value, withRoles), stored.Epoch);
    }

    /// <summary>
    /// Changes operations, all of those that are named or none. What is deployed stays as it is. Throws
    /// <see cref="ProblemsException"/> with everything that is wrong, each with a pointer into <paramref name="changes"/>.
    /// </summary>
    public async Task<StoredEntity<ApiDefinition>> ChangeAsync(
        string id,
        ImmutableArray<OperationChange> changes,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var edit = await OpenAsync(id, cancellation).ConfigureAwait(false);
        var operations = edit.Document.Operations.ToDictionary(o => (o.Method, o.Path));
        var scopes = edit
            .Document.Scopes.Select(s => s.Name)
            .Concat(edit.Document.Operations.SelectMany(o => o.Scopes))
            .ToHashSet(StringComparer.Ordinal);
        var policies = await catalogue.ListNamesAsync(EntityKinds.ApiPolicy, cancellation).ConfigureAwait(false);
        var problems = new List<Problem>();
        for (var i = 0; i < changes.Length; i++)
        {
            var change = changes[i];
            var key = (change.Method.ToUpperInvariant(), change.Path);
            if (!operations.TryGetValue(key, out var operation))
            {
                problems.Add(
                    new(
                        $"/{i}/path",
                        $"{edit.Stored.Name} has no operation {Excerpt.Of($"{change.Method} {change.Path}")}",
                        $"see which there are: gatehouse api operations list {edit.Stored.Name}"
                    )
                );
                continue;
            }

            Check(change, $"/{i}", scopes, policies, problems);
            operations[key] = change.Apply(operation);
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException([.. problems.Take(DocumentLimits.MaxProblems)]);
        }

        ImmutableArray<Operation> wanted = [.. edit.Document.Operations.Select(o => operations[(o.Method, o.Path)])];
        return await WriteAsync(
                edit,
                writer =>
                    wanted.Zip(edit.Document.Operations).FirstOrDefault(o => !writer.TryWrite(o.Second, o.First)).First,
                edit.Document with
                {
                    Operations = wanted,
                },
                $"changed operations of API {edit.Stored.Name}",
                expectedEpoch,
                actor,
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Declares a scope or changes what is said of it. Its roles count as soon as the key manager gives out the next token.
    /// Throws <see cref="ProblemsException"/> with everything that is wrong.
    /// </summary>
    public async Task<StoredEntity<ApiDefinition>> SetScopeAsync(
        string id,
        string name,
        SetApiScope said,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var edit = await OpenAsync(id, cancellation).ConfigureAwait(false);
        var before = edit.Document.Scopes.FirstOrDefault(s => s.Name == name);
        var scope = new ApiScope
        {
            Name = name,
            Description = said.Description ?? before?.Description ?? "",
            Roles = said.Roles is { IsDefault: false } roles
                ? [.. roles.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]
                : before?.Roles ?? [],
        };
        Check(scope, before);
        return await WriteAsync(
                edit,
                writer => writer.TryWrite(name, scope) ? null : edit.Document.Operations[0],
                edit.Document with
                {
                    Scopes =
                    [
                        .. edit
                            .Document.Scopes.Where(s => s.Name != name)
                            .Append(scope)
                            .OrderBy(s => s.Name, StringComparer.Ordinal),
                    ],
                },
                $"set scope {name} of API {edit.Stored.Name}",
                expectedEpoch,
                actor,
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Takes a scope away. Throws <see cref="NotFoundException"/>, <see cref="ConflictException"/> while an operation asks for
    /// it: without it everybody could call that.
    /// </summary>
    public async Task<StoredEntity<ApiDefinition>> DeleteScopeAsync(
        string id,
        string name,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var edit = await OpenAsync(id, cancellation).ConfigureAwait(false);
        if (edit.Document.Operations.Where(o => o.Scopes.Contains(name)).ToList() is { Count: > 0 } users)
        {
            throw new ConflictException(
                $"{users.Count} operation{(users.Count == 1 ? " asks" : "s ask")} for the scope {Excerpt.Of(name)}: {string.Join(", ", users.Take(5).Select(o => $"{o.Method} {Excerpt.Of(o.Path)}"))}",
                "give them another scope first, or none"
            );
        }

        if (edit.Document.Scopes.All(s => s.Name != name))
        {
            throw new NotFoundException("scope", Excerpt.Of(name));
        }

        return await WriteAsync(
                edit,
                writer => writer.TryWrite(name, null) ? null : edit.Document.Operations[0],
                edit.Document with
                {
                    Scopes = [.. edit.Document.Scopes.Where(s => s.Name != name)],
                },
                $"deleted scope {name} of API {edit.Stored.Name}",
                expectedEpoch,
                actor,
                cancellation
            )
            .ConfigureAwait(false);
    }

    internal static ImmutableArray<ApiScopeView> ScopesOf(ApiDefinition definition, bool withRoles)
    {
        var declared = definition.Scopes.ToDictionary(s => s.Name, StringComparer.Ordinal);
        return
        [
            .. declared
                .Keys.Concat(definition.Operations.SelectMany(o => o.Scopes))
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal)
                .Select(name => new ApiScopeView(
                    name,
                    declared.GetValueOrDefault(name)?.Description ?? "",
                    withRoles ? declared.GetValueOrDefault(name)?.Roles ?? [] : [],
                    [.. definition.Operations.Where(o => o.Scopes.Contains(name)).Select(o => $"{o.Method} {o.Path}")]
                )),
        ];
    }

    private static void Check(
        OperationChange change,
        string pointer,
        HashSet<string> scopes,
        IReadOnlyCollection<string> policies,
        List<Problem> problems
    )
    {
        if (change.Auth is { } auth && !Enum.IsDefined(auth))
        {
            problems.Add(new($"{pointer}/auth", "This is no type", "take any, application, application-user or none"));
        }

        if (change is { Auth: OperationAuth.None, Scopes: { IsDefaultOrEmpty: false } })
        {
            problems.Add(
                new(
                    $"{pointer}/scopes",
                    "Who may be called by anybody asks no scopes: there is no token to hold them",
                    "leave the scopes out, or take another auth than none"
                )
            );
        }

        var named = change.Scopes is { IsDefault: false } some ? some : [];
        for (var i = 0; i < named.Length; i++)
        {
            if (named[i] is null || !scopes.Contains(named[i]))
            {
                problems.Add(
                    new(
                        $"{pointer}/scopes/{i}",
                        $"The API has no scope '{Excerpt.Of(named[i] ?? "")}'",
                        scopes.Count == 0
                            ? "make one: gatehouse api scopes set API SCOPE"
                            : $"take of {string.Join(", ", scopes.Order(StringComparer.Ordinal).Take(10))}, or make it: gatehouse api scopes set API SCOPE"
                    )
                );
            }
        }

        if (change.Policy is { Length: > 0 } policy && policy != Plan.Unlimited && !policies.Contains(policy))
        {
            problems.Add(
                new(
                    $"{pointer}/policy",
                    $"There is no API policy '{Excerpt.Of(policy)}'",
                    $"take {string.Join(", ", policies.Order(StringComparer.Ordinal).Take(10).Prepend(Plan.Unlimited))}, or create it: gatehouse limit create api"
                )
            );
        }
    }

    private static void Check(ApiScope scope, ApiScope? before)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        if (
            !AccessReader.IsScope(scope.Name)
            || s_taken.Contains(scope.Name)
            || scope.Name.StartsWith("gatehouse:", StringComparison.Ordinal)
        )
        {
            problems.Add(
                new(
                    "/name",
                    $"'{Excerpt.Of(scope.Name)}' cannot be a scope of an API",
                    "take 1 to 256 printable characters without spaces, quotes and backslashes (RFC 6749 §3.3), and none of OpenID Connect's and of gatehouse:"
                )
            );
        }

        if (scope.Description.Length > MostDescription)
        {
            problems.Add(new("/description", $"It has more than {MostDescription} characters", "write less"));
        }

        // Roles of an imported document may be unknown here; they stay, and nobody has them.
        var known = Roles.Names.Concat(before?.Roles ?? []).ToList();
        for (var i = 0; i < scope.Roles.Length; i++)
        {
            if (!known.Contains(scope.Roles[i]) || scope.Roles.Length > MostRoles)
            {
                problems.Add(
                    new(
                        $"/roles/{i}",
                        $"There is no role '{Excerpt.Of(scope.Roles[i] ?? "")}'",
                        $"take of {string.Join(", ", Roles.Names)}"
                    )
                );
            }
        }

        if (problems.Count > 0)
        {
            throw new ProblemsException(problems.ToImmutable());
        }
    }

    private async Task<Edit> OpenAsync(string id, CancellationToken cancellation)
    {
        var stored = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var row =
            await definitions.FindDocumentAsync(stored.Value.Document, cancellation).ConfigureAwait(false)
            ?? throw new ProblemsException([
                new(
                    "",
                    $"{stored.Name} has no OpenAPI document to change",
                    "import the API from its document with --update"
                ),
            ]);
        return new(stored, row, await definitions.ReadAsync(row.Content, cancellation).ConfigureAwait(false));
    }

    /// <summary>
    /// Writes into the document, reads it back, and keeps both when the document says <paramref name="wanted"/> and nothing else.
    /// </summary>
    /// <param name="edit">What there is.</param>
    /// <param name="write">Writes; the operation that cannot be written, if there is one.</param>
    /// <param name="wanted">What the document is to say.</param>
    /// <param name="summary">For the audit.</param>
    /// <param name="expectedEpoch">The epoch the caller saw; null for any.</param>
    /// <param name="actor">Who changes it.</param>
    /// <param name="cancellation">Ends it.</param>
    private async Task<StoredEntity<ApiDefinition>> WriteAsync(
        Edit edit,
        Func<OperationWriter, Operation?> write,
        OpenApiDocument wanted,
        string summary,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var stored = edit.Stored;
        if (expectedEpoch is { } expected && expected != stored.Epoch)
        {
            throw new EntityConflictException(EntityKinds.Definition, stored.Name, expected, stored.Epoch);
        }

        var editor = DocumentEditor.Open(edit.Row.Content);
        if (write(new(editor)) is { } stuck)
        {
            throw Stuck(stuck);
        }

        var text = editor.Write();
        if (text.AsSpan().SequenceEqual(edit.Row.Content))
        {
            return stored;
        }

        var document = await ReadBackAsync(text, wanted, cancellation).ConfigureAwait(false);
        var own = stored.Value.Operations.ToDictionary(o => (o.Method, o.Path), o => o.Policies);
        var digest = Digest.Of(text);
        var definition = await definitions
            .AttachAsync(
                stored.Value with
                {
                    // Policies may have been set beside the document.
                    Operations =
                    [
                        .. document.Operations.Select(o =>
                            own.TryGetValue((o.Method, o.Path), out var policies) ? o with { Policies = policies } : o
                        ),
                    ],
                    Scopes = document.Scopes,
                    Document = digest,
                },
                text,
                cancellation
            )
            .ConfigureAwait(false);
        if (ApiRules.Check(definition) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        var transaction = new CatalogueTransaction(actor, summary);
        await definitions
            .AddAsync(
                transaction,
                definition,
                ApiDefinitions.Row(text, digest, document),
                expectedEpoch ?? stored.Epoch,
                cancellation
            )
            .ConfigureAwait(false);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await definitions.GetAsync(stored.Name, cancellation).ConfigureAwait(false);
    }

    // Aliases, merges and spellings that only an author would think of: what comes back decides, not what was meant.
    private async Task<OpenApiDocument> ReadBackAsync(
        byte[] text,
        OpenApiDocument wanted,
        CancellationToken cancellation
    )
    {
        OpenApiDocument document;
        try
        {
            document = await definitions.ReadAsync(text, cancellation).ConfigureAwait(false);
        }
        catch (ProblemsException)
        {
            throw Stuck(null);
        }

        var differs = wanted.Operations.Length != document.Operations.Length;
        for (var i = 0; i < wanted.Operations.Length && !differs; i++)
        {
            if (!IsSame(wanted.Operations[i], document.Operations[i]))
            {
                throw Stuck(wanted.Operations[i]);
            }
        }

        return
            differs
            || !wanted.Scopes.Select(Said).SequenceEqual(document.Scopes.Select(Said))
            || (wanted.Title, wanted.Version, wanted.Policy) != (document.Title, document.Version, document.Policy)
            ? throw Stuck(null)
            : document;

        static (string, string, string) Said(ApiScope scope) =>
            (scope.Name, scope.Description, string.Join(',', scope.Roles));
    }

    private static bool IsSame(Operation one, Operation other) =>
        (one.Method, one.Path, one.Open, one.AuthType, one.Policy)
            == (other.Method, other.Path, other.Open, other.AuthType, other.Policy)
        && one.Scopes.SequenceEqual(other.Scopes);

    private static ProblemsException Stuck(Operation? operation) =>
        new([
            new(
                operation is null
                    ? ""
                    : $"/paths/{JsonPointer.Escape(operation.Path)}/{operation.Method.ToLowerInvariant()}",
                "The document says this through a reference, an alias or a merge, so that a change here would change other places too",
                "change it in the OpenAPI document itself"
            ),
        ]);

    private sealed record Edit(StoredEntity<ApiDefinition> Stored, DocumentRow Row, OpenApiDocument Document);
}
