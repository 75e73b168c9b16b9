using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Listeners;

/// <summary>
/// Tells HTTP/2 with prior knowledge (RFC 9113 §3.3) from HTTP/1 on a plain port by the first bytes, and moves it to the
/// server's HTTP/2 side. Over TLS the two agree by ALPN and nothing needs to be guessed.
/// </summary>
internal sealed class Http2Sniffer(ConnectionDelegate http1, Handoff http2, ListenerLimits limits)
{
    public async Task RunAsync(ConnectionContext connection)
    {
        bool speaksHttp2;
        try
        {
            speaksHttp2 = await SpeaksHttp2Async(connection).ConfigureAwait(false);
        }
        catch (Exception end) when (end is OperationCanceledException or IOException)
        {
            // Never said anything, or went away, or the server closes.
            return;
        }

        if (!speaksHttp2)
        {
            await http1(connection).ConfigureAwait(false);
            return;
        }

        var moved = new MovedConnection(connection);
        if (await http2.OfferAsync(moved).ConfigureAwait(false))
        {
            await moved.WhenDone.ConfigureAwait(false);
        }
    }

    private async Task<bool> SpeaksHttp2Async(ConnectionContext connection)
    {
        var input = connection.Transport.Input;
        using var timeout = new CancellationTokenSource(limits.KeepAlive);

        // A server that closes does not wait for callers who have not asked for anything.
        await using var closing = (
            connection
                .Features.Get<IConnectionLifetimeNotificationFeature>()
                ?.ConnectionClosedRequested.UnsafeRegister(static t => ((CancellationTokenSource)t!).Cancel(), timeout)
            ?? default
        ).ConfigureAwait(false);
        while (true)
        {
            var result = await input.ReadAsync(timeout.Token).ConfigureAwait(false);
            var verdict = Judge(result.Buffer);
            if (verdict is { } known || result.IsCompleted)
            {
                // Nothing is consumed or examined: whoever serves the connection reads it from its first byte.
                input.AdvanceTo(result.Buffer.Start);
                return verdict ?? false;
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            timeout.CancelAfter(limits.HeadTimeout);
        }
    }

    /// <summary>Null while the bytes could still become either.</summary>
    private static bool? Judge(ReadOnlySequence<byte> begun)
    {
        var preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;
        Span<byte> bytes = stackalloc byte[preface.Length];
        var length = (int)Math.Min(begun.Length, preface.Length);
        begun.Slice(0, length).CopyTo(bytes);
        return !bytes[..length].SequenceEqual(preface[..length]) ? false
            : length == preface.Length ? true
            : null;
    }

    /// <summary>A connection on loan: whoever serves it ends the loan by disposing it, and its owner closes it then.</summary>
    private sealed class MovedConnection : ConnectionContext
    {
        private readonly ConnectionContext _owned;
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public MovedConnection(ConnectionContext owned)
        {
            _owned = owned;
            Transport = owned.Transport;
            ConnectionId = owned.ConnectionId;
            LocalEndPoint = owned.LocalEndPoint;
            RemoteEndPoint = owned.RemoteEndPoint;
            ConnectionClosed = owned.ConnectionClosed;

            // Its own layer: the second server hangs its features here without hiding the first one's.
            Features = new FeatureCollection(owned.Features);
            Items = new Dictionary<object, object?>();
        }

        public Task WhenDone => _done.Task;
        public override IDuplexPipe Transport { get; set; }
        public override string ConnectionId { get; set; }
        public override IFeatureCollection Features { get; }
        public override IDictionary<object, object?> Items { get; set; }

        public override void Abort(ConnectionAbortedException abortReason) => _owned.Abort(abortReason);

        public override ValueTask DisposeAsync()
        {
            _done.TrySetResult();
            return base.DisposeAsync();
        }
    }
}
