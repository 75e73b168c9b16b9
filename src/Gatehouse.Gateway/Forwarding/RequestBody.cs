using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// The caller's request body on its way to the target, piece by piece: the next piece is read when the last was taken, so a
/// slow backend slows its caller and nothing piles up here.
/// </summary>
internal sealed class RequestBody : HttpContent
{
    private readonly Exchange _exchange;
    private readonly TimeSpan _callerSilence;
    private readonly TimeSpan _targetSilence;
    private readonly long? _length;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _started;

    private RequestBody(Exchange exchange, TimeSpan callerSilence, TimeSpan targetSilence)
    {
        _exchange = exchange;
        _callerSilence = callerSilence;
        _targetSilence = targetSilence;
        _length = exchange.Request.Headers.ContentLength;
    }

    /// <summary>What went wrong on the caller's side; null when nothing did.</summary>
    public ForwardingOutcome? Fault { get; private set; }

    /// <summary>The body of the exchange's request; null when it has none.</summary>
    public static HttpContent? Of(Exchange exchange, TimeSpan callerSilence, TimeSpan targetSilence)
    {
        if (exchange.Buffered is { } whole)
        {
            return new ReadOnlyMemoryContent(whole.Content);
        }

        return exchange.HasBody ? new RequestBody(exchange, callerSilence, targetSilence) : null;
    }

    /// <summary>Completes when the caller's request is not touched any more.</summary>
    public Task WhenDone => _started ? _done.Task : Task.CompletedTask;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream stream,
        TransportContext? context,
        CancellationToken cancellation
    )
    {
        if (_started)
        {
            throw new InvalidOperationException("A streamed request body is sent once.");
        }

        _started = true;
        try
        {
            // The head goes out before the first piece of an open-ended body: gRPC and server push wait for it.
            if (_length is null)
            {
                await stream.FlushAsync(cancellation).ConfigureAwait(false);
            }

            await CopyAsync(_exchange.Features.GetRequiredFeature<IRequestBodyPipeFeature>().Reader, stream)
                .ConfigureAwait(false);
        }
        finally
        {
            _done.TrySetResult();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _length ?? 0;
        return _length is not null;
    }

    private OperationCanceledException TooSlow()
    {
        Fault = ForwardingOutcome.CallerSilent;
        return new("The caller sends its body too slowly.");
    }

    private async Task CopyAsync(PipeReader body, Stream stream)
    {
        var deadline = _exchange.Deadline;
        while (true)
        {
            ReadResult result;
            try
            {
                var wait = _exchange.Pace.Next(_exchange, _callerSilence, _exchange.BytesIn);
                deadline.WaitForCaller(wait > TimeSpan.Zero ? wait : throw TooSlow());
                result = await body.ReadAsync(deadline.Token).ConfigureAwait(false);
                if (!_exchange.Pace.Came(deadline))
                {
                    body.AdvanceTo(result.Buffer.Start);
                    throw TooSlow();
                }
            }
            catch (BadHttpRequestException bad)
            {
                Fault =
                    bad.StatusCode == StatusCodes.Status413PayloadTooLarge
                        ? ForwardingOutcome.BodyTooLarge
                        : ForwardingOutcome.BodyBroken;
                throw;
            }
            catch (Exception gone) when (gone is ConnectionAbortedException or ConnectionResetException or IOException)
            {
                Fault = ForwardingOutcome.CallerGone;
                throw;
            }

            deadline.WaitForTarget(_targetSilence);
            foreach (var piece in result.Buffer)
            {
                _exchange.BytesIn += piece.Length;
                await stream.WriteAsync(piece, deadline.Token).ConfigureAwait(false);
            }

            body.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }

            if (result.IsCanceled)
            {
                // Not the end of the body: the backend must not take it for one.
                Fault = ForwardingOutcome.CallerGone;
                throw new OperationCanceledException("The caller's body was broken off.");
            }

            await stream.FlushAsync(deadline.Token).ConfigureAwait(false);
        }
    }
}
