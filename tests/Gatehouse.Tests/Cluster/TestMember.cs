using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Cluster;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Cluster;

/// <summary>A member in this process, with its log.</summary>
internal sealed class TestMember : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Every member that runs in this process, for the story of one that did not find the others.</summary>
    private static readonly ConcurrentDictionary<TestMember, string> s_running = new();

    private const int PortsOfProcess = 100;
    private static readonly (int First, FileStream Held) s_ports = TakePorts();

    private readonly CancellationTokenSource _stop = new();

    private TestMember(
        MembershipSettings settings,
        MemberTrust trust,
        Func<string, CancellationToken, Task<IPAddress[]>>? lookUp,
        TimeProvider? time
    )
    {
        var loggers = new CapturedLog(Lines);
        time ??= TimeProvider.System;
        Membership = lookUp is null
            ? new Membership(settings, trust, time, loggers)
            : new Membership(settings, trust, time, loggers, lookUp);
        s_running[this] = settings.NodeName;
        Run = Membership.RunAsync(_stop.Token);
    }

    public Membership Membership { get; }

    public ConcurrentQueue<string> Lines { get; } = new();

    public Task Run { get; }

    public ClusterView View => Membership.View.Value;

    public static TestMember Start(
        MembershipSettings settings,
        MemberTrust trust,
        Func<string, CancellationToken, Task<IPAddress[]>>? lookUp = null,
        TimeProvider? time = null
    ) => new(settings, trust, lookUp, time);

    /// <summary>A member on its own loopback address.</summary>
    public static MembershipSettings Settings(
        string node,
        string host,
        int port,
        params (string Host, int Port)[] wellKnown
    ) =>
        new()
        {
            NodeName = node,
            Profile = Profile.GatewayWorker,
            LocalMemberHost = host,
            LocalMemberPort = port,
            WellKnownMembers = [.. wellKnown.Select(w => new WellKnownMember(w.Host, w.Port))],
        };

    /// <summary>The first view that satisfies the condition; fails with the log when none does in time.</summary>
    public async Task<ClusterView> SeesAsync(Func<ClusterView, bool> condition, TimeSpan? within = null)
    {
        using var limit = new CancellationTokenSource(within ?? Patience);
        try
        {
            return await Membership.View.WhenAsync(condition, limit.Token);
        }
        catch (OperationCanceledException)
        {
            var port = View.OwnAddress?.Port;
            var stories = s_running
                .Where(m => m.Key.View.OwnAddress?.Port == port)
                .Select(m => $"--- {m.Value}, {m.Key.View.Phase}\n{string.Join('\n', m.Key.Lines.TakeLast(60))}");
            Assert.Fail(
                $"not seen in time; last view {View}: {string.Join(", ", View.Members)}\n{await PoolAsync()}\n{string.Join('\n', stories)}"
            );
            throw;
        }
    }

    public Task<ClusterView> SeesUpAsync(int count, TimeSpan? within = null) =>
        SeesAsync(
            v =>
                v.Phase == MembershipPhase.Up
                && v.Members.Count(m => m.State == MemberState.Up) == count
                && v.Members.Count(IsPresent) == count,
            within
        );

    public async Task<string> SaysAsync(string text)
    {
        var until = DateTime.UtcNow + Patience;
        while (DateTime.UtcNow < until)
        {
            if (Lines.FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal)) is { } line)
            {
                return line;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"'{text}' was not said:\n{string.Join('\n', Lines)}");
        return "";
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Run.WaitAsync(Patience);
    }

    public async ValueTask DisposeAsync()
    {
        s_running.TryRemove(this, out _);
        await _stop.CancelAsync();
        await Run.WaitAsync(TimeSpan.FromSeconds(60)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    /// <summary>How long a piece of work waits for a thread: members share this process with every other test.</summary>
    private static async Task<string> PoolAsync()
    {
        var began = Environment.TickCount64;
        await Task.Run(static () => { });
        return $"thread pool: {ThreadPool.ThreadCount} threads, {ThreadPool.PendingWorkItemCount} waiting, {Environment.TickCount64 - began} ms until one was free";
    }

    public static bool IsPresent(ClusterMember member) => member.State is not (MemberState.Left or MemberState.Gone);

    /// <summary>A port that was free on every loopback address a moment ago, as are those behind it.</summary>
    public static int FreePort()
    {
        const int spare = 20;
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        for (var i = 0; i < 200; i++)
        {
            var port = s_ports.First + Random.Shared.Next(PortsOfProcess - spare);
            try
            {
                using var probe = new TcpListener(IPAddress.Any, port) { ExclusiveAddressUse = true };
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // taken
            }
        }

        throw new InvalidOperationException("no free port");
    }

    // What is free now, tests in another process may take before a member of ours has.
    private static (int First, FileStream Held) TakePorts()
    {
        for (var first = 27_000; first < 28_000; first += PortsOfProcess)
        {
            try
            {
                var path = Path.Combine(Path.GetTempPath(), $"gatehouse-tests-members-{first}.lock");
                return (first, new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException)
            {
                // another process has them
            }
        }

        throw new InvalidOperationException("Ten processes run tests of members already.");
    }
}

/// <summary>A clock that runs ten times too fast, timers too.</summary>
internal sealed class FastTime : TimeProvider
{
    private const int Factor = 10;

    public override long TimestampFrequency => base.TimestampFrequency / Factor;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, Faster(dueTime), Faster(period));

    private static TimeSpan Faster(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? time : time / Factor;
}

/// <summary>A clock that runs until it is told to stand: timers made from then on never fire.</summary>
internal sealed class StandingTime : TimeProvider
{
    private volatile bool _stands;

    public void Stand() => _stands = true;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        _stands
            ? base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)
            : base.CreateTimer(callback, state, dueTime, period);
}

internal sealed class CapturedLog(ConcurrentQueue<string> lines) : ILoggerFactory, ILogger
{
    public static bool Noisy { get; } = Environment.GetEnvironmentVariable("GATEHOUSE_TEST_AKKA_LOG") is not null;

    private readonly long _began = Environment.TickCount64;

    public void AddProvider(ILoggerProvider provider) { }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= (Noisy ? LogLevel.Trace : LogLevel.Information);

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        if (IsEnabled(logLevel))
        {
            lines.Enqueue(
                $"{Environment.TickCount64 - _began, 6} {logLevel}: {formatter(state, exception)} {exception}"
            );
        }
    }

    public void Dispose() { }
}
