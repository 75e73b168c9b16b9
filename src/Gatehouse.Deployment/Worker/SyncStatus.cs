using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>How current a node's table is.</summary>
public enum SyncState
{
    /// <summary>There is no table yet: the node is not ready.</summary>
    Starting,

    /// <summary>Serves its table and follows a manager.</summary>
    Serving,

    /// <summary>Serves the table it has; no manager has been heard of since <see cref="SyncStatus.Since"/>.</summary>
    Stale,

    /// <summary>Serves the table it has and takes no changes: <see cref="SynchronizerOptions.Hold"/>.</summary>
    Held,
}

/// <summary>What a node knows about its own table, for readiness, status and reports.</summary>
public sealed record SyncStatus
{
    /// <summary>How current the table is.</summary>
    public SyncState State { get; init; }

    /// <summary>When <see cref="State"/> began.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>True when there is a table to serve, an empty one included.</summary>
    public bool HasTable { get; init; }

    /// <summary>What is applied: on disk and served. Null while a full scan is owed.</summary>
    public CatalogueHead? Cursor { get; init; }

    /// <summary>The newest head the manager told of.</summary>
    public CatalogueHead? ManagerHead { get; init; }

    /// <summary>The manager that is followed; null when none is.</summary>
    public string? Manager { get; init; }

    /// <summary>True while the table came from a peer and no manager confirmed it.</summary>
    public bool Unverified { get; init; }

    /// <summary>A manager said that this node drains.</summary>
    public bool Draining { get; init; }

    /// <summary>Every change that is not run, by kind and name.</summary>
    public ImmutableArray<Refusal> Refusals { get; init; } = [];

    /// <summary>What was set aside or could not be written since the start, and histories that were left.</summary>
    public ImmutableArray<StoreFault> Faults { get; init; } = [];

    /// <summary>What is wrong at the moment, for the operator; null when nothing is.</summary>
    public string? Trouble { get; init; }

    /// <summary>The last time everything was read again because the catalogue became another one; raises an alert. Null when never.</summary>
    public HistoryChange? HistoryChange { get; init; }
}

/// <summary>The catalogue a node followed was replaced by another: restored from a backup, or made anew.</summary>
/// <param name="From">The history that was left.</param>
/// <param name="To">The history that began.</param>
/// <param name="At">When this node noticed.</param>
public sealed record HistoryChange(string From, string To, DateTimeOffset At);
