using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>
/// The open streams of events: how many there may be, and one look at the catalogue's head for all of them, taken only while
/// there are any.
/// </summary>
internal sealed partial class EventStreams(CatalogueFeed feed, TimeProvider time, ILogger<EventStreams> logger)
    : IAsyncDisposable,
        IDisposable
{
    /// <summary>Most streams of one manager.</summary>
    public const int MostStreams = 200;

    /// <summary>Most streams of one user.</summary>
    public const int MostPerUser = 10;

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);
    private static readonly CatalogueHead s_unknown = new("", 0, default);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _perUser = new(StringComparer.Ordinal);
    private readonly Latest<CatalogueHead> _head = new(s_unknown);
    private CancellationTokenSource? _following;
    private Task _follower = Task.CompletedTask;
    private int _open;

    /// <summary>How many are open.</summary>
    public int Open
    {
        get
        {
            lock (_lock)
            {
                return _open;
            }
        }
    }

    /// <summary>Opens one; null when there are too many, in all or of that user.</summary>
    public IDisposable? TryOpen(string user)
    {
        lock (_lock)
        {
            var own = _perUser.GetValueOrDefault(user);
            if (_open >= MostStreams || own >= MostPerUser)
            {
                return null;
            }

            _perUser[user] = own + 1;
            if (++_open == 1)
            {
                _following = new();
                _follower = FollowAsync(_follower, _following.Token);
            }

            return new Opened(this, user);
        }
    }

    /// <summary>Completes when the head is another than <paramref name="head"/>, or after <paramref name="most"/>.</summary>
    public async Task WaitAsync(CatalogueHead head, TimeSpan most, CancellationToken cancellation)
    {
        try
        {
            await _head
                .WhenAsync(
                    now => now != s_unknown && (now.Epoch != head.Epoch || now.History != head.History),
                    cancellation
                )
                .WaitAsync(most, time, cancellation)
                .ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Nothing changed.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            StopFollowing();
        }
    }

    /// <summary>Returns once the database is not read for it any more.</summary>
    public async ValueTask DisposeAsync()
    {
        Dispose();
        await _follower.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task FollowAsync(Task before, CancellationToken cancellation)
    {
        // Of two at once the older one could set a head that is older. Nor is the database read under the lock of who opens.
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        // What was read while somebody listened before wakes nobody.
        _head.Set(s_unknown);
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                _head.Set(await feed.ReadHeadAsync(cancellation).ConfigureAwait(false));
                await feed.WaitForNewerAsync(_head.Value, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // The database is away; streams stay open, for workers and people are served by what they have.
                LogTrouble(logger, e.Message);
                await Task.Delay(s_pause, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Close(string user)
    {
        lock (_lock)
        {
            if (--_perUser[user] == 0)
            {
                _perUser.Remove(user);
            }

            if (--_open == 0)
            {
                StopFollowing();
            }
        }
    }

    private void StopFollowing()
    {
        _following?.Cancel();
        _following?.Dispose();
        _following = null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The head of the catalogue cannot be read: {Reason}")]
    private static partial void LogTrouble(ILogger logger, string reason);

    private sealed class Opened(EventStreams streams, string user) : IDisposable
    {
        private int _closed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _closed, 1) == 0)
            {
                streams.Close(user);
            }
        }
    }
}
