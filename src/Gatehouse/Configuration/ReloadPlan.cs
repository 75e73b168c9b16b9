using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Gatehouse.Configuration;

/// <summary>What a changed configuration means for a node that runs.</summary>
/// <param name="Running">What the node runs on once <see cref="Applied"/> is in effect: new values where they can be taken, old ones where a restart is needed.</param>
/// <param name="Applied">Changed keys that take effect at once.</param>
/// <param name="NeedsRestart">Changed keys that wait for a restart.</param>
internal sealed record ReloadPlan(
    NodeConfiguration Running,
    ImmutableArray<string> Applied,
    ImmutableArray<string> NeedsRestart
)
{
    /// <summary>Compares what runs with what was read. Changes nothing.</summary>
    public static ReloadPlan Between(NodeConfiguration running, NodeConfiguration read)
    {
        var changed = SettingsTable
            .All.Where(s => !JsonNode.DeepEquals(running.Value(s).Written, read.Value(s).Written))
            .ToList();
        return new ReloadPlan(
            running.With(read, s => s.Reloads),
            [.. changed.Where(s => s.Reloads).Select(s => s.Key)],
            [.. changed.Where(s => !s.Reloads).Select(s => s.Key)]
        );
    }
}
