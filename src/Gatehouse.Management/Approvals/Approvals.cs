using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What has to be approved, and the tasks that wait. Those who ask put a task into the transaction of what they ask for.</summary>
public sealed class Approvals(Catalogue catalogue)
{
    private const string Settings = "default";

    /// <summary>What has to be approved.</summary>
    public async Task<(ApprovalSettings Settings, long Epoch)> SettingsAsync(CancellationToken cancellation)
    {
        var stored = await catalogue
            .FindAsync(EntityKinds.ApprovalSettings, Settings, ManagerJson.Default.ApprovalSettings, cancellation)
            .ConfigureAwait(false);
        return (stored?.Value ?? new(), stored?.Epoch ?? 0);
    }

    /// <summary>Sets what has to be approved from now on; what waits goes on waiting.</summary>
    public Task SaveAsync(
        ApprovalSettings settings,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    ) =>
        catalogue.CommitAsync(
            new CatalogueTransaction(actor, "set what has to be approved").Put(
                EntityKinds.ApprovalSettings,
                Settings,
                settings,
                ManagerJson.Default.ApprovalSettings,
                expectedEpoch
            ),
            cancellation
        );

    /// <summary>True when what the caller asks for has to wait.</summary>
    internal async Task<bool> IsNeededAsync(ApprovalKind kind, bool mayAlready, CancellationToken cancellation)
    {
        if (mayAlready)
        {
            return false;
        }

        var (settings, _) = await SettingsAsync(cancellation).ConfigureAwait(false);
        return kind switch
        {
            ApprovalKind.Application => settings.Applications,
            ApprovalKind.Subscription => settings.Subscriptions,
            ApprovalKind.Key => settings.Keys,
            ApprovalKind.Lifecycle => settings.Lifecycle,
            _ => false,
        };
    }

    /// <summary>A task that waits.</summary>
    internal ApprovalTask New(ApprovalKind kind, string summary, string by)
    {
        var now = catalogue.Time.GetUtcNow();
        return new()
        {
            Id = Guid.CreateVersion7(now).ToString("N"),
            Kind = kind,
            Summary = summary,
            RequestedBy = by,
            RequestedAt = now,
        };
    }

    internal static CatalogueTransaction Put(
        CatalogueTransaction transaction,
        ApprovalTask task,
        long expectedEpoch = 0,
        DateTimeOffset? expiresAt = null
    ) => transaction.Put(EntityKinds.Task, task.Id, task, ManagerJson.Default.ApprovalTask, expectedEpoch, expiresAt);

    /// <summary>The task of that id; null when there is none.</summary>
    internal Task<StoredEntity<ApprovalTask>?> FindAsync(string id, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.Task, id, ManagerJson.Default.ApprovalTask, cancellation);

    /// <summary>Every task that is kept, the oldest first.</summary>
    internal async Task<IReadOnlyList<StoredEntity<ApprovalTask>>> ListAsync(CancellationToken cancellation) =>
        await catalogue
            .ListAsync(EntityKinds.Task, ManagerJson.Default.ApprovalTask, cancellation)
            .ConfigureAwait(false);
}
