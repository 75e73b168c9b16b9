using System.IO.Pipelines;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Forwarding.Http1;

/// <summary>
/// The caller's request body on its way to the backend, while the answer may already be coming back. The next piece is read
/// when the last was taken, so a slow backend slows its caller and nothing piles up here.
/// </summary>
internal sealed class BodySender(
    Exchange exchange,
    Wire wire,
    Outgoing outgoing,
    TimeSpan callerSilence,
    TimeSpan silence
)
{
    private const int Piece = 64 * 1024;

    private readonly PipeReader _reader = exchange.Features.GetRequiredFeature<IRequestBodyPipeFeature>().Reader;
    private readonly long? _length = exchange.Request.Headers.ContentLength;
    private TaskCompletionSource? _goAhead;
    private Task _sending = Task.CompletedTask;
    private volatile bool _waitsForCaller;

    /// <summary>What went wrong on the caller's side; null when nothing did.</summary>
    public ForwardingOutcome? Fault { get; private set; }

    public bool WasAllTaken { get; private set; }

    /// <summary>True when all of it was sent.</summary>
    public bool IsDone => WasAllTaken && _sending.IsCompletedSuccessfully;

    /// <summary>True when the caller's next piece is what everybody waits for.</summary>
    public bool WaitsForCaller => _waitsForCaller;

    /// <summary>Puts what has already arrived behind the head, so that a small request leaves in one piece.</summary>
    public void TakeArrived()
    {
        try
        {
            if (_reader.TryRead(out var result))
            {
                Take(result);
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            Fault = FaultOf(failure);
        }
    }

    /// <summary>Sends the rest, at once or when the backend has said go.</summary>
    public void Start(bool onGoAhead)
    {
        if (onGoAhead)
        {
            _goAhead = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        _sending = SendAsync();
    }

    /// <summary>The backend wants the body.</summary>
    public void GoAhead() => _goAhead?.TrySetResult();

    /// <summary>Stops where it is: the answer is complete or the attempt is over. Then nobody reads the caller's request here any more.</summary>
    public async ValueTask StopAsync()
    {
        if (!_sending.IsCompleted)
        {
            exchange.Deadline.Cancel();
            await _sending.ConfigureAwait(false);
        }
    }

    private async Task SendAsync()
    {
        var deadline = exchange.Deadline;
        try
        {
            if (_goAhead is not null)
            {
                await Task.WhenAny(_goAhead.Task, Task.Delay(Expectation.Patience, deadline.Token))
                    .ConfigureAwait(false);
                deadline.Token.ThrowIfCancellationRequested();
            }

            while (!WasAllTaken)
            {
                var wait = exchange.Pace.Next(exchange, callerSilence, exchange.BytesIn);
                if (wait == TimeSpan.Zero)
                {
                    Fault = ForwardingOutcome.CallerSilent;
                    break;
                }

                _waitsForCaller = true;
                deadline.WaitForCaller(wait);
                var result = await ReadAsync(deadline.Token).ConfigureAwait(false);
                if (!exchange.Pace.Came(deadline))
                {
                    Fault = ForwardingOutcome.CallerSilent;
                    _reader.AdvanceTo(result.Buffer.Start);
                    break;
                }

                _waitsForCaller = false;
                deadline.WaitForTarget(silence);
                Take(result);
                if (Fault is not null)
                {
                    break;
                }

                await wire.SendAsync(outgoing.Written).ConfigureAwait(false);
                outgoing.Clear();
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The attempt is over, or the backend takes no more. In the latter case it may have answered all the same.
            WasAllTaken = false;
        }
        finally
        {
            _waitsForCaller = false;
            outgoing.Clear();
        }

        if (Fault is not null)
        {
            wire.Abort();
        }
    }

    private async ValueTask<ReadResult> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            return await _reader.ReadAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException)
        {
            Fault = FaultOf(failure);
            throw;
        }
    }

    private static ForwardingOutcome FaultOf(Exception failure) =>
        failure switch
        {
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } =>
                ForwardingOutcome.BodyTooLarge,
            BadHttpRequestException => ForwardingOutcome.BodyBroken,
            _ => ForwardingOutcome.CallerGone,
        };

    private void Take(ReadResult result)
    {
        var data = result.Buffer.Length > Piece ? result.Buffer.Slice(0, Piece) : result.Buffer;
        var ends = result.IsCompleted && data.Length == result.Buffer.Length;
        var size = (int)data.Length;
        if (_length is null && size > 0)
        {
            outgoing.Hex(size);
            outgoing.Ascii("\r\n"u8);
            outgoing.Append(data);
            outgoing.Ascii("\r\n"u8);
        }
        else
        {
            outgoing.Append(data);
        }

        exchange.BytesIn += size;
        _reader.AdvanceTo(data.End);
        if (_length is { } length)
        {
            // The head has told the backend a length; a body of any other would be read as the next request.
            WasAllTaken = exchange.BytesIn == length;
            if (exchange.BytesIn > length || ends && !WasAllTaken)
            {
                Fault = ForwardingOutcome.BodyBroken;
            }
        }
        else if (ends)
        {
            outgoing.Ascii("0\r\n"u8);
            AddTrailers();
            outgoing.Ascii("\r\n"u8);
            WasAllTaken = true;
        }
    }

    private void AddTrailers()
    {
        if (
            exchange.Features.Get<IHttpRequestTrailersFeature>() is not { Available: true, Trailers.Count: > 0 } feature
        )
        {
            return;
        }

        foreach (var (name, values) in feature.Trailers)
        {
            if (RequestHead.MayTrail(exchange, name))
            {
                outgoing.Add(name, values);
            }
        }
    }
}
