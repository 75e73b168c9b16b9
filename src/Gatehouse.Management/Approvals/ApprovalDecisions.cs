using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Lists the tasks, decides them, and does what was asked for.</summary>
public sealed class ApprovalDecisions(
    Catalogue catalogue,
    Approvals approvals,
    Lifecycles lifecycles,
    Applications applications,
    Users users
)
{
    // What was decided is told for a while; the audit keeps it for good.
    private static readonly TimeSpan s_kept = TimeSpan.FromDays(90);
    private const string UserPrefix = "user-";

    /// <summary>The tasks the caller may see: those they may decide, and their own. The newest first.</summary>
    public async Task<ImmutableArray<ApprovalTask>> ListAsync(
        ApprovalState? state,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var all = (await approvals.ListAsync(cancellation).ConfigureAwait(false)).Select(t => t.Value).ToList();
        if (caller.May(Permission.Administer))
        {
            all.AddRange(
                (await users.ListAsync(cancellation).ConfigureAwait(false))
                    .Where(u => u.State == UserState.AwaitsApproval)
                    .Select(u => OfUser(u.UserName!, u.CreatedAt))
            );
        }

        return
        [
            .. all.Where(t => state is null || t.State == state)
                .Where(t => MayDecide(t, caller) || t.RequestedBy == caller.User)
                .OrderByDescending(t => t.RequestedAt),
        ];
    }

    /// <summary>
    /// Decides a task and does what it asks for. Throws <see cref="NotFoundException"/> when there is none the caller may
    /// decide, <see cref="ConflictException"/> when it was decided.
    /// </summary>
    public async Task<ApprovalTask> DecideAsync(
        string id,
        Decision decision,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (decision.Comment is { Length: > 500 })
        {
            throw new ProblemsException([new("/comment", "A comment has at most 500 characters", "shorten it")]);
        }

        if (id.StartsWith(UserPrefix, StringComparison.Ordinal))
        {
            return await DecideUserAsync(id[UserPrefix.Length..], decision, caller, cancellation).ConfigureAwait(false);
        }

        var stored = await approvals.FindAsync(id, cancellation).ConfigureAwait(false);
        if (stored is null || !MayDecide(stored.Value, caller))
        {
            throw new NotFoundException("task", Excerpt.Of(id));
        }

        var task = stored.Value;
        if (task.State != ApprovalState.Pending)
        {
            throw new ConflictException($"{task.DecidedBy} has decided this already");
        }

        var now = catalogue.Time.GetUtcNow();
        var decided = task with
        {
            State = decision.Approve ? ApprovalState.Approved : ApprovalState.Rejected,
            DecidedBy = caller.User,
            DecidedAt = now,
            Comment = decision.Comment,
        };
        var transaction = Approvals.Put(
            new(caller.Actor, $"{(decision.Approve ? "approved" : "rejected")}: {task.Summary}"),
            decided,
            stored.Epoch,
            now + s_kept
        );
        if (task is { Kind: ApprovalKind.Lifecycle, Step: { } step } && decision.Approve)
        {
            // The step first: when it is no longer possible, nothing is decided.
            await lifecycles
                .TakeAsync(
                    task.Api!,
                    step with
                    {
                        Comment = step.Comment ?? $"asked for by {task.RequestedBy}",
                    },
                    null,
                    caller.Actor,
                    cancellation
                )
                .ConfigureAwait(false);
        }

        await FollowAsync(transaction, task, decision.Approve, caller, cancellation).ConfigureAwait(false);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return decided;
    }

    private static bool MayDecide(ApprovalTask task, Caller caller) =>
        caller.May(
            task.Kind is ApprovalKind.Lifecycle or ApprovalKind.User ? Permission.Administer : Permission.Publish
        );

    private static ApprovalTask OfUser(string name, DateTimeOffset since) =>
        new()
        {
            Id = UserPrefix + name,
            Kind = ApprovalKind.User,
            Summary = $"{name} wants an account",
            RequestedBy = name,
            RequestedAt = since,
        };

    // What was asked for may be gone by now; then there is nothing to do.
    private async Task FollowAsync(
        CatalogueTransaction transaction,
        ApprovalTask task,
        bool approve,
        Caller caller,
        CancellationToken cancellation
    )
    {
        switch (task.Kind)
        {
            case ApprovalKind.Subscription:
                var name = Subscription.EntityName(task.Application!, task.Api!);
                var subscription = await catalogue
                    .FindAsync(EntityKinds.Subscription, name, ModelJson.Default.Subscription, cancellation)
                    .ConfigureAwait(false);
                if (subscription is { Value.State: SubscriptionState.OnHold } && approve)
                {
                    transaction.Put(
                        EntityKinds.Subscription,
                        name,
                        subscription.Value with
                        {
                            State = SubscriptionState.Active,
                        },
                        ModelJson.Default.Subscription,
                        subscription.Epoch,
                        subscription.ExpiresAt
                    );
                }
                else if (subscription is { Value.State: SubscriptionState.OnHold })
                {
                    transaction.Delete(EntityKinds.Subscription, name, subscription.Epoch);
                }

                break;
            case ApprovalKind.Application:
                var application = await catalogue
                    .FindAsync(EntityKinds.Application, task.Application!, ModelJson.Default.Application, cancellation)
                    .ConfigureAwait(false);
                if (application is not null && approve)
                {
                    transaction.Put(
                        EntityKinds.Application,
                        application.Name,
                        application.Value with
                        {
                            Suspended = false,
                        },
                        ModelJson.Default.Application,
                        application.Epoch
                    );
                }
                else if (application is not null)
                {
                    await applications.DeleteAsync(application.Name, caller, cancellation).ConfigureAwait(false);
                }

                break;
            default:
                break;
        }
    }

    private async Task<ApprovalTask> DecideUserAsync(
        string name,
        Decision decision,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (!caller.May(Permission.Administer))
        {
            throw new NotFoundException("task", Excerpt.Of(UserPrefix + name));
        }

        var user = await users.GetAsync(name).ConfigureAwait(false);
        if (user.State != UserState.AwaitsApproval)
        {
            throw new ConflictException($"{name} does not wait for an account");
        }

        if (decision.Approve)
        {
            await users.UnlockAsync(name, caller, cancellation).ConfigureAwait(false);
        }
        else
        {
            await users.DeleteAsync(name, caller, cancellation).ConfigureAwait(false);
        }

        return OfUser(name, user.CreatedAt) with
        {
            State = decision.Approve ? ApprovalState.Approved : ApprovalState.Rejected,
            DecidedBy = caller.User,
            DecidedAt = catalogue.Time.GetUtcNow(),
            Comment = decision.Comment,
        };
    }
}
