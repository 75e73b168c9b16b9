using Gatehouse.Configuration;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>
/// The access and error logs of a node's public side, by virtual host: <c>FILE</c>, <c>FILE.error</c>, and on a balancer
/// <c>FILE.management</c> and <c>FILE.management.error</c>. A reload switches them on, off, and to another file.
/// </summary>
internal sealed class TrafficLogs : IAsyncDisposable
{
    private readonly (AccessLog Log, string Suffix)[] _all;

    public TrafficLogs(NodeContext node)
    {
        var settings = node.Settings.Log.Access;
        var logger = node.Logs.CreateLogger<AccessLog>();
        Access = Open("");
        Errors = Open(".error");
        _all = [(Access, ""), (Errors, ".error")];
        if (node.Identity.Profile == Profile.LoadBalancer)
        {
            ManagementAccess = Open(".management");
            ManagementErrors = Open(".management.error");
            _all = [.. _all, (ManagementAccess, ".management"), (ManagementErrors, ".management.error")];
        }

        AccessLog Open(string suffix) =>
            new(PathOf(settings, suffix), logger) { Enabled = settings.Kind != AccessLogKind.Off };
    }

    public AccessLog Access { get; }

    public AccessLog Errors { get; }

    public AccessLog? ManagementAccess { get; }

    public AccessLog? ManagementErrors { get; }

    /// <summary>Takes changed settings into use.</summary>
    public void Apply(AccessLogSettings settings)
    {
        foreach (var (log, suffix) in _all)
        {
            log.MoveTo(PathOf(settings, suffix));
            log.Enabled = settings.Kind != AccessLogKind.Off;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (log, _) in _all)
        {
            await log.DisposeAsync();
        }
    }

    private static string PathOf(AccessLogSettings settings, string suffix) =>
        settings.Kind == AccessLogKind.File ? settings.File + suffix : AccessLog.StandardOutput;
}
