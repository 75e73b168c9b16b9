using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// Targets reached through the runtime's <see cref="SocketsHttpHandler"/>: HTTP/1.1, HTTP/2 for gRPC, WebSocket. It keeps a
/// bounded pool of connections per address; one instance serves every target with the same connect timeout.
/// </summary>
internal sealed class HttpUpstream : IUpstream, IDisposable
{
    private const int FirstPiece = 4 * 1024;
    private const int LargestPiece = 64 * 1024;
    private static readonly HttpRequestOptionsKey<Node> s_node = new("gatehouse.node");

    private readonly HttpMessageInvoker _invoker;
    private readonly UpstreamSettings _settings;

    public HttpUpstream(UpstreamSettings settings)
    {
        _settings = settings;
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = settings.ConnectTimeout,
            MaxConnectionsPerServer = settings.ConnectionsPerTarget,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(55),
            // A backend that moves in DNS, and a certificate that was renewed, are noticed within this time.
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            MaxResponseHeadersLength = 64,
            // Nothing is gained by reading on after a caller has gone: a new connection is cheaper than a long answer.
            MaxResponseDrainSize = 64 * 1024,
            // Latin-1 gives every byte of a header back as it came.
            RequestHeaderEncodingSelector = static (name, request) =>
            {
                ((UpstreamRequest)request).Writing(name);
                return Encoding.Latin1;
            },
            ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        };
        if (settings.NodeTls is not null)
        {
            handler.ConnectCallback = ConnectToNodeAsync;
        }
        else if (settings.BackendTls is { } tls)
        {
            handler.SslOptions = tls;
        }

