using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>Throws old usage away, once an hour.</summary>
internal sealed partial class UsageKeeper(
    UsageStore usage,
    ManagementOptions options,
    TimeProvider time,
    ILogger<UsageKeeper> logger
) : BackgroundService
{
    private static readonly TimeSpan s_every = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_every, time);
        try
        {
            do
            {
                try
                {
                    await usage.PurgeAsync(options.UsageRetention, stoppingToken).ConfigureAwait(false);
                }
                catch (Exception e) when (CatalogueDatabase.TroubleOf(e) is not null)
                {
                    LogFailed(e);
                }
            } while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Old usage could not be deleted; it is tried again in an hour")]
    private partial void LogFailed(Exception exception);
}
