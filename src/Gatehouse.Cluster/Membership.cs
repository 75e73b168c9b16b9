using System.Net;
using Gatehouse.Cluster.Joining;
using Gatehouse.Cluster.Runtime;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster;

/// <summary>
/// This node's part in the cluster: finds the other members, keeps the view of them, and starts again after whatever
/// fault. Nothing that serves a call or a deployment waits for it.
/// </summary>
public sealed partial class Membership
{
    private static readonly TimeSpan s_watchInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_joinTimeout = TimeSpan.FromSeconds(30);

    // Akka's own limit for the start of a cluster is 20 s.
    private static readonly TimeSpan s_startTimeout = TimeSpan.FromSeconds(45);

    private readonly MembershipSettings _settings;
    private readonly ShownCertificate _certificate;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ILoggerFactory _loggers;
    private readonly MemberCard _card;
    private readonly MemberTable _table = new();
    private readonly Notices _notices;
    private readonly RememberedMembers _remembered;
    private readonly ClusterRivalry _rivalry;
    private readonly AddressBook _book;
    private readonly HeardMembers _heard;
    private readonly Doorkeeper _door;
    private readonly Round _round;
    private readonly Lock _publishing = new();

    private MemberRuntime? _runtime;

    // The port that was listened on: the others know this node by it.
    private int? _heldPort;
    private TaskCompletionSource _giveWay = new();
    private MembershipPhase _phase = MembershipPhase.Off;

    /// <summary>Does not start anything yet.</summary>
    public Membership(MembershipSettings settings, MemberTrust trust, TimeProvider time, ILoggerFactory loggers)
        : this(settings, trust, time, loggers, static (host, stop) => Dns.GetHostAddressesAsync(host, stop)) { }

    internal Membership(
        MembershipSettings settings,
        MemberTrust trust,
        TimeProvider time,
        ILoggerFactory loggers,
        Func<string, CancellationToken, Task<IPAddress[]>> lookUp
    )
    {
        _settings = settings;
        _certificate = new(trust, time);
        _time = time;
        _log = loggers.CreateLogger<Membership>();
        _loggers = loggers;
        _card = MemberCard.Of(settings, time.GetUtcNow());
        _notices = new Notices(time);
        _remembered = new RememberedMembers(settings.StateFile);
        _rivalry = new ClusterRivalry(time);
        _door = new Doorkeeper(settings.Domain, trust, _notices, (key, problem) => Notice(key, problem));
        _book = new AddressBook(settings, _remembered, lookUp);
        _heard = new HeardMembers(time);
        _round = new Round(_book, new MemberProbe(trust), _heard);
        View = new Latest<ClusterView>(new ClusterView { Domain = settings.Domain, Phase = MembershipPhase.Off });
    }

    /// <summary>The cluster as this node sees it.</summary>
    public Latest<ClusterView> View { get; }

    /// <summary>Thumbprint of the certificate that this member shows the others; null while it takes no part.</summary>
    public string? Shown => _certificate.Thumbprint;

    /// <summary>The runtime now, for tests that break it.</summary>
    internal MemberRuntime? Runtime => Volatile.Read(ref _runtime);

    /// <summary>
    /// Takes part until cancelled, then leaves within three seconds. Returns at once when switched off. Throws only
    /// <see cref="MembershipException"/>, at the start, for what the operator has to mend first; every later fault starts
    /// the runtime again.
    /// </summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        if (!_settings.Enabled)
        {
            return;
        }

        var (errors, warnings) = MembershipSettingsValidator.Validate(_settings);
        if (!errors.IsEmpty)
        {
            throw new MembershipException(errors);
        }

        foreach (var warning in warnings)
        {
            Notice(warning.Pointer, warning, lasting: true);
        }

