using System.Buffers;
using System.IO.Pipelines;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// A small request body, read as a whole before it is sent, so that it can be sent again. Not from a pool: an attempt that
/// was given up may still hold it.
/// </summary>
internal sealed record ReplayableBody(ReadOnlyMemory<byte> Content)
{
    /// <summary>The largest that is kept.</summary>
    public const int Largest = 64 * 1024;

    /// <summary>Reads a body of a declared length.</summary>
    public static async ValueTask<ReplayableBody> ReadAsync(Stream body, int length, CancellationToken cancellation)
    {
        var bytes = new byte[length];
        await body.ReadExactlyAsync(bytes, cancellation).ConfigureAwait(false);
        return new(bytes);
    }

    /// <summary>Reads a body of any length up to <paramref name="most"/> bytes; null when it is longer.</summary>
    public static async ValueTask<ReplayableBody?> ReadAsync(
        PipeReader body,
        int most,
        Deadline deadline,
        TimeSpan callerSilence
    )
    {
        var bytes = new ArrayBufferWriter<byte>();
        while (true)
        {
            deadline.WaitForCaller(callerSilence);
            var result = await body.ReadAsync(deadline.Token).ConfigureAwait(false);
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
}
