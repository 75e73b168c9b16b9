using System.Threading.Channels;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Core;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// One Follow call: a task reads messages and puts them together while the caller applies what came before, so that what
/// arrives during one commit is the next one.
/// </summary>
internal sealed class ReceivingStream : IDisposable
{
    // Whole transactions waiting to be applied. When it is full the reader stops, and the manager's flow control with it.
    private const int MostWaiting = 64;

    private readonly AsyncServerStreamingCall<FeedMessage> _call;
    private readonly Channel<Arrival> _arrivals = Channel.CreateBounded<Arrival>(
        new BoundedChannelOptions(MostWaiting)
        {
            SingleReader = true,
            SingleWriter = true,
            FullMode = BoundedChannelFullMode.Wait,
        }
    );
    private readonly SynchronizerOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationToken _cancellation;

    public ReceivingStream(
        Feed.FeedClient client,
        CatalogueHead? cursor,
        IEnumerable<string> held,
        SynchronizerOptions options,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        _options = options;
        _time = time;
        _cancellation = cancellation;
        _call = client.Follow(
            new()
            {
                Cursor = cursor is null ? null : WireForm.Write(cursor),
                Format = WireForm.Format,
                Version = options.Version,
                Environments = { options.Environments },
                Held = { held },
            },
            cancellationToken: cancellation
        );
        Completion = ReceiveAsync(new(cursor, options.Environments));
    }

    /// <summary>Ends with the stream.</summary>
    public Task Completion { get; }

    /// <summary>
    /// What has arrived and is not applied yet, transactions merged into one. Null at the end of the stream; throws what
    /// broke it.
    /// </summary>
    public async ValueTask<IReadOnlyList<Arrival>?> ReadAsync()
    {
        if (!await _arrivals.Reader.WaitToReadAsync(_cancellation).ConfigureAwait(false))
        {
            return null;
        }

        var batch = new List<Arrival>();
        while (batch.Count <= MostWaiting && _arrivals.Reader.TryRead(out var arrival))
        {
            if (arrival is Arrival.Transaction next && batch.LastOrDefault() is Arrival.Transaction last)
            {
                batch[^1] = new Arrival.Transaction(next.Head, [.. last.Changes, .. next.Changes]);
            }
            else
            {
                batch.Add(arrival);
            }
        }

        return batch;
    }

    public void Dispose() => _call.Dispose();

    private async Task ReceiveAsync(FeedAssembly assembly)
    {
        Exception? fault = null;
        Task<bool>? moving = null;
        try
        {
            while (true)
            {
                moving = _call.ResponseStream.MoveNext(_cancellation);
                if (!await moving.WaitAsync(_options.Silence, _time, _cancellation).ConfigureAwait(false))
                {
                    break;
                }

                // A heartbeat that finds no room is not missed; another comes.
                if (
                    assembly.Take(_call.ResponseStream.Current) is { } arrival
                    && !_arrivals.Writer.TryWrite(arrival)
                    && arrival is not Arrival.Beat
                )
                {
                    await _arrivals.Writer.WriteAsync(arrival, _cancellation).ConfigureAwait(false);
                }
            }
        }
        catch (TimeoutException)
        {
            fault = new TimeoutException($"no sign of life for {_options.Silence.TotalSeconds:0.###} s");
        }
        catch (Exception other)
        {
            fault = other;
        }

        _arrivals.Writer.TryComplete(fault);
        if (moving is { IsCompleted: false })
        {
            _call.Dispose();
            await ((Task)moving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
