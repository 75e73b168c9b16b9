using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>The manager's housekeeping: saves the board, keeps the deny list current, purges what is old.</summary>
internal sealed partial class NodeKeeper(
    Catalogue catalogue,
    NodeBoard board,
    HistoryWatch history,
    ManagementOptions options,
    ILogger<NodeKeeper> logger
) : BackgroundService
{
    // A file is saved to for the next start; a shared database is how managers tell each other.
    private static readonly TimeSpan s_saveEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_exchangeEvery = TimeSpan.FromSeconds(0.375);
    private static readonly TimeSpan s_tellEvery = TimeSpan.FromSeconds(0.2);
    private static readonly TimeSpan s_purgeEvery = TimeSpan.FromHours(6);
    private static readonly TimeSpan s_keepTombstones = TimeSpan.FromDays(30);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anything listens: a restarted manager knows its nodes and whom it denies.
        await history.ObserveAsync(cancellationToken).ConfigureAwait(false);
        await board.LoadAsync(cancellationToken).ConfigureAwait(false);
        await ReadNodesAsync(cancellationToken).ConfigureAwait(false);
        await base.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        await TryAsync("save what nodes reported", () => board.SaveAsync(cancellationToken)).ConfigureAwait(false);
        history.Save();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(
            SaveAsync(stoppingToken),
            FollowNodesAsync(stoppingToken),
            PurgeAsync(stoppingToken),
            ListenAsync(stoppingToken),
            TellAsync(stoppingToken)
        );

    private async Task SaveAsync(CancellationToken stopping)
    {
        var alone = catalogue.Database.Embedded;
        using var timer = new PeriodicTimer(alone ? s_saveEvery : s_exchangeEvery, catalogue.Time);
        while (await TickAsync(timer, stopping).ConfigureAwait(false))
        {
            await TryAsync("save what nodes reported", () => board.SaveAsync(stopping)).ConfigureAwait(false);
            history.Save();
            if (!alone)
            {
                await TryAsync("read what nodes told other managers", () => board.RefreshAsync(stopping))
                    .ConfigureAwait(false);
                await TryAsync(
                        "read the certificate authority",
                        () => options.Authorities?.RefreshAsync(stopping) ?? Task.CompletedTask
                    )
                    .ConfigureAwait(false);
            }
        }
    }

    // What is told is lost with the connection, and found in the catalogue a moment later all the same.
    private async Task TellAsync(CancellationToken stopping)
    {
        if (catalogue.Database.Embedded)
        {
            return;
        }

        using var timer = new PeriodicTimer(s_tellEvery, catalogue.Time);
        while (await TickAsync(timer, stopping).ConfigureAwait(false))
        {
            foreach (var word in board.TellLosses())
            {
                await TryAsync("tell other managers of a lost node", () => catalogue.Database.TellAsync(word, stopping))
                    .ConfigureAwait(false);
            }
        }
    }

    // What another manager commits is found within 250 ms anyway; being told only makes it sooner.
    private async Task ListenAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await catalogue.Database.ListenAsync(Hear, stopping).ConfigureAwait(false);
            }
            catch (Exception)
            {
                // Stopped, or the connection is lost, however it says so; the poll goes on meanwhile.
                await Task.Delay(s_exchangeEvery, catalogue.Time, stopping)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Hear(string word)
    {
        if (!board.HearLoss(word))
        {
            catalogue.Wake();
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

    private async Task FollowNodesAsync(CancellationToken stopping)
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

                var read = await TryAsync(
                        "read the nodes and the deny list",
                        async () =>
                        {
                            var newest = await history.ObserveAsync(stopping).ConfigureAwait(false);
                            if (newest != head)
                            {
                                await ReadNodesAsync(stopping).ConfigureAwait(false);
                                head = newest;
                            }
                        }
                    )
                    .ConfigureAwait(false);
                if (!read)
                {
                    await Task.Delay(s_exchangeEvery, catalogue.Time, stopping).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested) { }
    }

    private async Task ReadNodesAsync(CancellationToken cancellation)
    {
        if (options.DenyList is { } list)
        {
            list.Set(await catalogue.ListNamesAsync(EntityKinds.DeniedCertificate, cancellation).ConfigureAwait(false));
        }

        if (options.FollowNodes is { } follow)
        {
            var nodes = await catalogue
                .ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation)
                .ConfigureAwait(false);
            follow(nodes.Select(n => n.Value));
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
    private async Task<bool> TryAsync(string what, Func<Task> act)
    {
        try
        {
            await act().ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (CatalogueDatabase.TroubleOf(e) is { } trouble)
        {
            LogTrouble(what, trouble.Title, trouble.Detail);
        }
        catch (OperationCanceledException) { }
        catch (Exception e)
        {
            // Whatever it is, a manager that keeps house no more is worse.
            LogFailed(e, what);
        }

        return false;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The manager could not {What}: {Title}. {Detail} It tries again; workers serve on"
    )]
    private partial void LogTrouble(string what, string title, string detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "The manager could not {What}; it tries again")]
    private partial void LogFailed(Exception exception, string what);
}
