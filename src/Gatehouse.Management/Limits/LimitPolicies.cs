using System.Collections.Immutable;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>One kind of named policy in the catalogue: how it is written, checked, and who holds on to one.</summary>
/// <param name="Kind">Its entity kind.</param>
/// <param name="Word">What people call it.</param>
/// <param name="Type">How it is written.</param>
/// <param name="NameOf">Its name.</param>
/// <param name="Check">What is wrong with it.</param>
/// <param name="UsersOf">Who names it, for a message; empty when it may go.</param>
public sealed record LimitKind<T>(
    string Kind,
    string Word,
    JsonTypeInfo<T> Type,
    Func<T, string> NameOf,
    Func<T, ImmutableArray<Problem>> Check,
    Func<Catalogue, string, CancellationToken, Task<ImmutableArray<string>>> UsersOf
)
    where T : class;

/// <summary>The kinds of named policy.</summary>
public static class LimitKinds
{
    /// <summary>Business plans.</summary>
    public static LimitKind<Plan> Plans { get; } =
        new(EntityKinds.Plan, "plan", ModelJson.Default.Plan, p => p.Name, LimitRules.Check, SubscriptionsOnAsync);

    /// <summary>Policies of applications.</summary>
    public static LimitKind<ApplicationPolicy> Applications { get; } =
        new(
            EntityKinds.ApplicationPolicy,
            "application policy",
            ModelJson.Default.ApplicationPolicy,
            p => p.Name,
            LimitRules.Check,
            ApplicationsOnAsync
        );

    /// <summary>Policies of APIs and operations.</summary>
    public static LimitKind<ApiPolicy> Apis { get; } =
        new(
            EntityKinds.ApiPolicy,
            "API policy",
            ModelJson.Default.ApiPolicy,
            p => p.Name,
            LimitRules.Check,
            ApisOnAsync
        );

    /// <summary>Custom rules.</summary>
    public static LimitKind<CustomRule> Rules { get; } =
        new(
            EntityKinds.CustomRule,
            "custom rule",
            ModelJson.Default.CustomRule,
            r => r.Name,
            LimitRules.Check,
            (_, _, _) => Task.FromResult(ImmutableArray<string>.Empty)
        );

    private static async Task<ImmutableArray<string>> SubscriptionsOnAsync(
        Catalogue catalogue,
        string name,
        CancellationToken cancellation
    )
    {
        var all = await catalogue
            .ListAsync(EntityKinds.Subscription, ModelJson.Default.Subscription, cancellation)
            .ConfigureAwait(false);
        return [.. all.Where(s => s.Value.Plan == name).Select(s => s.Name)];
    }

    private static async Task<ImmutableArray<string>> ApplicationsOnAsync(
        Catalogue catalogue,
        string name,
        CancellationToken cancellation
    )
    {
        var all = await catalogue
            .ListAsync(EntityKinds.Application, ModelJson.Default.Application, cancellation)
            .ConfigureAwait(false);
        return [.. all.Where(a => a.Value.Policy == name).Select(a => a.Value.Name)];
    }

    // What is deployed may name another policy than what is being edited.
    private static async Task<ImmutableArray<string>> ApisOnAsync(
        Catalogue catalogue,
        string name,
        CancellationToken cancellation
    )
    {
        var edited = await catalogue
            .ListAsync(EntityKinds.Definition, DefinitionJson.Default.ApiDefinition, cancellation)
            .ConfigureAwait(false);
        var deployed = await catalogue
            .ListAsync(EntityKinds.Api, ModelJson.Default.Api, cancellation)
            .ConfigureAwait(false);
        return
        [
            .. edited
                .Where(d => d.Value.PolicyNames().Contains(name))
                .Select(d => d.Name)
                .Concat(
                    deployed
                        .Where(a => a.Value.Policy == name || a.Value.Operations.Any(o => o.Policy == name))
                        .Select(a => DeploymentName.Parse(a.Name).Api)
                )
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
    }
}

/// <summary>Plans, policies and rules as operators keep them.</summary>
public sealed class LimitPolicies(Catalogue catalogue)
{
    /// <summary>All of a kind, by name.</summary>
    public async Task<ImmutableArray<T>> ListAsync<T>(LimitKind<T> kind, CancellationToken cancellation)
        where T : class =>
        [.. (await catalogue.ListAsync(kind.Kind, kind.Type, cancellation).ConfigureAwait(false)).Select(p => p.Value)];

