using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Transport;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>The event loops of a process: our own transport in place of the runtime's sockets. Linux on x64 and arm64.</summary>
public sealed partial class LoopGroup : IDisposable
{
    /// <summary>A loop that stands still for longer is named in the log.</summary>
    private static readonly TimeSpan s_longStand = TimeSpan.FromMilliseconds(250);

    /// <summary>How many more connections than the emptiest loop one may have before it gives new ones away.</summary>
    private const int Imbalance = 4;

    private readonly ILogger<LoopGroup> _logger;
    private readonly Timer _watchdog;
    private readonly long[] _reported;
    private int _disposed;

    private LoopGroup(ImmutableArray<Loop> loops, ILogger<LoopGroup> logger)
    {
        Loops = loops;
        _logger = logger;
        _reported = new long[loops.Length];
        _watchdog = new(static group => ((LoopGroup)group!).LookForStanding(), this, s_longStand, s_longStand);
    }

    /// <summary>How many loops there are.</summary>
    public int Count => Loops.Length;

    internal ImmutableArray<Loop> Loops { get; }

    /// <summary>Whether this system and processor have what loops need.</summary>
    public static bool IsSupported =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    /// <summary>
    /// Starts one loop for each processor this process may use. Null, with the reason in the log, where the system does not
    /// let them run: the stock sockets serve as well, at a higher price.
    /// </summary>
    public static LoopGroup? TryStart(ILoggerFactory logs)
    {
        var logger = logs.CreateLogger<LoopGroup>();
        if (!IsSupported)
        {
            LogNotSupported(logger);
            return null;
        }

        try
        {
            return Start(Environment.ProcessorCount, SocketCalls.Kernel, logger);
        }
        catch (Exception refused) when (refused is IOException or DllNotFoundException or EntryPointNotFoundException)
        {
            LogRefused(logger, refused.Message);
            return null;
        }
    }

    /// <summary>Starts loops, over the kernel or over a test's stand-in for it.</summary>
    internal static LoopGroup Start(int count, SocketCalls calls, ILogger<LoopGroup> logger)
    {
        var loops = new List<Loop>();
        try
        {
            for (var number = 0; number < count; number++)
            {
                loops.Add(new(number, calls, logger));
            }
        }
        catch
        {
            loops.ForEach(l => l.Stop());
            throw;
        }

        loops.ForEach(l => l.Start());
        return new([.. loops], logger);
    }

    /// <summary>Resets whatever is open and ends the threads. After the listeners are closed.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _watchdog.Dispose();
            foreach (var loop in Loops)
            {
                loop.Stop();
            }
        }
    }

    /// <summary>The loop that a connection accepted by this one should live on.</summary>
    internal Loop HomeFor(Loop accepting)
    {
        var home = accepting;
        foreach (var loop in Loops)
        {
            home = loop.Open < home.Open ? loop : home;
        }

        return accepting.Open - home.Open > Imbalance ? home : accepting;
    }

    internal void WriteMetrics(PrometheusText text)
    {
        text.Family(
            "gatehouse_loop_lag_seconds",
            "histogram",
            "Time a loop ran code between two looks at its sockets; its connections waited for so long."
        );
        foreach (var loop in Loops)
        {
            text.Lag("gatehouse_loop_lag_seconds", PrometheusText.Label("loop", $"{loop.Number}"), loop.Lag);
        }

        text.Family("gatehouse_loop_sockets", "gauge", "Sockets that a loop watches, its listeners included.");
        foreach (var loop in Loops)
        {
            text.Sample("gatehouse_loop_sockets", PrometheusText.Label("loop", $"{loop.Number}"), loop.Open);
        }
    }

    private void LookForStanding()
    {
        for (var i = 0; i < Loops.Length; i++)
        {
            var since = Loops[i].BusySince;
            if (
                since != 0
                && since != _reported[i]
                && Stopwatch.GetElapsedTime(since) is var time
                && time > s_longStand
            )
            {
                _reported[i] = since;
                LogStands(i, (long)time.TotalMilliseconds);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Loop {Loop} has been standing still for {Milliseconds} ms: code on it blocks or computes, and its connections wait"
    )]
    private partial void LogStands(int loop, long milliseconds);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The loops run on Linux on x64 and arm64 only; the stock sockets serve"
    )]
    private static partial void LogNotSupported(ILogger logger);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The loops cannot start: {Reason} The stock sockets serve. Set gateway.transport to sockets to have it so"
    )]
    private static partial void LogRefused(ILogger logger, string reason);
}
