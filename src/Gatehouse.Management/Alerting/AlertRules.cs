using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>The alert rules, as REST and the console change them. Addresses of webhooks are secrets: only operators read rules.</summary>
public sealed class AlertRules(Catalogue catalogue, Notifier notifier)
{
    /// <summary>All of them, by name.</summary>
    public async Task<ImmutableArray<StoredEntity<AlertRule>>> ListAsync(CancellationToken cancellation) =>
        [
            .. await catalogue
                .ListAsync(EntityKinds.AlertRule, ManagerJson.Default.AlertRule, cancellation)
                .ConfigureAwait(false),
        ];

    /// <summary>One of them. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<StoredEntity<AlertRule>> GetAsync(string name, CancellationToken cancellation) =>
        await FindAsync(name, cancellation).ConfigureAwait(false)
        ?? throw new NotFoundException("alert rule", Excerpt.Of(name));

    /// <summary>
    /// Makes a rule or puts it in the place of the one of that name, whose secret it keeps. Throws
    /// <see cref="ProblemsException"/> with everything that is wrong, <see cref="EntityConflictException"/> when it is not at
    /// <paramref name="expectedEpoch"/> (0: it must not exist; null: whatever there is).
    /// </summary>
    public async Task<AlertRule> PutAsync(
        AlertRule rule,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        if (rule.Check() is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        var before = await FindAsync(rule.Name, cancellation).ConfigureAwait(false);
        rule = rule with { Signed = before?.Value.Signed == true };
        await PutAsync(rule, $"set alert rule {rule.Name}", expectedEpoch ?? before?.Epoch ?? 0, actor, cancellation)
            .ConfigureAwait(false);
        return rule;
    }

    /// <summary>
    /// A new secret that a rule's webhooks are signed with, in place of the one before; it is never given out again. Throws
    /// <see cref="NotFoundException"/>.
    /// </summary>
    public async Task<string> MakeSecretAsync(string name, Actor actor, CancellationToken cancellation)
    {
        var rule = await GetAsync(name, cancellation).ConfigureAwait(false);
        var secret = await notifier.MakeSecretAsync(name, cancellation).ConfigureAwait(false);
        await PutAsync(
                rule.Value with
                {
                    Signed = true,
                },
                $"made a webhook secret for alert rule {name}",
                rule.Epoch,
                actor,
                cancellation
            )
            .ConfigureAwait(false);
        return secret;
    }

    /// <summary>Deletes a rule and its secret. Throws <see cref="NotFoundException"/>.</summary>
    public async Task DeleteAsync(string name, Actor actor, CancellationToken cancellation)
    {
        var result = await catalogue
            .CommitAsync(
                new CatalogueTransaction(actor, $"deleted alert rule {name}").Delete(EntityKinds.AlertRule, name),
                cancellation
            )
            .ConfigureAwait(false);
        if (!result.Moved)
        {
            throw new NotFoundException("alert rule", Excerpt.Of(name));
        }

        await notifier.ForgetSecretAsync(name, cancellation).ConfigureAwait(false);
    }

    /// <summary>Tells all that a rule names that this is a test, muted or not. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<ToldView> TestAsync(string name, CancellationToken cancellation)
    {
        var rule = (await GetAsync(name, cancellation).ConfigureAwait(false)).Value;
        var told = await notifier
            .TellAsync(
                rule,
                new(name, "test", "This is a test; nothing is wrong.", catalogue.Time.GetUtcNow()),
                isOver: false,
                cancellation
            )
            .ConfigureAwait(false);
        var all = rule.Webhooks.Length + rule.Emails.Length;
        return new(told, all, told < all ? "the manager's log says why" : null);
    }

    private Task<StoredEntity<AlertRule>?> FindAsync(string name, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.AlertRule, name, ManagerJson.Default.AlertRule, cancellation);

    private Task PutAsync(
        AlertRule rule,
        string summary,
        long expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    ) =>
        catalogue.CommitAsync(
            new CatalogueTransaction(actor, summary).Put(
                EntityKinds.AlertRule,
                rule.Name,
                rule,
                ManagerJson.Default.AlertRule,
                expectedEpoch
            ),
            cancellation
        );
}
