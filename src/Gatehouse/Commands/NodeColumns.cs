using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary>How nodes are shown, the same in <c>status</c>, <c>node list</c> and wherever else.</summary>
internal static class NodeColumns
{
    /// <summary>The columns; what was heard is told relative to <paramref name="now"/>.</summary>
    public static IReadOnlyList<Column<NodeView>> At(DateTimeOffset now) =>
        [
            new("NODE", n => n.Name),
            new("PROFILE", n => n.Profile.Name()),
            new("SUB-DOMAIN", n => n.SubDomain, Drop: 2),
            new("ENVIRONMENTS", n => n.Environments.IsEmpty ? null : string.Join(", ", n.Environments), Drop: 4),
            new("STATE", n => Words.Of(n.State)),
            new("ADDRESS", Address),
            new("EPOCH", n => n.Epoch?.ToString(CultureInfo.InvariantCulture) ?? "-"),
            new("REQ/S", n => n.Traffic?.RequestsPerSecond.ToString("0.#", CultureInfo.InvariantCulture), Drop: 5),
            new("SEEN", n => Words.Ago(n.LastSeen, now)),
            new("PID", n => n.ProcessId?.ToString(CultureInfo.InvariantCulture), Drop: 3),
            new("VERSION", n => Words.Version(n.Version), Drop: 1),
        ];

    /// <summary>Where users of the node connect: its TLS port, else its plain one, else the port between nodes.</summary>
    public static string Address(NodeView node)
    {
        var port = ((string[])["https", "management-https", "http"])
            .Select(name => node.Ports.TryGetValue(name, out var p) ? p : 0)
            .Append(node.InternalPort)
            .First(p => p > 0);
        return node.Host.Contains(':') ? $"[{node.Host}]:{port}" : $"{node.Host}:{port}";
    }
}