        _invoker = new(handler);
    }

    public async ValueTask<ForwardingOutcome> SendAsync(Exchange exchange, Target target)
    {
        var upgrade = UpgradeRequest.Of(exchange);
        using var request = new UpstreamRequest(
            upgrade is null ? HttpMethod.Parse(exchange.OutgoingMethod) : HttpMethod.Get,
            RequestHead.UriOf(exchange, target)
        )
        {
            MayBeSentAgain = !exchange.Route!.Forwarding.Replays && Forwarder.IsIdempotent(exchange.OutgoingMethod),
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = upgrade is null ? RequestBody.Of(exchange, _settings.Timeouts.Caller, target.Silence) : null,
        };
        var headers = new MessageHeaders(request);
        RequestHead.Write(ref headers, exchange, target);
        upgrade?.Write(request.Headers);
        if (IsGrpc(exchange))
        {
            request.Version = HttpVersion.Version20;
        }

        if (target.Node is not null)
        {
            request.Options.Set(s_node, target.Node);
        }

        var deadline = exchange.Deadline;
        var body = request.Content as RequestBody;
        deadline.Begin(exchange.Lifetime.RequestAborted);
        try
        {
            deadline.WaitForTarget(target.Silence);
            using var answer = await _invoker.SendAsync(request, deadline.Token).ConfigureAwait(false);
            if (answer.StatusCode == HttpStatusCode.SwitchingProtocols)
            {
                return upgrade is null
                    ? ForwardingOutcome.ProtocolViolation
                    : await UpgradeAsync(exchange, upgrade, answer).ConfigureAwait(false);
            }

            ResponseHead.CopyTo(exchange, answer);
            await exchange.BeginAnswerAsync().ConfigureAwait(false);
            return await CopyBodyAsync(exchange, answer, target).ConfigureAwait(false);
        }
        catch (Exception failure)
            when (failure
                    is HttpRequestException
                        or IOException
                        or OperationCanceledException
                        or InvalidOperationException
            )
        {
            return Outcome(failure, exchange, request, body);
        }
        finally
        {
            if (body is { WhenDone.IsCompleted: false })
            {
                // The answer came before all of the body was sent. Nobody wants the rest; the caller's request must not be
                // read by two.
                deadline.Cancel();
                await body.WhenDone.ConfigureAwait(false);
            }

            deadline.End();
        }
    }

    public void Dispose() => _invoker.Dispose();

    private async ValueTask<ForwardingOutcome> CopyBodyAsync(
        Exchange exchange,
        HttpResponseMessage answer,
        Target target
    )
    {
        var deadline = exchange.Deadline;
        var remaining = answer.Content.Headers.ContentLength ?? long.MaxValue;
        var mayHaveBody =
            exchange.OutgoingMethod != "HEAD"
            && answer.StatusCode is not (HttpStatusCode.NoContent or HttpStatusCode.NotModified);
        if (mayHaveBody && remaining > 0)
        {
            var stream = await answer.Content.ReadAsStreamAsync(deadline.Token).ConfigureAwait(false);
            var writer = exchange.AnswerBody;
            for (var piece = FirstPiece; ; piece = NextPiece(piece, remaining))
            {
                var read = await stream.ReadAsync(writer.GetMemory(piece), deadline.Token).ConfigureAwait(false);
                if (read == 0)
                {
                    break;
                }

                writer.Advance(read);
                exchange.BytesOut += read;
                remaining -= read;
                if (remaining == 0)
                {
                    // A head that has not left yet leaves at the end of the request, in one write with all of a small body.
                    if (exchange.Response.HasStarted)
                    {
                        await writer.FlushAsync(deadline.Token).ConfigureAwait(false);
                    }

                    break;
                }

                if (!_settings.StillAdmitted(exchange))
                {
                    exchange.Lifetime.Abort();
                    return ForwardingOutcome.Withdrawn;
                }

                var flushing = writer.FlushAsync(deadline.Token);
                if (!flushing.IsCompleted)
                {
                    deadline.WaitForCaller(_settings.Timeouts.Caller);
                }

                if ((await flushing.ConfigureAwait(false)).IsCompleted)
                {
                    return ForwardingOutcome.CallerGone;
                }

                deadline.WaitForTarget(target.Silence);
            }
        }

        CopyTrailers(exchange, answer);
        return ForwardingOutcome.Completed;
    }

    // Larger pieces for larger bodies: no caller with a small answer holds a large buffer.
    private static int NextPiece(int piece, long remaining) =>
        (int)Math.Clamp(Math.Min(remaining, piece * 4L), FirstPiece, LargestPiece);

    private static void CopyTrailers(Exchange exchange, HttpResponseMessage answer)
    {
        if (exchange.Features.Get<IHttpResponseTrailersFeature>() is not { Trailers.IsReadOnly: false } feature)
        {
            // HTTP/1.1 callers do without: a recipient may discard trailers (RFC 9110 §6.5.1).
            return;
        }

        foreach (var (name, values) in answer.TrailingHeaders.NonValidated)
        {
            feature.Trailers[name] = values.Count == 1 ? values.ToString() : values.ToArray();
        }
    }

    private async ValueTask<ForwardingOutcome> UpgradeAsync(
        Exchange exchange,
        UpgradeRequest upgrade,
        HttpResponseMessage answer
    )
    {
        ResponseHead.CopyTo(exchange, answer);
        exchange.Trace?.Tell(exchange);
        var target = await answer.Content.ReadAsStreamAsync(exchange.Deadline.Token).ConfigureAwait(false);
        await using (target.ConfigureAwait(false))
        {
            var caller = await upgrade.AcceptAsync(exchange, answer).ConfigureAwait(false);
            await using (caller.ConfigureAwait(false))
            {
                return await Tunnel
                    .JoinAsync(exchange, caller, target, _settings.Timeouts.Tunnel, _settings.StillAdmitted)
                    .ConfigureAwait(false);
            }
        }
    }

    private static ForwardingOutcome Outcome(
        Exception failure,
        Exchange exchange,
        UpstreamRequest request,
        RequestBody? body
    )
    {
        if (body?.Fault is { } fault)
        {
            return fault;
        }

        if (exchange.CallerGone)
        {
            return ForwardingOutcome.CallerGone;
        }

        var begun = exchange.Response.HasStarted || exchange.BytesOut > 0;
        var outcome = failure switch
        {
            OperationCanceledException { InnerException: TimeoutException } when !request.WasSent =>
                ForwardingOutcome.ConnectTimedOut,
            OperationCanceledException => exchange.Deadline.WaitsForCaller
                ? ForwardingOutcome.CallerSilent
                : ForwardingOutcome.TimedOut,
            HttpRequestException
            {
                HttpRequestError: HttpRequestError.ConnectionError
                    or HttpRequestError.NameResolutionError
                    or HttpRequestError.SecureConnectionError
                    or HttpRequestError.VersionNegotiationError
            } when !request.WasSent => ForwardingOutcome.ConnectFailed,
            HttpRequestException
            {
                HttpRequestError: HttpRequestError.InvalidResponse
                    or HttpRequestError.HttpProtocolError
                    or HttpRequestError.ConfigurationLimitExceeded
            } => ForwardingOutcome.ProtocolViolation,
            InvalidOperationException => ForwardingOutcome.ProtocolViolation,
            _ => ForwardingOutcome.ConnectionClosed,
        };
        if (!begun)
        {
            return outcome;
        }

        // Half an answer must never look like a whole one.
        exchange.Lifetime.Abort();
        return outcome == ForwardingOutcome.CallerSilent ? outcome : ForwardingOutcome.AnswerCutShort;
    }

    /// <summary>True for gRPC, which needs HTTP/2 all the way.</summary>
    internal static bool IsGrpc(Exchange exchange) =>
        exchange.Request.Headers.ContentType is [{ } type]
        && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);

    /// <summary>Connects to a node with TLS of our own: the server name is not the Host that the request carries on.</summary>
    private async ValueTask<Stream> ConnectToNodeAsync(
        SocketsHttpConnectionContext context,
        CancellationToken cancellation
    )
    {
        if (!context.InitialRequestMessage.Options.TryGetValue(s_node, out var node))
        {
            throw new InvalidOperationException("A data hop goes to a node.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellation).ConfigureAwait(false);
            var secured = new SslStream(new NetworkStream(socket, ownsSocket: true));
            var tls = _settings.NodeTls!(node);
            tls.ApplicationProtocols =
            [
                context.InitialRequestMessage.Version.Major == 2
                    ? SslApplicationProtocol.Http2
                    : SslApplicationProtocol.Http11,
            ];
            await secured.AuthenticateAsClientAsync(tls, cancellation).ConfigureAwait(false);
            return secured;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A message keeps the headers of its content apart.</summary>
    private readonly struct MessageHeaders(HttpRequestMessage request) : IHeaderSink
    {
        public void Add(string name, StringValues values)
        {
            if (values.Count == 1)
            {
                if (!request.Headers.TryAddWithoutValidation(name, values[0]))
                {
                    request.Content?.Headers.TryAddWithoutValidation(name, values[0]);
                }
            }
            else if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }
    }
}
