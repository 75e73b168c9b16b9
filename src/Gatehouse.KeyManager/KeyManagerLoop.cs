using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenIddict.Abstractions;

namespace Gatehouse.KeyManager;

/// <summary>
/// Reads the keys before the first request, and again every ten seconds: another manager may have made one. Once an hour it
/// forgets tokens that ended two weeks ago.
/// </summary>
internal sealed partial class KeyManagerLoop(
    KeyManagerStart start,
    IServiceProvider services,
    IServiceScopeFactory scopes,
    TimeProvider time,
    ILogger<KeyManagerLoop> logger
) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_forget = TimeSpan.FromDays(14);

    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await start.ReadAsync(cancellationToken).ConfigureAwait(false);
        await services.GetRequiredService<SigningKeys>().RefreshAsync(cancellationToken).ConfigureAwait(false);
        await services.GetRequiredService<Clients>().EnsureCommandLineAsync(cancellationToken).ConfigureAwait(false);
        _loop = RunAsync(_stop.Token);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        // Of a host that is thrown away without being stopped the loop would go on for ever.
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(s_every, time);
        var pruned = time.GetUtcNow();
        while (await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false))
        {
            try
            {
                await services.GetRequiredService<SigningKeys>().RefreshAsync(stopping).ConfigureAwait(false);
                if (time.GetUtcNow() - pruned > TimeSpan.FromHours(1))
                {
                    pruned = time.GetUtcNow();
                    await PruneAsync(stopping).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // The keys in force go on signing.
                LogFailed(logger, e.Message);
            }
        }
    }

    private async Task PruneAsync(CancellationToken stopping)
    {
        await using var scope = scopes.CreateAsyncScope();
        var until = time.GetUtcNow() - s_forget;
        await scope
            .ServiceProvider.GetRequiredService<IOpenIddictTokenManager>()
            .PruneAsync(until, stopping)
            .ConfigureAwait(false);
        await scope
            .ServiceProvider.GetRequiredService<IOpenIddictAuthorizationManager>()
            .PruneAsync(until, stopping)
            .ConfigureAwait(false);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The key manager's upkeep failed and is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);
}