        try
        {
            await RestartForeverAsync(stopping).ConfigureAwait(false);
        }
        finally
        {
            _certificate.PutAway();
            _table.LoseAll(View.Value.OwnAddress, _time.GetUtcNow());
            SetPhase(MembershipPhase.Off);
        }
    }

    /// <summary>R1: one runtime after the other, with a pause that grows while they die young.</summary>
    private async Task RestartForeverAsync(CancellationToken stopping)
    {
        TimeSpan? pause = null;
        while (true)
        {
            SetPhase(MembershipPhase.Starting);
            var began = _time.GetTimestamp();
            var ending = Ending.Fault;
            try
            {
                // After the first start the node keeps the port it has: the others know it by that.
                var (port, moved) = await MembershipPort
                    .ChooseAsync(_settings, _heldPort, _time, stopping)
                    .ConfigureAwait(false);
                if (moved is not null)
                {
                    Notice("port", moved, lasting: true);
                }

                ending = await RunOnceAsync(port, stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (MembershipException) when (_heldPort is null)
            {
                throw;
            }
            catch (Exception fault) // whatever Akka throws, the node goes on without a member view and tries again
            {
                LogFault(fault);
            }

            if (stopping.IsCancellationRequested)
            {
                return;
            }

            if (ending == Ending.Fault)
            {
                SetPhase(MembershipPhase.Starting);
                pause = Backoff.Next(pause, _time.GetElapsedTime(began));
                LogRestart(pause.Value);
                await Task.Delay(pause.Value, _time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>The life of one runtime, from listening to gone.</summary>
    private async Task<Ending> RunOnceAsync(int port, CancellationToken stopping)
    {
        var certificate = _certificate.Show();
        var start = Task.Run(
            () =>
                MemberRuntime.Start(
                    _settings,
                    certificate,
                    MembershipPort.BindAddress(_settings).ToString(),
                    port,
                    _card,
                    new RuntimeHooks
                    {
                        Changed = OnChange,
                        Met = OnAsked,
                        ForeignMember = _door.OnForeignMember,
                        Rejected = _door.OnRejected,
                        Judge = _door.Judge,
                    },
                    _table,
                    _time,
                    _loggers.CreateLogger("Gatehouse.Cluster.Akka")
                ),
            CancellationToken.None
        );
        var runtime = await StartedAsync(start).ConfigureAwait(false);
        _rivalry.Reset();
        _heard.Clear();
        Volatile.Write(ref _giveWay, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        Volatile.Write(ref _runtime, runtime);
        _heldPort = port;
        LogListening(runtime.Self);

        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var part = TakePartAsync(runtime, ends.Token);
        try
        {
            await Task.WhenAny(part, runtime.Ended).ConfigureAwait(false);
            await ends.CancelAsync().ConfigureAwait(false);
            return await part.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return Ending.Fault; // the runtime ended by itself, or the node stops
        }
        finally
        {
            if (!await runtime.StopAsync().ConfigureAwait(false))
            {
                LogSlowStop();
            }

            Volatile.Write(ref _runtime, null);
            _table.LoseAll(runtime.Self, _time.GetUtcNow());
            Publish();
        }
    }

    /// <summary>The runtime, or a fault when it does not come up; what comes up later is taken down.</summary>
    private async Task<MemberRuntime> StartedAsync(Task<MemberRuntime> start)
    {
        try
        {
            return await start.WaitAsync(s_startTimeout, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _ = start.ContinueWith(
                static late => late.Result.System.Terminate(),
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion,
                TaskScheduler.Default
            );
            throw;
        }
    }

    /// <summary>Searches, joins, and then watches, until there is a reason to begin anew.</summary>
    private async Task<Ending> TakePartAsync(MemberRuntime runtime, CancellationToken ends)
    {
        var health = new RuntimeHealth(runtime, _time);
        if (await SearchAsync(runtime, health, ends).ConfigureAwait(false) is { } ending)
        {
            return ending;
        }

        // Akka gives up after 20 s by ending the runtime; this is the limit behind that one.
        await runtime.Member.WaitAsync(s_joinTimeout, _time, ends).ConfigureAwait(false);
        _notices.Clear("search");
        SetPhase(MembershipPhase.Up);
        LogMember(runtime.State.Claim?.Id ?? "", runtime.State.Members.Count);
        return await WatchAsync(runtime, health, ends).ConfigureAwait(false);
    }

    /// <summary>Asks until somebody lets this node in or it forms a cluster: null then, else why to begin anew.</summary>
    private async Task<Ending?> SearchAsync(MemberRuntime runtime, RuntimeHealth health, CancellationToken ends)
    {
        SetPhase(MembershipPhase.Searching);
        var began = _time.GetTimestamp();
        var configured = new MemberAddress(runtime.Self.Host, _settings.LocalMemberPort);
        runtime.Listed =
            _settings.Scheme == MembershipScheme.WellKnownMembers
            && (_book.Listed.Count == 0 || _book.Listed.Contains(configured));
        while (true)
        {
            var round = await _round.AskAsync(runtime, ends).ConfigureAwait(false);
            if (await health.TroubleAsync(round, ends).ConfigureAwait(false) is { } trouble)
            {
                LogStuck(trouble);
                return Ending.Fault;
            }

            if (_certificate.IsRenewed)
            {
                LogRenewed();
                return Ending.Renewed;
            }

            var decision = JoinDecision.Make(
                new Search
                {
                    Self = runtime.Self,
                    SelfListed = runtime.Listed,
                    Listed = _book.Listed,
                    Remembered = _remembered.Others,
                    Answers = _door.Admit(round),
                    Mute = round.Mute - round.Heard,
                    Elapsed = _time.GetElapsedTime(began),
                }
            );
            if (decision.Action == JoinAction.Wait)
            {
                NoticeWait(decision.Reason, _time.GetElapsedTime(began));
                await Task.Delay(Backoff.Search(_time.GetElapsedTime(began)), _time, ends).ConfigureAwait(false);
                continue;
            }

            SetPhase(MembershipPhase.Joining);
            if (decision.Action == JoinAction.Join)
            {
                LogJoins(string.Join(", ", decision.Through), decision.Reason);
                runtime.Join(decision.Through);
            }
            else
            {
                LogForms(decision.Reason);
                runtime.Form();
            }

            return null;
        }
    }

    /// <summary>R4: looks for a second cluster, and for a renewed certificate, until there is a reason to begin anew.</summary>
    private async Task<Ending> WatchAsync(MemberRuntime runtime, RuntimeHealth health, CancellationToken ends)
    {
        var giveWay = Volatile.Read(ref _giveWay).Task;
        var next = s_watchInterval;
        while (true)
        {
            await _certificate.WaitAsync(giveWay, next, ends).ConfigureAwait(false);
            if (giveWay.IsCompleted)
            {
                LogGivesWay();
                return Ending.GivesWay;
            }

            if (_certificate.IsRenewed)
            {
                await _certificate
                    .WaitForTurnAsync(giveWay, runtime.Self, runtime.State.Members, ends)
                    .ConfigureAwait(false);
                LogRenewed();
                return Ending.Renewed;
            }

            var suspicion = false;
            var round = await _round.AskAsync(runtime, ends).ConfigureAwait(false);
            if (await health.TroubleAsync(round, ends).ConfigureAwait(false) is { } stuck)
            {
                LogStuck(stuck);
                return Ending.Fault;
            }

            foreach (var other in _door.Admit(round))
            {
                suspicion |= other.Cluster is not null;
                OnHello(other);
            }

            // A first suspicion is looked at again soon.
            next = suspicion ? ClusterRivalry.Sustained : s_watchInterval;
        }
    }

    private void OnAsked(Hello other)
    {
        _heard.Hear(other);
        OnHello(other);
    }

    private void OnHello(Hello other)
    {
        if (other.Domain != _settings.Domain)
        {
            _door.OnForeignDomain(other);
            return;
        }

        if (Runtime is not { State: { Claim: { } mine } state } || state.Members.Contains(other.Address))
        {
            return;
        }

        if (_rivalry.See(mine, other))
        {
            Volatile.Read(ref _giveWay).TrySetResult();
        }
    }

    private void NoticeWait(string reason, TimeSpan elapsed)
    {
        // A word only when it takes longer than a start does.
        if (elapsed > TimeSpan.FromSeconds(10))
        {
            Notice(
                "search",
                new Problem(
                    "cluster.members",
                    $"not in a cluster yet: {reason}",
                    "start one of the well-known members, or correct their addresses"
                )
            );
        }
    }

    private void OnChange(RuntimeState state)
    {
        if (state.Claim is not null)
        {
            var self = Runtime?.Self;
            _table.KeepOnly(state.Members, _time.GetUtcNow());
            _remembered.Remember(state.Members.Where(m => m != self), state.AllReachable);
        }

        Publish();
    }

    private void Notice(string key, Problem problem, bool lasting = false)
    {
        if (_notices.Raise(key, problem, lasting))
        {
            LogProblem(problem);
            Publish();
        }
    }

    private void SetPhase(MembershipPhase phase)
    {
        lock (_publishing)
        {
            _phase = phase;
        }

        Publish();
    }

    private void Publish()
    {
        lock (_publishing)
        {
            var runtime = Runtime;
            View.Set(
                new ClusterView
                {
                    Number = View.Value.Number + 1,
                    Domain = _settings.Domain,
                    Phase = _phase,
                    OwnAddress = runtime?.Self,
                    ClusterId = runtime?.State.Claim?.Id,
                    Members = _table.Snapshot(runtime?.Self, _time.GetUtcNow()),
                    Problems = _notices.Current(),
                }
            );
        }
    }

    private enum Ending
    {
        Fault,
        GivesWay,
        Renewed,
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Membership listens as {Address}")]
    private partial void LogListening(MemberAddress address);

    [LoggerMessage(Level = LogLevel.Information, Message = "Membership {Reason}, through {Through}")]
    private partial void LogJoins(string through, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Membership forms a cluster: {Reason}")]
    private partial void LogForms(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Member of cluster {Id}, {Count} member(s)")]
    private partial void LogMember(string id, int count);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A second cluster of this domain was found, larger or older than this one; this node leaves its own and joins that. Traffic is not touched"
    )]
    private partial void LogGivesWay();

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The node's certificate was renewed; membership starts again with it. Traffic is not touched"
    )]
    private partial void LogRenewed();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Membership ended and starts again in {Pause}. Traffic is not touched"
    )]
    private partial void LogRestart(TimeSpan pause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Membership is stuck: {Trouble}")]
    private partial void LogStuck(string trouble);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Membership failed")]
    private partial void LogFault(Exception fault);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Leaving the cluster took too long; the others will notice by themselves"
    )]
    private partial void LogSlowStop();

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Problem}")]
    private partial void LogProblem(Problem problem);
}
