using System.Buffers;
using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>Two streams joined, both ways at once, until either side ends, both are silent for too long, or what let the caller in is withdrawn.</summary>
internal static class Tunnel
{
    private const int PieceSize = 16 * 1024;

    public static async Task<ForwardingOutcome> JoinAsync(
        Exchange exchange,
        Stream caller,
        Stream target,
        TimeSpan silence,
        Func<Exchange, bool> stillAdmitted
    )
    {
        var deadline = exchange.Deadline;
        var withdrawn = false;
        exchange.OpenStream();
        deadline.WaitForTarget(silence);
        var sending = CopyAsync(caller, target, bytes => exchange.BytesIn += bytes);
        var receiving = CopyAsync(target, caller, bytes => exchange.BytesOut += bytes);
        await Task.WhenAny(sending, receiving).ConfigureAwait(false);

        // A WebSocket that one side has closed is over; the other direction gets a moment for its own close frame.
        deadline.WaitForTarget(TimeSpan.FromSeconds(2));
        await Task.WhenAll(sending, receiving).ConfigureAwait(false);
        return withdrawn ? ForwardingOutcome.Withdrawn
            : exchange.CallerGone ? ForwardingOutcome.CallerGone
            : ForwardingOutcome.Completed;

        async Task CopyAsync(Stream from, Stream to, Action<int> count)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(PieceSize);
            try
            {
                while (true)
                {
                    var read = await from.ReadAsync(buffer, deadline.Token).ConfigureAwait(false);
                    if (read == 0)
                    {
                        return;
                    }

                    if (!stillAdmitted(exchange))
                    {
                        withdrawn = true;
                        deadline.Cancel();
                        return;
                    }

                    deadline.WaitForTarget(silence);
                    count(read);
                    await to.WriteAsync(buffer.AsMemory(0, read), deadline.Token).ConfigureAwait(false);
                    await to.FlushAsync(deadline.Token).ConfigureAwait(false);
                }
            }
            catch (Exception end) when (end is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // Either side has gone, or the deadline has passed: the tunnel is over.
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }
}
