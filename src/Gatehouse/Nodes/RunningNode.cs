using System.Buffers;
using System.Net;
using Gatehouse.Cluster;
using Gatehouse.Commands;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>
/// One node, running. The order of its start is the order of what needs what: catalogue before the feed that reads it, the
/// table before the ports that serve it. Membership comes last and nothing waits for it.
/// </summary>
internal sealed partial class RunningNode : IAsyncDisposable
{
    private static readonly TimeSpan s_requestsFirst = TimeSpan.FromSeconds(2);

    private readonly NodeContext _node;
    private readonly ILogger<RunningNode> _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Task> _loops = [];
    private Membership _membership;
    private CancellationTokenSource _membershipStop = new();
    private ManagerRole? _manager;
    private TrafficRole? _traffic;
    private InternalServer? _internal;
    private ListenerSet? _apiListeners;
    private ListenerSet? _managementListeners;
    private HealthListener? _health;
    private CertificateRenewal? _renewal;
    private NodeTelemetry? _telemetry;
    private volatile bool _draining;
    private volatile string? _saidTrust;

    private RunningNode(NodeContext node)
    {
        _node = node;
        _logger = node.Logs.CreateLogger<RunningNode>();
        _membership = NewMembership();
    }

    /// <summary>The manager's part, on a manager.</summary>
    public ManagerRole? Manager => _manager;

    public NodeContext Context => _node;

