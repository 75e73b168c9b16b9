using System.IO.Pipelines;
using System.Reflection;
using Microsoft.AspNetCore.Hosting.Server;

namespace Gatehouse.Gateway.Listeners;

/// <summary>
/// Kestrel hands every frame that comes over HTTP/2, and every frame that goes, from one thread of the pool to another, so
/// that slow handlers hold up nobody. On loops nothing slow runs, and four of the six changes of threads of a request are
/// for nothing. Kestrel can do without, and its own tests do, but has no public switch for it.
/// </summary>
internal static class KestrelScheduling
{
    private const BindingFlags Members = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Lets a server that has not started yet continue wherever something is ready. False where it has no such thing: it then hands over as ever.</summary>
    public static bool RunInline(IServer server)
    {
        var context = server.GetType().GetProperty("ServiceContext", Members)?.GetValue(server);
        var scheduler = context?.GetType().GetProperty("Scheduler", Members);
        if (scheduler is not { CanWrite: true } || scheduler.PropertyType != typeof(PipeScheduler))
        {
            return false;
        }

        scheduler.SetValue(context, PipeScheduler.Inline);
        return true;
    }
}
