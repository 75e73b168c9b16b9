using System.Collections.Immutable;
using System.Security.Cryptography;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What app developers call APIs with. A subscriber sees and changes only what is theirs.</summary>
public sealed class Applications(Catalogue catalogue, Approvals approvals, ApplicationIndex index, KeyIndex keyIndex)
{
    private const string IdDigits = "0123456789abcdefghjkmnpqrstvwxyz";

    /// <summary>The applications <paramref name="caller"/> may see, by name.</summary>
    public async Task<ImmutableArray<Application>> ListAsync(Caller caller, CancellationToken cancellation)
    {
        var all = await index.ReadAsync(cancellation).ConfigureAwait(false);
        return
        [
            .. all.Where(a => MaySee(caller, a))
                .OrderBy(a => a.Name, StringComparer.Ordinal)
                .ThenBy(a => a.Id, StringComparer.Ordinal),
        ];
    }

    /// <summary>
    /// The application of that id or name. Throws <see cref="NotFoundException"/> when there is none the caller may see,
    /// <see cref="ConflictException"/> when a name fits several.
    /// </summary>
    public async Task<Application> GetAsync(string idOrName, Caller caller, CancellationToken cancellation)
    {
        var byId = await catalogue
            .FindAsync(EntityKinds.Application, idOrName, ModelJson.Default.Application, cancellation)
            .ConfigureAwait(false);
        if (byId is not null && MaySee(caller, byId.Value))
        {
            return byId.Value;
        }

        var named = (await ListAsync(caller, cancellation).ConfigureAwait(false))
            .Where(a => a.Name == idOrName)
            .ToImmutableArray();
        return named.Length switch
        {
            0 => throw new NotFoundException("application", Excerpt.Of(idOrName)),
            1 => named[0],
            _ => throw new ConflictException(
                $"{named.Length} applications are called {idOrName}",
                $"say which by its id: {string.Join(", ", named.Take(10).Select(a => $"{a.Id} ({a.Owner})"))}"
            ),
        };
    }

