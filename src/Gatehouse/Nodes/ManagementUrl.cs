using System.Globalization;

namespace Gatehouse.Nodes;

/// <summary>Where people and programs reach a manager's console and REST directly.</summary>
internal static class ManagementUrl
{
    /// <summary>The one that people are told: <c>publicUrls.management</c> where there is one.</summary>
    public static string Public(NodeContext node) => node.Settings.PublicUrls.Management ?? Of(node);

    public static string Of(NodeContext node)
    {
        var port = node.Settings.Listen.Management.Https ?? node.Settings.Listen.Management.Http ?? 9443;
        var host = node.Host.Contains(':', StringComparison.Ordinal) ? $"[{node.Host}]" : node.Host;
        return string.Create(CultureInfo.InvariantCulture, $"https://{host}:{port}");
    }
}
