using System.Buffers;
using System.IO.Pipelines;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// A small request body, read as a whole before it is sent, so that it can be sent again. Not from a pool: an attempt that
/// was given up may still hold it.
/// </summary>
internal sealed record ReplayableBody(ReadOnlyMemory<byte> Content)
{
    /// <summary>The largest that is kept.</summary>
    public const int Largest = 64 * 1024;

    /// <summary>Reads a body of a declared length. Throws <see cref="EndOfStreamException"/> when it is shorter.</summary>
    public static async ValueTask<ReplayableBody> ReadAsync(Exchange exchange, int length)
    {
        var bytes = new byte[length];
        for (var at = 0; at < length; )
        {
            Wait(exchange, at);
            var read = await exchange
                .Request.Body.ReadAsync(bytes.AsMemory(at), exchange.Deadline.Token)
                .ConfigureAwait(false);
            exchange.Pace.Came(exchange.Deadline);
            at += read > 0 ? read : throw new EndOfStreamException();
        }

        return new(bytes);
    }

    /// <summary>Reads a body of any length up to <paramref name="most"/> bytes; null when it is longer.</summary>
    public static async ValueTask<ReplayableBody?> ReadAsync(PipeReader body, int most, Exchange exchange)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var (deadline, pace) = (exchange.Deadline, exchange.Pace);
        while (true)
        {
            Wait(exchange, bytes.WrittenCount);
            var result = await body.ReadAsync(deadline.Token).ConfigureAwait(false);
            pace.Came(deadline);
            if (bytes.WrittenCount + result.Buffer.Length > most)
            {
                body.AdvanceTo(result.Buffer.Start);
                return null;
            }

            foreach (var piece in result.Buffer)
            {
                bytes.Write(piece.Span);
            }

            body.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted || result.IsCanceled)
            {
                return new(bytes.WrittenMemory);
            }
        }
    }

    // Nobody but the caller is waited for here, so a deadline that passes is the caller's in any case.
    private static void Wait(Exchange exchange, long received)
    {
        var wait = exchange.Pace.Next(exchange, exchange.Timeouts.Caller, received);
        if (wait == TimeSpan.Zero)
        {
            throw new OperationCanceledException("The caller sends its body too slowly.");
        }

        exchange.Deadline.WaitForCaller(wait);
    }
}