    /// <summary>Makes an application of the caller's, under a policy or none.</summary>
    public async Task<Application> CreateAsync(
        string name,
        string? policy,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (name.Length is 0 or > 64 || name.Any(char.IsControl) || name.Trim() != name)
        {
            throw new ProblemsException([
                new(
                    "/name",
                    "A name of an application has 1 to 64 characters and no space at its ends",
                    "choose another"
                ),
            ]);
        }

        var all = await index.ReadAsync(cancellation).ConfigureAwait(false);
        if (all.Any(a => a.Name == name && a.Owner == caller.User))
        {
            throw new ConflictException($"You have an application called {name} already", "choose another name");
        }

        var application = new Application
        {
            Id = "app_" + RandomNumberGenerator.GetString(IdDigits, 8),
            Name = name,
            Owner = caller.User,
            Policy = await KnownPolicyAsync(policy, cancellation).ConfigureAwait(false),
        };
        var transaction = new CatalogueTransaction(caller.Actor, $"made application {name}");
        if (
            await approvals
                .IsNeededAsync(ApprovalKind.Application, caller.May(Permission.Publish), cancellation)
                .ConfigureAwait(false)
        )
        {
            application = application with { Suspended = true };
            Approvals.Put(
                transaction,
                approvals.New(ApprovalKind.Application, $"{caller.User} makes application {name}", caller.User) with
                {
                    Application = application.Id,
                }
            );
        }

        transaction.Put(
            EntityKinds.Application,
            application.Id,
            application,
            ModelJson.Default.Application,
            expectedEpoch: 0
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return application;
    }

    /// <summary>Lets none of an application's keys in, or lets them in again. They stay what they are.</summary>
    public async Task<Application> SetSuspendedAsync(
        string idOrName,
        bool suspended,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var application = await GetAsync(idOrName, caller, cancellation).ConfigureAwait(false);
        return await PutAsync(
                application,
                application with
                {
                    Suspended = suspended,
                },
                $"{(suspended ? "suspended" : "resumed")} application {application.Name}",
                caller,
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>Puts an application under another policy, or under none.</summary>
    public async Task<Application> SetPolicyAsync(
        string idOrName,
        string? policy,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var application = await GetAsync(idOrName, caller, cancellation).ConfigureAwait(false);
        var next = application with { Policy = await KnownPolicyAsync(policy, cancellation).ConfigureAwait(false) };
        return await PutAsync(
                application,
                next,
                $"put application {application.Name} under {next.Policy ?? Plan.Unlimited}",
                caller,
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>Changes what an owner may. Throws <see cref="ConflictException"/> when the owner has another of that name.</summary>
    public async Task<Application> EditAsync(
        string idOrName,
        ApplicationEdit edit,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var application = await GetAsync(idOrName, caller, cancellation).ConfigureAwait(false);
        var next = edit.Apply(application);
        await EnsureNameFreeAsync(next, cancellation).ConfigureAwait(false);
        return await PutAsync(application, next, $"changed application {next.Name}", caller, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Gives an application to another user; keys and subscriptions stay. Its owner may, and who administers. Throws
    /// <see cref="ConflictException"/> when the other user has one of that name.
    /// </summary>
    public async Task<Application> ChangeOwnerAsync(
        string idOrName,
        string owner,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var application = await GetAsync(idOrName, caller, cancellation).ConfigureAwait(false);
        if (application.Owner != caller.User && !caller.May(Permission.Administer))
        {
            throw new ConflictException(
                $"{application.Name} is {application.Owner}'s",
                "have its owner or an administrator give it away"
            );
        }

        if (owner.Length is 0 or > 256 || owner.Any(char.IsControl))
        {
            throw new ProblemsException([new("/owner", $"'{Excerpt.Of(owner)}' is no name of a user", "name a user")]);
        }

        var next = application with { Owner = owner, Group = application.Group.Remove(owner) };
        await EnsureNameFreeAsync(next, cancellation).ConfigureAwait(false);
        return await PutAsync(application, next, $"gave application {next.Name} to {owner}", caller, cancellation)
            .ConfigureAwait(false);
    }

    private async Task EnsureNameFreeAsync(Application application, CancellationToken cancellation)
    {
        var all = await index.ReadAsync(cancellation).ConfigureAwait(false);
        if (all.Any(a => a.Id != application.Id && a.Owner == application.Owner && a.Name == application.Name))
        {
            throw new ConflictException(
                $"{application.Owner} has an application called {application.Name} already",
                "choose another name"
            );
        }
    }

    // What is put was made of what was read: whatever another wrote meanwhile, a suspension above all, must not be undone by it.
    private async Task<Application> PutAsync(
        Application before,
        Application next,
        string summary,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var stored = await catalogue
            .FindAsync(EntityKinds.Application, before.Id, ModelJson.Default.Application, cancellation)
            .ConfigureAwait(false);
        if (stored is null || !Written(stored.Value).AsSpan().SequenceEqual(Written(before)))
        {
            throw new ConflictException($"{before.Name} was changed meanwhile", "look at it and do this again");
        }

        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, summary).Put(
                    EntityKinds.Application,
                    next.Id,
                    next,
                    ModelJson.Default.Application,
                    stored.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return next;

        static byte[] Written(Application application) =>
            CanonicalJson.Write(application, ModelJson.Default.Application);
    }

    /// <summary>
    /// Deletes an application with its subscriptions and keys, and revokes it, all in one transaction: a worker that could not
    /// read one of the deletions still lets none of its keys in.
    /// </summary>
    public async Task DeleteAsync(string idOrName, Caller caller, CancellationToken cancellation)
    {
        var application = await GetAsync(idOrName, caller, cancellation).ConfigureAwait(false);
        var transaction = new CatalogueTransaction(caller.Actor, $"deleted application {application.Name}")
            .Delete(EntityKinds.Application, application.Id)
            .Put(
                EntityKinds.Revocation,
                Revocation.OfApplication(application.Id),
                new Revocation { Reason = $"deleted by {caller.User}", At = catalogue.Time.GetUtcNow() },
                ModelJson.Default.Revocation
            );
        var subscriptions = await catalogue
            .ListBelowAsync(
                EntityKinds.Subscription,
                Subscription.EntityName(application.Id, ""),
                ModelJson.Default.Subscription,
                cancellation
            )
            .ConfigureAwait(false);
        foreach (var subscription in subscriptions)
        {
            transaction.Delete(EntityKinds.Subscription, subscription.Name);
        }

        foreach (var key in await keyIndex.OfAsync(application.Id, cancellation).ConfigureAwait(false))
        {
            transaction.Delete(EntityKinds.Key, key);
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
    }

    private Task<string?> KnownPolicyAsync(string? policy, CancellationToken cancellation) =>
        LimitPolicies.KnownAsync(catalogue, LimitKinds.Applications, policy, "/policy", cancellation);

    /// <summary>True for who publishes, operates or audits: they see every application.</summary>
    internal static bool SeesAll(Caller caller) =>
        caller.May(Permission.Publish) || caller.May(Permission.Operate) || caller.May(Permission.Audit);

    /// <summary>True for its owner and who shares it.</summary>
    internal static bool IsTheirs(Caller caller, Application application) =>
        application.Owner == caller.User || application.Group.Contains(caller.User);

    private static bool MaySee(Caller caller, Application application) =>
        SeesAll(caller) || IsTheirs(caller, application);
}
