using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Cli;
using Gatehouse.Commands;
using Gatehouse.Configuration;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Deployment.Worker;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>What a worker or a balancer runs: the engine with its table, fed from the node's own store and the feed.</summary>
internal sealed partial class TrafficRole : IAsyncDisposable
{
    private readonly NodeContext _node;
    private readonly GatewayTable? _apis;
    private readonly BalancerTable? _balancer;
    private readonly TrafficLogs _logs;
    private readonly CatalogueVerifier _catalogueKey;
    private readonly LoopGroup? _loops;
    private readonly EventQueue? _events;
    private EventSender? _sender;
    private readonly TrafficTimeouts _timeouts = new();
    private readonly ConcurrentDictionary<string, HttpMessageInvoker> _probes = new(StringComparer.Ordinal);
    private readonly Latest<IReadOnlyList<string>> _managers;
    private readonly Latest<IReadOnlyList<string>> _peers;
    private WorkerStore _store = null!;
    private Synchronizer _synchronizer = null!;
    private NodeProber? _prober;

    private TrafficRole(NodeContext node)
    {
        _node = node;
        _catalogueKey = new(node.Identity.Facts.CatalogueKey.Span);
        _managers = new([.. node.Identity.Facts.Managers]);
        _peers = new(Remembered(node));
        var settings = node.Settings;
        _logs = new(node);
        Apply(settings);
        _loops = settings.Transport == TransportChoice.Sockets ? null : LoopGroup.TryStart(node.Logs);
        if (_loops is null && settings.Transport == TransportChoice.Loops)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                "the loops of gateway.transport cannot start here; the line before this one says why",
                "gateway.transport: loops",
                "set gateway.transport to auto or sockets"
            );
        }

        _events = settings.Analytics.Enabled && node.Identity.Profile.IsWorker() ? new EventQueue() : null;
        var options = new GatewayOptions
        {
            Node = node.Identity.Node,
            TrustedProxies = settings.Proxies.Trusted,
            Requests = settings.Limits.Requests,
            ConnectionsPerBackend = settings.Limits.ConnectionsPerBackend,
            LimitCounters = settings.Limits.Counters,
            RateLimitHeaders = settings.Limits.RateLimitHeaders,
            Timeouts = _timeouts,
            VerifyTraceGrant =
                node.Identity.Profile == Profile.LoadBalancer ? null : grant => TraceGrant.EndOf(grant, _catalogueKey),
            Secrets = Secrets(),
            AssertionKey = node.Identity.Profile.IsWorker() ? node.Assertions.Export() : null,
            AppliedEpoch = () => _synchronizer.Status.Value.Cursor?.Epoch ?? 0,
            ManagerTls =
                node.Identity.Profile == Profile.LoadBalancer ? null : manager => Hop(manager, DataHop.Management),
            RunsInline = InlineCompletions.Enabled,
            Loops = _loops,
            AccessLog = _logs.Access,
            ErrorLog = _logs.Errors,
            Events = _events,
            Plugins = node.Plugins,
        };
        if (node.Identity.Profile == Profile.LoadBalancer)
        {
            _balancer = new(
                new()
                {
                    Tls = Hop,
                    StickyKey = StickyKey(),
                    ApiStickyCookie = settings.Balancer.ApiStickyCookie,
                    Rules = settings.Balancer.Rules,
                    Environments = settings.Node.Environments.IsEmpty
                        ? [GatewayEnvironment.Default]
                        : settings.Node.Environments,
                    ManagementAccessLog = _logs.ManagementAccess,
                    ManagementErrorLog = _logs.ManagementErrors,
                },
                options,
                node.Time
            );
            node.Tls.IsManagement = _balancer.IsManagement;
            Engine = new(_balancer, options, node.Time, node.Logs);
            Target = new CombinedTarget(_balancer, node.Denied, node.Directory);
        }
        else
        {
            _apis = new(options, node.Time, node.Logs);
            node.Tls.TakesCertificates = _apis.TakesCertificates;
            Engine = new(_apis, options, node.Time, node.Logs);
            Target = new CombinedTarget(_apis, node.Denied, node.Directory);
        }
    }

    public GatewayEngine Engine { get; }

    /// <summary>Proxies in front that are not believed, for reports.</summary>
    public IEnumerable<string> IgnoredHops => Engine.IgnoredHops.Select(hop => hop.ToString());

    private IEntityTarget Target { get; }

    /// <summary>Opens the node's own store and serves what it holds, with no manager in sight.</summary>
    public static async Task<TrafficRole> StartAsync(
        NodeContext node,
        Func<string?> lifecycle,
        Func<string?> certificateTrouble,
        Func<string> trust,
        Action<ReportReply> learn
    )
    {
        var role = new TrafficRole(node);
        var (store, table) = await WorkerStore.OpenAsync(
            Path.Combine(node.DataDirectory, "store"),
            node.Time,
            node.Logs.CreateLogger<WorkerStore>()
        );
        role._store = store;
        var traffic = new TrafficReport(role.Engine, node.Time);
        role._synchronizer = new(
            store,
            role.Target,
            new()
            {
                Profile = node.Identity.Profile,
                Environments = node.Identity.Profile.IsWorker() ? node.Settings.Node.Environments : [],
                Version = VersionCommand.Current,
                Managers = role._managers,
                Peers = role._peers,
                Connect = role.Connect,
                CatalogueKey = role._catalogueKey,
                Facts = node.Facts,
                Lifecycle = lifecycle,
                CertificateTrouble = certificateTrouble,
                Trust = trust,
                Learn = learn,
                Traffic = traffic.Read,
                IgnoredHops = () => role.IgnoredHops,
                Hold = node.Settings.Node.Hold,
            },
            node.Time,
            node.Logs.CreateLogger<Synchronizer>()
        );
        // Without a table of its own it joined this moment, and others granted from under limits without it.
        role._apis?.IsNewcomer = !table.Exists;
        await role._synchronizer.ServeStoredAsync(table);
        return role;
    }

    public SyncStatus Status => _synchronizer.Status.Value;

    /// <summary>Ready with a table, an empty valid one included; stale is ready too: the workers go on without a manager.</summary>
    public Readiness Readiness() =>
        Status switch
        {
            { HasTable: false } starting => new(false, $"no table yet: {starting.Trouble ?? "waiting for a manager"}"),
            { Draining: true } => new(false, "draining: told to by a manager"),
            { State: SyncState.Held } held => new(
                true,
                $"ready, held at epoch {held.Cursor?.Epoch ?? 0} since {held.Since:u} (node.hold)"
            ),
            { State: SyncState.Stale } stale => new(
                true,
                $"ready, stale since {stale.Since:u}: {stale.Trouble ?? "no manager answers"}"
            ),
            var current => new(true, $"ready at epoch {current.Cursor?.Epoch ?? 0}"),
        };

    /// <summary>Takes what of a reload concerns traffic.</summary>
    public void Apply(NodeSettings settings)
    {
        var balances = _node.Identity.Profile == Profile.LoadBalancer;
        // The engine is made with the first settings.
        if (Engine is { } engine)
        {
            engine.Trust(settings.Proxies.Trusted);
            engine.Bound(settings.Limits.Requests);
        }

        _balancer?.Apply(settings.Balancer.Rules);
        _timeouts.BodyRate = settings.Limits.BodyRate;
        _timeouts.StreamRate = settings.Limits.StreamRate;
        _timeouts.BodyGrace = settings.Timeouts.BodyGrace;
        _timeouts.Tunnel = settings.Timeouts.TunnelIdle;
        _timeouts.Node = settings.Balancer.ReadTimeout;
        _timeouts.Caller = balances ? settings.Balancer.SendTimeout : _timeouts.Caller;
        if (_prober is not null)
        {
            _prober.Interval = settings.Balancer.ProbeInterval;
        }

        _logs.Apply(settings.Log.Access);
    }

    /// <summary>What a worker's internal port serves: its store, for nodes that find no manager.</summary>
    public void AddControlServices(IServiceCollection services)
    {
        services.AddSingleton<IFeedSource>(new PeerFeedSource(_store, _node.Identity.Profile, _node.Time));
        services.AddSingleton<SharedScans>();
        services.AddSingleton(new FeedOptions());
        services.AddSingleton(_node.Time);
        services.AddSingleton<FeedService>();
    }

    public static void MapControl(IEndpointRouteBuilder control) => control.MapGrpcService<FeedService>();

    /// <summary>Starts what goes on beside the requests.</summary>
    public void Run(ICollection<Task> loops, CancellationToken stopping)
    {
        loops.Add(_synchronizer.RunAsync(stopping));
        loops.Add(FollowDirectoryAsync(stopping));
        if (_apis is not null)
        {
            loops.Add(Engine.RecheckStreamsAsync(stopping));
        }

        if (_events is not null)
        {
            _sender = new(
                new()
                {
                    Directory = Path.Combine(_node.DataDirectory, "events"),
                    SpoolBytes = _node.Settings.Analytics.SpoolBytes,
                    Next = most => EventBatches.Next(_events, most),
                    Managers = _managers,
                    Connect = Connect,
                },
                _node.Time,
                _node.Logs.CreateLogger<EventSender>()
            );
            loops.Add(_sender.RunAsync(stopping));
        }

        if (_balancer is not null)
        {
            _prober = new(_balancer, ProbeAsync, _node.Time) { Interval = _node.Settings.Balancer.ProbeInterval };
            loops.Add(_prober.RunAsync(stopping));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _probes.Values)
        {
            client.Dispose();
        }

        if (_apis is not null)
        {
            await _apis.DisposeAsync();
        }

        _sender?.Dispose();
        _loops?.Dispose();
        _store.Dispose();
        _catalogueKey.Dispose();
        await _logs.DisposeAsync();
    }

    // The catalogue's list of managers wins once it is known; until then the one the node joined with.
    private async Task FollowDirectoryAsync(CancellationToken stopping)
    {
        await foreach (var directory in _node.Directory.Current.FollowAsync(stopping))
        {
            var managers = directory.Managers.Union(_node.Identity.Facts.Managers).ToList();
            if (!managers.SequenceEqual(_managers.Value))
            {
                _managers.Set(managers);
            }

            Remember([.. directory.Lenders(_node.Identity.Node)]);
            foreach (var gone in _probes.Keys.Except(directory.Nodes.Values.Select(ProbeKey)))
            {
                if (_probes.TryRemove(gone, out var client))
                {
                    client.Dispose();
                }
            }
        }
    }

    // Kept beside the store, not in it: a node whose store is gone must still know whom to ask.
    private void Remember(IReadOnlyList<string> lenders)
    {
        if (lenders.Count == 0 || lenders.SequenceEqual(_peers.Value))
        {
            return;
        }

        _peers.Set(lenders);
        try
        {
            DurableFile.Write(LendersFile(_node), Encoding.UTF8.GetBytes(string.Join('\n', lenders)));
        }
        catch (IOException e)
        {
            LogNotRemembered(_node.Logs.CreateLogger<TrafficRole>(), e.Message);
        }
    }

    private static IReadOnlyList<string> Remembered(NodeContext node) =>
        File.Exists(LendersFile(node))
            ? [.. File.ReadLines(LendersFile(node)).Where(line => HostPort.TryParse(line, out _)).Take(1000)]
            : [];

    private static string LendersFile(NodeContext node) => Path.Combine(node.DataDirectory, "lenders.txt");

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The addresses of workers that may lend their store were not kept: {Reason}"
    )]
    private static partial void LogNotRemembered(ILogger logger, string reason);

    private async Task<ProbeResult> ProbeAsync(Node node, CancellationToken cancellation)
    {
        var client = _probes.GetOrAdd(
            ProbeKey(node),
            _ => new(_node.Channel.CreateHandler(node.Host, node.InternalPort, PeerExpectation.For(node)))
        );
        try
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get,
                $"https://{InternalPurpose.Control.ServerName()}{InternalPaths.Ready}"
            );
            using var response = await client.SendAsync(request, cancellation);
            return response.IsSuccessStatusCode ? ProbeResult.Ready : ProbeResult.NotReady;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or PeerRefusedException)
        {
            return ProbeResult.Unreachable;
        }
    }

    private static string ProbeKey(Node node) => $"{node.Name} {node.Host} {node.InternalPort}";

    private GrpcChannel Connect(string address) =>
        HostPort.TryParse(address, out var parsed)
            ? _node.Channel.CreateGrpc(parsed.Host, parsed.Port, ExpectedAt(address))
            : throw new ArgumentException($"'{address}' is not an address of the form host:port.", nameof(address));

    // A lender is a worker, and whoever is asked as a manager must be one: a worker cannot pose as the feed.
    private PeerExpectation ExpectedAt(string address) =>
        _peers.Value.Contains(address) && !_managers.Value.Contains(address)
            ? PeerExpectation.Worker
            : PeerExpectation.Manager;

    private SslClientAuthenticationOptions Hop(Node node, DataHop hop) =>
        _node.Channel.ClientOptions(
            hop == DataHop.Apis ? InternalPurpose.Apis : InternalPurpose.Management,
            PeerExpectation.For(node)
        );

    // An all-in-one has the cluster key itself; a worker gets what is made of it as it joins and with each renewal.
    private SecretSeal? Secrets()
    {
        if (_node.Identity.Profile.IsManager())
        {
            using var cluster = ClusterKey.Load(_node.DataDirectory);
            return new(cluster.Derive(SecretSeal.Purpose));
        }

        var file = NodeIdentity.WorkerKeyPath(_node.DataDirectory);
        return File.Exists(file) && DurableFile.ReadSecret(file, groupMayRead: false) is { Length: 32 } key
            ? new(key)
            : null;
    }

    // The key that the managers give to every balancer, as it joins and with each renewal: what one of them set, the others
    // honour. One that joined under an older manager makes its own until its next renewal and start.
    private byte[] StickyKey()
    {
        foreach (
            var file in new[]
            {
                NodeIdentity.BalancerKeyPath(_node.DataDirectory),
                Path.Combine(_node.DataDirectory, "pki", "sticky.key"),
            }
        )
        {
            if (File.Exists(file) && File.ReadAllBytes(file) is { Length: >= 32 } key)
            {
                return key;
            }
        }

        var own = RandomNumberGenerator.GetBytes(32);
        DurableFile.Write(Path.Combine(_node.DataDirectory, "pki", "sticky.key"), own, secret: true);
        return own;
    }
}
