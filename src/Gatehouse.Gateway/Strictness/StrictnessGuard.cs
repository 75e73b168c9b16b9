using System.IO.Pipelines;
using Gatehouse.Gateway.Lane;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// Connection middleware, placed after TLS, that lets only those HTTP/1 requests reach Kestrel which every parser reads
/// the same way. Use: <c>listenOptions.Use(guard.Middleware)</c>.
/// </summary>
public sealed partial class StrictnessGuard(
    StrictnessLimits limits,
    ILogger<StrictnessGuard> logger,
    TimeProvider? time = null
)
{
    // Closing with unread input resets the connection, and the client may lose the answer with it.
    private static readonly TimeSpan DrainTime = TimeSpan.FromMilliseconds(500);
    private const long DrainBytes = 256 * 1024;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly long[] _refusals = new long[Enum.GetValues<Violation>().Length];

    /// <summary>How many connections were ended for each violation, since the start.</summary>
    public IEnumerable<KeyValuePair<Violation, long>> Refusals =>
        Enum.GetValues<Violation>()
            .Where(violation => violation != Violation.None)
            .Select(violation => KeyValuePair.Create(violation, Volatile.Read(ref _refusals[(int)violation])));

    /// <summary>Wraps the rest of a listener's connection pipeline.</summary>
    public ConnectionDelegate Middleware(ConnectionDelegate next) =>
        connection =>
            connection.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol.Span.SequenceEqual("h2"u8)
            == true
                ? next(connection)
                : GuardAsync(connection, next);

    /// <summary>
    /// Turns on Kestrel's own refusal of line ends without CR. Once per process, before the first server is built.
    /// </summary>
    public static void UseStrictLineEnds() =>
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);

    private async Task GuardAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var transport = connection.Transport;
        using var scanner = new RequestScanner(limits, connection.Features.Get<LaneConnection>() is null);
        var output = new GuardedWriter(transport.Output);
        var input = new GuardedReader(transport.Input, output, scanner, AnswerAsync);
        connection.Transport = new Duplex(input, output);
        connection.Features.Set(scanner.Notes);
        try
        {
            await next(connection);
            if (input.HasRefused)
            {
                await DrainAsync(connection, transport.Input);
            }
        }
        finally
        {
            connection.Transport = transport;
            if (input.HasRefused)
            {
                await transport.Input.CompleteAsync();
                await transport.Output.CompleteAsync();
            }
        }

        async ValueTask AnswerAsync(Violation violation)
        {
            output.KeepOpen = true;
            Interlocked.Increment(ref _refusals[(int)violation]);
            var requestId = Guid.NewGuid().ToString("N");
            LogRefused(connection.RemoteEndPoint?.ToString(), requestId, ViolationText.Explain(violation));
            if (!scanner.RefusedInBody)
            {
                RefusalAnswer.Write(transport.Output, violation, requestId, _time.GetUtcNow());
                await FlushAsync(transport.Output);
            }
        }
    }

    private static async Task FlushAsync(PipeWriter output)
    {
        // A client that reads nothing must not hold the connection.
        using var enough = new CancellationTokenSource(DrainTime);
        try
        {
            await output.FlushAsync(enough.Token);
        }
        catch (OperationCanceledException) { }
    }

    private static async Task DrainAsync(ConnectionContext connection, PipeReader input)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        enough.CancelAfter(DrainTime);
        try
        {
            for (long drained = 0; drained < DrainBytes; )
            {
                var read = await input.ReadAsync(enough.Token);
                drained += read.Buffer.Length;
                input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            // The client or the server has had enough, which is what this waited for.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "Refused a request from {Remote}, X-Request-Id {RequestId}: {Reason}"
    )]
    private partial void LogRefused(string? remote, string requestId, string reason);

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
