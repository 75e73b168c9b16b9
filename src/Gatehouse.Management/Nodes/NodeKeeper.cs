using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>The manager's housekeeping: saves the board, keeps the deny list current, purges what is old.</summary>
internal sealed partial class NodeKeeper(
    Catalogue catalogue,
    NodeBoard board,
    ManagementOptions options,
    ILogger<NodeKeeper> logger
) : BackgroundService
{
    private static readonly TimeSpan s_saveEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_purgeEvery = TimeSpan.FromHours(6);
    private static readonly TimeSpan s_keepTombstones = TimeSpan.FromDays(30);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anything listens: a restarted manager knows its nodes and whom it denies.
        await board.LoadAsync(cancellationToken).ConfigureAwait(false);
        await ReadDenyListAsync(cancellationToken).ConfigureAwait(false);
        await base.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        await TryAsync("save what nodes reported", () => board.SaveAsync(cancellationToken)).ConfigureAwait(false);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(SaveAsync(stoppingToken), FollowDenyListAsync(stoppingToken), PurgeAsync(stoppingToken));

    private async Task SaveAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(s_saveEvery, catalogue.Time);
        while (await TickAsync(timer, stopping).ConfigureAwait(false))
        {
            await TryAsync("save what nodes reported", () => board.SaveAsync(stopping)).ConfigureAwait(false);
        }
    }

    private async Task PurgeAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(s_purgeEvery, catalogue.Time);
        while (await TickAsync(timer, stopping).ConfigureAwait(false))
        {
            await TryAsync("purge old tombstones", () => catalogue.PurgeAsync(s_keepTombstones, stopping))
                .ConfigureAwait(false);
        }
    }

    private async Task FollowDenyListAsync(CancellationToken stopping)
    {
        var feed = new CatalogueFeed(catalogue);
        CatalogueHead? head = null;
        try
        {
            while (true)
            {
                if (head is not null)
                {
                    await feed.WaitForNewerAsync(head, stopping).ConfigureAwait(false);
                }

                await TryAsync(
                        "read the deny list",
                        async () =>
                        {
                            var newest = await feed.ReadHeadAsync(stopping).ConfigureAwait(false);
                            if (newest != head)
                            {
                                await ReadDenyListAsync(stopping).ConfigureAwait(false);
                                head = newest;
                            }
                        }
                    )
                    .ConfigureAwait(false);
                if (head is null)
                {
                    await Task.Delay(s_saveEvery, catalogue.Time, stopping).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested) { }
    }

    private async Task ReadDenyListAsync(CancellationToken cancellation)
    {
        if (options.DenyList is { } list)
        {
            list.Set(await catalogue.ListNamesAsync(EntityKinds.DeniedCertificate, cancellation).ConfigureAwait(false));
        }
    }

    private static async Task<bool> TickAsync(PeriodicTimer timer, CancellationToken stopping)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    // A full disk or a locked file must not end the manager; the next round tries again.
    private async Task TryAsync(string what, Func<Task> act)
    {
        try
        {
            await act().ConfigureAwait(false);
        }
        catch (Exception e)
            when (e is System.Data.Common.DbException or Microsoft.EntityFrameworkCore.DbUpdateException or IOException)
        {
            LogFailed(e, what);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The manager could not {What}; it tries again")]
    private partial void LogFailed(Exception exception, string what);
}
