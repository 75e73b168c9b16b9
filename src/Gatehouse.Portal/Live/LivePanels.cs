using Gatehouse.Management;
using Gatehouse.Portal.Admin;
using Gatehouse.Portal.Publisher;

namespace Gatehouse.Portal.Live;

/// <summary>Every live panel by its name.</summary>
internal static class LivePanels
{
    private static readonly Dictionary<string, (Type Component, Permission? Needs)> s_panels = new()
    {
        ["cluster"] = (typeof(ClusterChip), Permission.Read),
        ["overview"] = (typeof(OverviewPanel), Permission.Read),
        ["topology"] = (typeof(TopologyPanel), Permission.Read),
        ["node"] = (typeof(NodePanel), Permission.Read),
        ["deployments"] = (typeof(DeploymentsPanel), Permission.Read),
        ["rotation"] = (typeof(RotationPanel), Permission.Read),
        ["alerts"] = (typeof(AlertsPanel), Permission.Read),
        ["deployment"] = (typeof(DeploymentPanel), Permission.Read),
        ["arrival"] = (typeof(ArrivalPanel), Permission.Operate),
    };

    /// <summary>The panel a page asks for; null when there is none of that name.</summary>
    public static LivePanelSpec? Find(string spec)
    {
        var slash = spec.IndexOf('/', StringComparison.Ordinal);
        var (name, key) = slash < 0 ? (spec, "") : (spec[..slash], spec[(slash + 1)..]);
        return key.Length <= 300 && s_panels.TryGetValue(name, out var panel)
            ? new(panel.Component, key, panel.Needs)
            : null;
    }
}