    /// <summary>The one of that name. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<StoredEntity<T>> GetAsync<T>(LimitKind<T> kind, string name, CancellationToken cancellation)
        where T : class =>
        await catalogue.FindAsync(kind.Kind, name, kind.Type, cancellation).ConfigureAwait(false)
        ?? throw new NotFoundException(kind.Word, Excerpt.Of(name));

    /// <summary>Makes one, or with <paramref name="replace"/> puts it in the place of one of that name; false when it was there.</summary>
    public async Task<bool> PutAsync<T>(
        LimitKind<T> kind,
        T policy,
        bool replace,
        long? expectedEpoch,
        Caller caller,
        CancellationToken cancellation
    )
        where T : class
    {
        if (kind.Check(policy) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        var name = kind.NameOf(policy);
        var existing = await catalogue.FindAsync(kind.Kind, name, kind.Type, cancellation).ConfigureAwait(false);
        if (existing is not null && !replace)
        {
            throw new ConflictException($"There is a {kind.Word} {name} already", "add --update to replace it");
        }

        await catalogue
            .CommitAsync(
                new CatalogueTransaction(
                    caller.Actor,
                    $"{(existing is null ? "made" : "changed")} {kind.Word} {name}"
                ).Put(kind.Kind, name, policy, kind.Type, expectedEpoch ?? existing?.Epoch ?? 0),
                cancellation
            )
            .ConfigureAwait(false);
        return existing is null;
    }

    /// <summary>Takes one away. Throws <see cref="ConflictException"/> while something names it: gateways would then let nothing through it.</summary>
    public async Task DeleteAsync<T>(
        LimitKind<T> kind,
        string name,
        long? expectedEpoch,
        Caller caller,
        CancellationToken cancellation
    )
        where T : class
    {
        var policy = await GetAsync(kind, name, cancellation).ConfigureAwait(false);
        var users = await kind.UsersOf(catalogue, name, cancellation).ConfigureAwait(false);
        if (!users.IsEmpty)
        {
            throw new ConflictException(
                $"The {kind.Word} {name} is in use by {users.Length}: {string.Join(", ", users.Take(5))}{(users.Length > 5 ? ", …" : "")}",
                "give them another first"
            );
        }

        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"deleted {kind.Word} {name}").Delete(
                    kind.Kind,
                    name,
                    expectedEpoch ?? policy.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// The name to keep in an entity: null for <see cref="Plan.Unlimited"/> and for nothing. Throws
    /// <see cref="ProblemsException"/> when there is no such policy.
    /// </summary>
    public static async Task<string?> KnownAsync<T>(
        Catalogue catalogue,
        LimitKind<T> kind,
        string? name,
        string pointer,
        CancellationToken cancellation
    )
        where T : class
    {
        if (string.IsNullOrEmpty(name))
        {
            return null;
        }

        if (await catalogue.FindAsync(kind.Kind, name, kind.Type, cancellation).ConfigureAwait(false) is not null)
        {
            return name;
        }

        return name == Plan.Unlimited
            ? null
            : throw new ProblemsException([
                new(
                    pointer,
                    $"There is no {kind.Word} '{Excerpt.Of(name)}'",
                    "take one that is listed, or have an operator create it"
                ),
            ]);
    }

    /// <summary>Throws <see cref="ProblemsException"/> when a definition names policies that there are not.</summary>
    internal static async Task EnsureKnownAsync(
        Catalogue catalogue,
        ApiDefinition definition,
        CancellationToken cancellation
    )
    {
        var names = definition.PolicyNames().Distinct(StringComparer.Ordinal).Where(n => n != Plan.Unlimited).ToList();
        if (names.Count == 0)
        {
            return;
        }

        var known = await catalogue.ListNamesAsync(EntityKinds.ApiPolicy, cancellation).ConfigureAwait(false);
        var problems = names
            .Except(known, StringComparer.Ordinal)
            .Select(n => new Problem(
                "/policy",
                $"There is no API policy '{Excerpt.Of(n)}'",
                $"create it: gatehouse limit create api {Excerpt.Of(n)} --rate 10000/min; or take one of {string.Join(", ", known.Order(StringComparer.Ordinal).Take(10))}"
            ))
            .ToImmutableArray();
        if (!problems.IsEmpty)
        {
            throw new ProblemsException(problems);
        }
    }
}
