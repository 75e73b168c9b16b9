using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// Tells the manager what the node runs: at once when that changes, but no oftener than the options say, and every second
/// while connected. A report says everything, so that a lost one hides nothing.
/// </summary>
internal sealed partial class Reporter(
    Latest<SyncStatus> status,
    SynchronizerOptions options,
    TimeProvider time,
    ILogger logger
)
{
    private const int MostRefusals = 1000;
    private const int MostHops = 4;

    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    /// <summary>Reports until cancelled. A report that fails is written to the log; the next one says the same and more.</summary>
    /// <param name="manager">Whom to.</param>
    /// <param name="onReply">Takes the answers.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="endsWhenRefused">Ends at the first report that fails, so that another manager is asked.</param>
    public async Task RunAsync(
        Feed.FeedClient manager,
        Action<ReportReply> onReply,
        CancellationToken cancellation,
        bool endsWhenRefused = false
    )
    {
        var failing = false;
        while (!cancellation.IsCancellationRequested)
        {
            var reported = status.Value;
            try
            {
                var deadline = DateTime.UtcNow + options.Silence;
                var reply = await manager
                    .ReportAsync(Write(reported), deadline: deadline, cancellationToken: cancellation)
                    .ConfigureAwait(false);
                failing = false;
                onReply(reply);
            }
            catch (RpcException fault) when (!cancellation.IsCancellationRequested)
            {
                if (!failing)
                {
                    LogFailed(fault.Status.StatusCode, fault.Status.Detail);
                }

                failing = true;
                if (endsWhenRefused)
                {
                    return;
                }
            }

            await Task.Delay(options.ReportEvery, time, cancellation).ConfigureAwait(false);
            await WaitForNewsAsync(reported, cancellation).ConfigureAwait(false);
        }
    }

    internal NodeReport Write(SyncStatus now)
    {
        var report = new NodeReport
        {
            Applied = now.Cursor is { } cursor ? WireForm.Write(cursor) : null,
            State = options.Lifecycle() ?? now.State.ToString().ToLowerInvariant(),
            Version = options.Version,
            StartedAt = _startedAt.ToUnixTimeMilliseconds(),
            ProcessId = Environment.ProcessId,
            Facts = options.Facts(),
            FreshnessUnverified = now.Unverified,
            CertificateTrouble = Short(options.CertificateTrouble() ?? ""),
            Trust = options.Trust(),
            Traffic = options.Traffic(),
        };
        report.IgnoredHops.AddRange(options.IgnoredHops().Take(MostHops));
        report.Refusals.AddRange(
            now.Refusals.Take(MostRefusals)
                .Select(r => new RefusedChange
                {
                    Kind = r.Kind,
                    Name = r.Name,
                    Epoch = r.Epoch,
                    Field = r.Field,
                    Reason = Short(r.Reason),
                })
        );
        report.StoreFaults.AddRange(
            now.Faults.Select(f => new Wire.StoreFault
            {
                What = f.What,
                Reason = f.Reason,
                At = f.At.ToUnixTimeMilliseconds(),
            })
        );
        return report;
    }

    private static string Short(string reason) => reason.Length > 2000 ? reason[..2000] : reason;

    private async Task WaitForNewsAsync(SyncStatus reported, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var pause = Task.Delay(options.ReportAtLeastEvery - options.ReportEvery, time, either.Token);
        var news = status.WhenAsync(s => !ReferenceEquals(s, reported), either.Token);
        await Task.WhenAny(pause, news).ConfigureAwait(false);
        await either.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(pause, news).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The manager does not take reports: {Code} {Detail}")]
    private partial void LogFailed(StatusCode code, string detail);
}
