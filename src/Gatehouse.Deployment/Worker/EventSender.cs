using System.Globalization;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Worker;

/// <summary>What an <see cref="EventSender"/> is given by its node.</summary>
public sealed record EventSenderOptions
{
    /// <summary>Where batches wait while no manager takes them.</summary>
    public required string Directory { get; init; }

    /// <summary>Most bytes that wait there.</summary>
    public required long SpoolBytes { get; init; }

    /// <summary>Takes what happened since the last time, at most so many events; null for nothing.</summary>
    public required Func<int, EventBatch?> Next { get; init; }

    /// <summary>Addresses of managers.</summary>
    public required Latest<IReadOnlyList<string>> Managers { get; init; }

    /// <summary>Opens a channel to one.</summary>
    public required Func<string, GrpcChannel> Connect { get; init; }

    /// <summary>Time between two batches.</summary>
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// Tells the managers what requests a worker served, in batches and in order. What no manager takes waits on disk, within
/// bounds; what does not fit is counted and told with the next batch. Requests never wait for it.
/// </summary>
public sealed partial class EventSender(EventSenderOptions options, TimeProvider time, ILogger<EventSender> logger)
    : IDisposable
{
    private const int MostEvents = 2000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    // Sorts by time, so that an older life's batches in the spool go first.
    private readonly string _stream = string.Create(
        CultureInfo.InvariantCulture,
        $"{time.GetUtcNow().ToUnixTimeMilliseconds():x12}{Guid.NewGuid().ToString("N")[..8]}"
    );
    private readonly EventSpool _spool = new(options.Directory, options.SpoolBytes);
    private GrpcChannel? _channel;
    private string? _manager;
    private long _sequence;
    private long _dropped;
    private long _droppedTotal;
    private bool _failing;

    /// <summary>Events given up because disk or manager did not keep up.</summary>
    public long Dropped => Volatile.Read(ref _droppedTotal);

    /// <summary>Sends until cancelled; then keeps what is left on disk.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(options.Every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false))
            {
                await SendOnceAsync(stopping).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            while (Take() is { } batch)
            {
                Keep(batch);
            }
        }
    }

    /// <summary>Sends what there is, the oldest first; what is not taken waits on disk.</summary>
    public async Task SendOnceAsync(CancellationToken cancellation)
    {
        while (Take() is { } batch)
        {
            if (!_spool.IsEmpty || !await TrySendAsync(batch, cancellation).ConfigureAwait(false))
            {
                Keep(batch);
            }
        }

        while (_spool.Oldest(out var lost) is { } waiting)
        {
            Drop(lost);
            if (!await TrySendAsync(waiting.Batch, cancellation).ConfigureAwait(false))
            {
                return;
            }

            _spool.Remove(waiting.Name);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _channel?.Dispose();

    private EventBatch? Take()
    {
        if (options.Next(MostEvents) is not { } batch)
        {
            return null;
        }

        batch.Stream = _stream;
        batch.Sequence = ++_sequence;
        batch.Dropped += Interlocked.Exchange(ref _dropped, 0);
        return batch;
    }

    private void Keep(EventBatch batch)
    {
        try
        {
            Drop(_spool.Put(batch));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Drop(new(batch.Events.Count, batch.Dropped));
            LogNotKept(e.Message);
        }
    }

    private void Drop(LostEvents lost)
    {
        Interlocked.Add(ref _dropped, lost.Count + lost.Untold);
        Interlocked.Add(ref _droppedTotal, lost.Count);
    }

    private async Task<bool> TrySendAsync(EventBatch batch, CancellationToken cancellation)
    {
        foreach (var manager in options.Managers.Value.OrderByDescending(m => m == _manager))
        {
            try
            {
                if (_channel is null || _manager != manager)
                {
                    _channel?.Dispose();
                    (_channel, _manager) = (options.Connect(manager), manager);
                }

                await new Analytics.AnalyticsClient(_channel)
                    .SendAsync(batch, deadline: DateTime.UtcNow + s_patience, cancellationToken: cancellation)
                    .ConfigureAwait(false);
                _failing = false;
                return true;
            }
            catch (RpcException fault) when (fault.StatusCode == StatusCode.InvalidArgument)
            {
                // It will never be taken, and must not keep the others back.
                Drop(new(batch.Events.Count, batch.Dropped));
                LogRefused(fault.Status.Detail);
                return true;
            }
            catch (RpcException fault)
            {
                // At the stop of the node too: the batch is kept.
                _channel?.Dispose();
                (_channel, _manager) = (null, null);
                if (!_failing && !cancellation.IsCancellationRequested)
                {
                    LogFailed(manager, fault.StatusCode);
                }
            }
        }

        _failing = true;
        return false;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Manager {Manager} takes no events ({Code}); they wait on disk, the oldest give way when it is full"
    )]
    private partial void LogFailed(string manager, StatusCode code);

    [LoggerMessage(Level = LogLevel.Error, Message = "A manager refused a batch of events: {Reason}")]
    private partial void LogRefused(string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Events were lost, because the spool cannot be written: {Reason}"
    )]
    private partial void LogNotKept(string reason);
}