    /// <summary>Starts everything; throws what the operator has to mend (a taken port, a damaged catalogue), with nothing left running.</summary>
    public static async Task<RunningNode> StartAsync(NodeContext context, CancellationToken cancellation)
    {
        StrictnessGuard.UseStrictLineEnds();
        var node = new RunningNode(context);
        try
        {
            await node.StartAsync(cancellation);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    private async Task StartAsync(CancellationToken cancellation)
    {
        var profile = _node.Identity.Profile;
        if (_node.Certificates.Read(_node.Settings.Tls, out var use) is { IsEmpty: false } problems)
        {
            throw Cli.CommandFailure.Invalid("the certificates of the configuration cannot be used", problems);
        }

        use();
        _telemetry = NodeTelemetry.Start(_node.Identity);
        foreach (var weakness in _node.Certificates.Weaknesses)
        {
            LogWeakCertificate(weakness);
        }

        _node.LoadPlugins();
        foreach (var problem in _node.Plugins.Problems)
        {
            LogNoPlugin(problem.ToString());
        }

        if (!_node.Plugins.Kinds.IsEmpty)
        {
            LogPlugins(string.Join(", ", _node.Plugins.Kinds.Select(kind => kind.Name)));
        }

        if (profile.IsManager())
        {
            _manager = await ManagerRole.StartAsync(
                _node,
                _node.Settings.Cluster.Enabled ? () => _membership.View.Value : null,
                cancellation
            );
        }

        if (profile.IsWorker() || profile == Profile.LoadBalancer)
        {
            _traffic = await TrafficRole.StartAsync(
                _node,
                () => _draining ? "stopping" : null,
                () => _renewal?.Failure,
                Trust,
                Learn
            );
        }

        _internal = new(
            new() { Address = BindOf(_node.Settings.Listen.Internal.Bind), Port = _node.Settings.Listen.Internal.Port },
            _node.Identity,
            _node.Verification,
            _node.Denied,
            _node.Logs,
            services =>
            {
                services.Configure<SocketTransportOptions>(sockets =>
                    sockets.UnsafePreferInlineScheduling = InlineCompletions.Enabled
                );
                _manager?.AddControlServices(services);
                if (_manager is null)
                {
                    _traffic?.AddControlServices(services);
                }
            },
            control =>
            {
                if (_manager is not null)
                {
                    ManagerRole.MapControl(control);
                }
                else if (profile == Profile.GatewayWorker)
                {
                    TrafficRole.MapControl(control);
                }

                control.MapGet(InternalPaths.Ready, context => HealthListener.AnswerAsync(context, Readiness()));
                control.MapGet(
                    InternalPaths.Inspection,
                    () => TypedResults.Json(_node.Inspection(), ManagementJson.Default.NodeInspection)
                );
                control.MapGet(InternalPaths.Cluster, () => TypedResults.Text(_membership.View.Value.ClusterId ?? ""));
            },
            _traffic is not null && profile.IsWorker() ? _traffic.Engine.ProcessAsync : null,
            _manager is null ? null : _manager.ProcessAsync
        );
        await ListenForNodesAsync(_internal, cancellation);

        _apiListeners = _traffic is null ? null : new(_traffic.Engine, _node.Logs);
        _managementListeners = _manager is null ? null : new(_manager.ProcessAsync, _node.Logs);
        await ApplyListenersAsync(cancellation);
        _health = await HealthListener.StartAsync(
            new(_node.Settings.Listen.Health.Bind, _node.Settings.Listen.Health.Port),
            Readiness,
            WriteMetrics,
            _node.Logs,
            cancellation
        );

        _loops.Add(RenewAsync());
        if (_manager is not null && _traffic is null)
        {
            _loops.Add(_manager.ReportSelfAsync(Report, Learn, _stopping.Token));
        }

        _traffic?.Run(_loops, _stopping.Token);
        _loops.Add(TakePartAsync());
        LogStarted(_node.Identity.Node, profile.Name(), _node.Identity.Cluster);
    }

    /// <summary>The part that serves traffic, on a worker or a balancer.</summary>
    public TrafficRole? Traffic => _traffic;

    /// <summary>Adds a loop that lives as long as the node, and ends it by a fault of its own.</summary>
    public void Also(Task loop) => _loops.Add(loop);

    /// <summary>Whether this node may be sent requests, and why.</summary>
    public Readiness Readiness() =>
        _draining ? new(false, "draining: finishes the requests it has")
        : _traffic is { } traffic ? traffic.Readiness()
        : new(true, "ready");

    /// <summary>Serves until <paramref name="stop"/>, then drains. Throws when a loop that must not end has ended.</summary>
    public async Task RunUntilAsync(CancellationToken stop)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (stop.Register(() => stopped.TrySetResult()))
        {
            // A loop that ends by a fault ends the node: a service manager restarts it, silence would not.
            var first = await Task.WhenAny([.. _loops, stopped.Task]);
            if (first != stopped.Task)
            {
                await first;
            }

            await stopped.Task;
        }

        await DrainAsync();
    }

    /// <summary>Says to the cluster that it stops, finishes what it has, and closes.</summary>
    private async Task DrainAsync()
    {
        _draining = true;
        LogDraining(_node.Identity.Node);

        var patience = _node.Settings.Timeouts.Drain;
        await Task.WhenAll(
            _apiListeners?.DrainAsync(patience) ?? Task.CompletedTask,
            _managementListeners?.DrainAsync(patience) ?? Task.CompletedTask
        );
        if (_internal is not null)
        {
            using var deadline = new CancellationTokenSource(patience, _node.Time);
            await _internal.StopAsync(deadline.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        foreach (var loop in _loops)
        {
            await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (_health is not null)
        {
            await _health.DisposeAsync();
        }

        foreach (
            var part in new IAsyncDisposable?[] { _apiListeners, _managementListeners, _internal, _traffic, _manager }
        )
        {
            if (part is not null)
            {
                await part.DisposeAsync();
            }
        }

        _telemetry?.Dispose();
        _membershipStop.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Opens and closes public ports as the settings in force say.</summary>
    public async Task ApplyListenersAsync(CancellationToken cancellation)
    {
        var wanted = PublicListeners.Of(_node).ToLookup(listener => PublicListeners.IsManagement(_node, listener.Name));
        if (_apiListeners is not null)
        {
            await _apiListeners.ApplyAsync([.. wanted[false]], cancellation);
        }

        if (_managementListeners is not null)
        {
            await _managementListeners.ApplyAsync([.. wanted[true]], cancellation);
        }
    }

    /// <summary>Takes what of a reload is neither listeners nor certificates.</summary>
    public async Task ApplySettingsAsync(NodeSettings before, CancellationToken cancellation)
    {
        var settings = _node.Settings;
        if (
            _manager is not null
            && !(
                settings.Hosts.Gateway.SequenceEqual(before.Hosts.Gateway)
                && settings.Hosts.Management.SequenceEqual(before.Hosts.Management)
            )
        )
        {
            await _manager.PublishHostsAsync(settings.Hosts, cancellation);
        }

        _traffic?.Apply(settings);
        if (!settings.Cluster.Members.SequenceEqual(before.Cluster.Members))
        {
            var old = Interlocked.Exchange(ref _membershipStop, new());
            await old.CancelAsync();
            old.Dispose();
        }
    }

    private async Task ListenForNodesAsync(InternalServer server, CancellationToken cancellation)
    {
        try
        {
            await server.StartAsync(cancellation);
        }
        catch (IOException e)
        {
            var settings = _node.Settings.Listen.Internal;
            throw new PortTakenException("internal", new(settings.Bind, settings.Port), e);
        }
    }

    private NodeReport Report()
    {
        var report = new NodeReport
        {
            State =
                _draining ? "stopping"
                : Readiness().Ready ? "serving"
                : "starting",
            Version = VersionCommand.Current,
            StartedAt = _node.StartedAt.ToUnixTimeMilliseconds(),
            ProcessId = Environment.ProcessId,
            Facts = _node.Facts(),
            CertificateTrouble = _renewal?.Failure ?? "",
            Trust = Trust(),
        };
        report.IgnoredHops.AddRange(_traffic?.IgnoredHops ?? []);
        return report;
    }

    // A member that still shows the others its certificate before has not come through a stage of the authority's rotation.
    private string Trust()
    {
        if (_membership.Shown is null || _membership.Shown == _node.Identity.Certificate.Certificate.Thumbprint)
        {
            _saidTrust = _node.Identity.Trust;
        }

        return _saidTrust ?? _node.Identity.Trust;
    }

    private void Learn(ReportReply reply) => _renewal?.Learn(reply.Trust, reply.RenewalOf);

    private Task RenewAsync()
    {
        Func<RenewRequest, CancellationToken, Task<JoinReply>> renew = _manager is null
            ? CertificateRenewal.OverChannel(_node.Identity, _node.Channel)
            : _manager.RenewAsync;
        _renewal = new(_node.Identity, renew, _node.Facts, _node.Time, _node.Logs.CreateLogger<CertificateRenewal>());
        return _renewal.RunAsync(_stopping.Token);
    }

    // Membership that cannot start is said and lived with: no call, deployment or status needs it. Changed members begin a
    // new one; it leaves and rejoins within seconds.
    private async Task TakePartAsync()
    {
        // Its start costs as much as all the rest of a node's: requests first, the member view a moment later.
        await Task.Delay(s_requestsFirst, _node.Time, _stopping.Token)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!_stopping.IsCancellationRequested)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, _membershipStop.Token);
            try
            {
                await _membership.RunAsync(either.Token);
            }
            catch (MembershipException e)
            {
                LogNoMembership(e.Message);
            }
            catch (OperationCanceledException) when (either.IsCancellationRequested) { }

            await Task.Delay(Timeout.InfiniteTimeSpan, either.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _membership = NewMembership();
        }
    }

    private Membership NewMembership() =>
        new(NodeMembership.SettingsOf(_node), NodeMembership.TrustOf(_node), _node.Time, _node.Logs);

    private void WriteMetrics(IBufferWriter<byte> destination) => _traffic?.Engine.WriteMetrics(destination);

    private static IPAddress? BindOf(IPAddress address) => address.Equals(IPAddress.IPv6Any) ? null : address;

    [LoggerMessage(Level = LogLevel.Error, Message = "A plug-in is missing from this node: {Problem}")]
    private partial void LogNoPlugin(string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "Policies of plug-ins: {Names}")]
    private partial void LogPlugins(string names);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Served, but weak: {Weakness}")]
    private partial void LogWeakCertificate(string weakness);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Node} ({Profile}) of {Cluster} runs")]
    private partial void LogStarted(string node, string profile, string cluster);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Node} stops: takes no new requests and finishes those it has"
    )]
    private partial void LogDraining(string node);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Without the member view: {Reason}. Traffic and deployments are not affected; mend it and restart the node"
    )]
    private partial void LogNoMembership(string reason);
}
