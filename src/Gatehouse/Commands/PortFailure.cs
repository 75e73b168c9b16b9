using Gatehouse.Cli;
using Gatehouse.Cluster.Joining;
using Gatehouse.Configuration;
using Gatehouse.Gateway;

namespace Gatehouse.Commands;

/// <summary>A taken port, told with who has it and how to go on.</summary>
internal static class PortFailure
{
    public static CommandFailure Of(PortTakenException e, NodeConfiguration configuration)
    {
        var offset = configuration.Settings.PortOffset;
        return new(
            ExitCode.Failed,
            $"cannot listen on {e.EndPoint} ({e.Listener}): already used{PortHolder.Describe(e.EndPoint.Port)}",
            KeyOf(e, configuration),
            $"stop it, or move this node: --port-offset {offset + 10}",
            cause: e
        );
    }

    // The key and where it was written, so that the operator need not look for it.
    private static string? KeyOf(PortTakenException e, NodeConfiguration configuration)
    {
        var setting = SettingsTable.All.FirstOrDefault(s =>
            s.Key.StartsWith("listen.", StringComparison.Ordinal)
            && configuration.Effective(s) is int port
            && port == e.EndPoint.Port
        );
        return setting is null ? null : $"{setting.Key}, from {configuration.OriginOf(setting)}";
    }
}
