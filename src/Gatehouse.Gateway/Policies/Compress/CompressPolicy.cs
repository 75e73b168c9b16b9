using System.IO.Compression;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Compresses answers for callers that take it. Not where it could tell secrets: a page of another site can make its
/// visitor's browser call with cookies or Basic credentials and see how long the encrypted answer is; if part of the request
/// is repeated in it, the length tells when a guess is right (BREACH). Bearer tokens and API keys are not sent by browsers
/// on their own, so answers to those are compressed.
/// </summary>
internal sealed class CompressPolicy(CompressSettings settings) : IAnswerPolicy
{
    private readonly string[] _encodings = [.. settings.Encodings];
    private readonly string[] _types = [.. settings.Types];

    public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
    {
        Start(exchange);
        return new((GatewayProblem?)null);
    }

    private void Start(Exchange exchange)
    {
        var headers = exchange.Response.Headers;
        if (
            exchange.Response.StatusCode is 204 or 206 or 304
            || headers.ContentEncoding.Count > 0
            || !IsCompressed(headers.ContentType.ToString())
            || headers.CacheControl.ToString().Contains("no-transform", StringComparison.OrdinalIgnoreCase)
            || headers.ContentLength < settings.MinBytes
        )
        {
            return;
        }

        // Also where this caller gets it plain: the next may not.
        CorsPolicy.Vary(headers, "Accept-Encoding");
        if (
            (!settings.WithCookies && TellsSecrets(exchange))
            || AcceptedEncoding.Choose(exchange.Request.Headers.AcceptEncoding.ToString(), _encodings)
                is not { } encoding
        )
        {
            return;
        }

        headers.ContentEncoding = encoding;
        headers.ContentLength = null;
        headers.AcceptRanges = default;

        // Other bytes, same meaning (RFC 9110 §8.8.1).
        if (headers.ETag is [['"', ..] tag])
        {
            headers.ETag = "W/" + tag;
        }

        if (exchange.AnswerHasBody)
        {
            exchange.Filter(new Compressed(encoding));
        }
    }

    private static bool TellsSecrets(Exchange exchange) =>
        exchange.Request.Headers.Cookie.Count > 0
        || exchange.Request.Headers.Authorization.ToString().StartsWith("Basic ", StringComparison.OrdinalIgnoreCase);

    private bool IsCompressed(string contentType)
    {
        var type = contentType.AsSpan();
        var end = type.IndexOf(';');
        type = (end < 0 ? type : type[..end]).Trim();
        foreach (var one in _types)
        {
            if (
                one.EndsWith('*')
                    ? type.StartsWith(one.AsSpan(0, one.Length - 1), StringComparison.OrdinalIgnoreCase)
                    : type.Equals(one, StringComparison.OrdinalIgnoreCase)
            )
            {
                // Events are for now; holding them back for a better ratio would be wrong, and flushing each gains nothing.
                return !type.Equals("text/event-stream", StringComparison.OrdinalIgnoreCase);
            }
        }

        return false;
    }

#pragma warning disable CA1001 // Its stream over memory is completed with the answer, or dropped with it.
    private sealed class Compressed : AnswerFilter
#pragma warning restore CA1001
    {
        private readonly MemoryStream _out = new();
        private readonly Stream _in;

        public Compressed(string encoding) =>
            _in =
                encoding == "br"
                    ? new BrotliStream(_out, CompressionLevel.Fastest, leaveOpen: true)
                    : new GZipStream(_out, CompressionLevel.Fastest, leaveOpen: true);

        public override ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            // In memory: neither of these waits. Flushed, so that what the backend has sent is on its way.
            _in.Write(piece.Span);
            _in.Flush();
            return SendAsync(cancellation);
        }

        public override async ValueTask<GatewayProblem?> CompleteAsync(CancellationToken cancellation)
        {
            await _in.DisposeAsync().ConfigureAwait(false);
            await SendAsync(cancellation).ConfigureAwait(false);
            return null;
        }

        // The encoders hold memory outside the heap.
        public override void Release() => _in.Dispose();

        private async ValueTask<bool> SendAsync(CancellationToken cancellation)
        {
            if (_out.Length == 0)
            {
                return true;
            }

            var goesOn = await PassAsync(_out.GetBuffer().AsMemory(0, (int)_out.Length), cancellation)
                .ConfigureAwait(false);
            _out.SetLength(0);
            return goesOn;
        }
    }
}
