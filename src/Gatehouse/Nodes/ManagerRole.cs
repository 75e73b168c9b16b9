using System.Collections.Immutable;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Cluster;
using Gatehouse.Commands;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.KeyManager;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Portal;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Nodes;

/// <summary>What a manager runs: the catalogue, REST and console, the feed's source, and the authority that admits nodes.</summary>
internal sealed partial class ManagerRole : IAsyncDisposable
{
    private readonly NodeContext _node;
    private readonly WebApplication _application;
    private readonly PipelineServer _server;
    private readonly PortalHost _portal;
    private readonly CatalogueKey _catalogueKey;
    private readonly ClusterKey _clusterKey;

    private ManagerRole(
        NodeContext node,
        WebApplication application,
        PipelineServer server,
        PortalHost portal,
        ClusterAuthorities authorities,
        CatalogueKey catalogueKey,
        ClusterKey clusterKey
    )
    {
        _node = node;
        _application = application;
        _server = server;
        _portal = portal;
        _catalogueKey = catalogueKey;
        _clusterKey = clusterKey;
        Enrolment = new(
            Services.GetRequiredService<IEnrolmentLedger>(),
            () => authorities.Current,
            Facts,
            clusterKey,
            node.Logs.CreateLogger<EnrolmentService>()
        );
    }

    public IServiceProvider Services => _application.Services;

    public EnrolmentService Enrolment { get; }

    /// <summary>Opens the catalogue with the cluster key and starts what works on it.</summary>
    public static async Task<ManagerRole> StartAsync(
        NodeContext node,
        Func<ClusterView>? membership,
        CancellationToken cancellation
    )
    {
        var clusterKey = ClusterKey.Load(node.DataDirectory);
        var database = ConfiguredDatabase.Of(node.Settings, node.DataDirectory);
        try
        {
            var setup = await CatalogueSetup.EnsureAsync(database, node.Settings.Database.Migrate, cancellation);
            if (setup.Former is { } former)
            {
                LogMigrated(node.Logs.CreateLogger<ManagerRole>(), setup.Pending.Length, former);
            }
        }
        catch (Exception e) when (CatalogueDatabase.TroubleOf(e) is { } trouble)
        {
            throw ConfiguredDatabase.Failure(database, trouble, e);
        }
        catch (InvalidOperationException e)
        {
            throw new CommandFailure(ExitCode.Failed, e.Message, cause: e);
        }

        var secrets = new SecretStore(database, clusterKey);
        var authorities = await ClusterAuthorities.LoadAsync(database, clusterKey, node.Time, cancellation);
        var catalogueKey = CatalogueKey.Load(await RequireAsync(secrets, Founding.CatalogueKeySecret, cancellation));

        var runs = ManagementParts.Of(node.Identity.Profile);
        var server = new PipelineServer();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton(node.Logs);
        builder.Services.AddSingleton(node.Time);
        builder.Services.AddSingleton<IServer>(server);
        builder.Services.AddRouting();
        builder.Services.AddGatehouseManagement(
            new()
            {
                Cluster = node.Identity.Cluster,
                Database = database,
                CatalogueKey = catalogueKey,
                ClusterKey = clusterKey,
                Authorities = authorities,
                NodeName = node.Identity.Node,
                Runs = () => runs,
                Inspect = (other, cancellation) => NodeInspector.AskAsync(node, other, cancellation),
                EncodeJoinToken = grant => Encode(node, authorities.Current, grant),
                HistoryFile = Path.Combine(node.DataDirectory, "catalogue", "seen.json"),
                FollowNodes = node.Identity.Profile.IsWorker() ? null : node.Directory.Read,
                Membership = membership,
                DenyList = node.Denied,
                Oidc = ConfiguredProvider.Of(node),
                PublicUrl = () => ManagementUrl.Public(node),
                UsageRetention = node.Settings.Analytics.Retention,
                Version = VersionCommand.Current,
            }
        );
        builder.Services.AddGatehouseKeyManager(database, clusterKey, ManagementUrl.Of(node));
        var application = builder.Build();
        runs = await RunsAsync(node, application.Services.GetRequiredService<Catalogue>(), cancellation);
        application.Use((context, next) => AdmitAsync(node, context, next));
        application.Use(
            (context, next) =>
            {
                // Whoever keeps a copy of the authority sees that it is another one, while the old one counts still.
                context.Response.Headers[AuthorityFollower.Header] = string.Join(',', authorities.Current.Pins);
                return next(context);
            }
        );
        application.UseKeyManagerLimits();
        var portal = new PortalHost(
            application.Services,
            new()
            {
                Authorities = () => authorities.Current.Trusted,
                Cluster = () =>
                    node.Directory.Current.Value.Nodes.Values.Aggregate(runs, (all, n) => all | ManagementParts.Of(n)),
            }
        );
        application.Use(
            (context, next) =>
                PortalHost.Owns(context.Request.Path)
                && ManagementParts.Serves(runs, context.Request.Method, context.Request.Path.Value)
                    ? portal.HandleAsync(context)
                    : next(context)
        );
        application.MapGatehouseManagement();
        application.MapGatehouseKeyManager();
        // Public by nature: who follows a sign-in link compares it with the link's pin.
        application
            .MapGet("/ca.pem", () => TypedResults.Text(authorities.Current.Pem, "application/x-pem-file"))
            .AllowAnonymous();
        await application.StartAsync(cancellation);
        await DefaultPolicies.EnsureAsync(
            application.Services.GetRequiredService<Catalogue>(),
            new Actor("setup", "this machine"),
            cancellation
        );
        var role = new ManagerRole(node, application, server, portal, authorities, catalogueKey, clusterKey);
        await role.RegisterSelfAsync(cancellation);
        return role;
    }

    // What its profile runs, unless an older build let it in when that was more.
    private static async Task<ManagementPart> RunsAsync(
        NodeContext node,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        var profile = node.Identity.Profile;
        var known = await catalogue.FindAsync(
            EntityKinds.Node,
            node.Identity.Node,
            ModelJson.Default.Node,
            cancellation
        );
        var runs =
            known is { } row && row.Value.Profile == profile
                ? ManagementParts.Of(row.Value)
                : ManagementParts.Of(profile);
        if (profile == Profile.GatewayManager)
        {
            var log = node.Logs.CreateLogger<ManagerRole>();
            if (runs == ManagementPart.All)
            {
                LogRunsMore(log);
            }
            else
            {
                LogRunsItsPart(log);
            }
        }

        return runs;
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "This gateway-manager was let in by an older version: it goes on answering publisher, developer portal and OAuth2, which the profile no longer includes."
    )]
    private static partial void LogRunsMore(ILogger logger);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "A gateway-manager answers REST and the console. Publisher, developer portal and OAuth2 are those of a control-plane, or of nodes of their own."
    )]
    private static partial void LogRunsItsPart(ILogger logger);

    /// <summary>Console and REST, for the public ports and the balancer's hop.</summary>
    public Task ProcessAsync(IFeatureCollection features) => _server.ProcessAsync(features);

    /// <summary>What the internal port serves of a manager.</summary>
    public void AddControlServices(IServiceCollection services)
    {
        services.AddSingleton(Services.GetRequiredService<IFeedSource>());
        services.AddSingleton(Services.GetRequiredService<IReportSink>());
        services.AddSingleton(Services.GetRequiredService<IEventSink>());
        services.AddSingleton<EventService>();
        services.AddSingleton(_node.Time);
        services.AddSingleton<SharedScans>();
        services.AddSingleton(new FeedOptions());
        services.AddSingleton<FeedService>();
        services.AddSingleton(Enrolment);
    }

    public static void MapControl(IEndpointRouteBuilder control)
    {
        control.MapGrpcService<FeedService>();
        control.MapGrpcService<EventService>();
        control.MapEnrolment();
    }

    /// <summary>Renews this manager's own certificate from its own authority.</summary>
    public Task<JoinReply> RenewAsync(RenewRequest request, CancellationToken cancellation) =>
        Enrolment.RenewAsync(_node.Identity.Identity, _node.Identity.Certificate.Certificate, request, cancellation);

    /// <summary>Records this manager's own report, and the directory of nodes, once a second.</summary>
    /// <param name="report">What it says.</param>
    /// <param name="learn">Told the answer: what its certificate is to be.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task ReportSelfAsync(Func<NodeReport> report, Action<ReportReply> learn, CancellationToken stopping)
    {
        var sink = Services.GetRequiredService<IReportSink>();
        var catalogue = Services.GetRequiredService<Catalogue>();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), _node.Time);
        do
        {
            try
            {
                var head = await catalogue.ReadHeadAsync(stopping);
                var own = report();
                own.Applied = new()
                {
                    History = head.History,
                    Epoch = head.Epoch,
                    Chain = Google.Protobuf.ByteString.CopyFrom(head.Chain.ToArray()),
                };
                learn(await sink.RecordAsync(_node.Identity.Identity, own, stopping));
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogReportFailed(_node.Logs.CreateLogger<ManagerRole>(), e.Message);
            }
        } while (await timer.WaitForNextTickAsync(stopping));
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _portal.DisposeAsync();
        await _application.DisposeAsync();
        _catalogueKey.Dispose();
        _clusterKey.Dispose();
    }

    private async Task RegisterSelfAsync(CancellationToken cancellation)
    {
        var facts = _node.Facts();
        var certificate = _node.Identity.Certificate;
        await Services
            .GetRequiredService<IEnrolmentLedger>()
            .RegisterAsync(
                new()
                {
                    Name = _node.Identity.Node,
                    Profile = _node.Identity.Profile,
                    SubDomain = facts.SubDomain,
                    Host = facts.Host,
                    InternalPort = facts.InternalPort,
                    Ports = facts.Ports.ToImmutableSortedDictionary(StringComparer.Ordinal),
                    Properties = facts.Properties.ToImmutableSortedDictionary(StringComparer.Ordinal),
                    AssertionKey = facts.AssertionKey.IsEmpty ? null : Convert.ToBase64String(facts.AssertionKey.Span),
                },
                certificate.Identity.SerialNumber,
                certificate.Ends,
                cancellation
            );
        // A manager that was told of nothing does not take away what another published.
        var hosts = _node.Settings.Hosts;
        var urls = _node.Settings.PublicUrls;
        if (
            !hosts.Gateway.IsEmpty
            || !hosts.Management.IsEmpty
            || urls.GatewayHttp is not null
            || urls.GatewayHttps is not null
        )
        {
            await PublishHostsAsync(hosts, cancellation);
        }
    }

    /// <summary>Writes the public host names, and where the outside reaches APIs, into the catalogue, so that all nodes have them.</summary>
    public async Task PublishHostsAsync(Configuration.HostSettings hosts, CancellationToken cancellation)
    {
        var catalogue = Services.GetRequiredService<Catalogue>();
        var known = await catalogue.FindAsync(
            EntityKinds.Hosts,
            "default",
            ModelJson.Default.PublicHosts,
            cancellation
        );
        var urls = _node.Settings.PublicUrls;
        await catalogue.CommitAsync(
            new CatalogueTransaction(Actor.System, "published the public host names").Put(
                EntityKinds.Hosts,
                "default",
                new PublicHosts
                {
                    Gateway = hosts.Gateway,
                    Management = hosts.Management,
                    GatewayHttp = urls.GatewayHttp ?? known?.Value.GatewayHttp,
                    GatewayHttps = urls.GatewayHttps ?? known?.Value.GatewayHttps,
                },
                ModelJson.Default.PublicHosts
            ),
            cancellation
        );
    }

    private ClusterFacts Facts() =>
        _node.Identity.Facts with
        {
            Managers = ManagersOf(_node),
            GatewayHosts = _node.Settings.Hosts.Gateway,
            ManagementHosts = _node.Settings.Hosts.Management,
        };

    // This one first: it certainly runs.
    private static ImmutableArray<string> ManagersOf(NodeContext node) =>
        [
            .. node
                .Directory.Current.Value.Managers.Union(node.Identity.Facts.Managers)
                .OrderBy(address =>
                    address == new HostPort(node.Host, node.Settings.Listen.Internal.Port).ToString() ? 0 : 1
                ),
        ];

    private static string Encode(NodeContext node, ClusterTrust trust, JoinGrant grant) =>
        new JoinToken
        {
            Addresses = ManagersOf(node),
            Pin = trust.Pins[0],
            OtherPins = [.. trust.Pins.Skip(1)],
            Id = grant.Id,
            Secret = grant.Secret,
            Profile = grant.Profile,
            Node = grant.Node,
        }.Encode();

    // The port may be open to more networks than its users are in, and the plain one only leads to the other: a token or a
    // sign-in code never travels in the clear.
    private static Task AdmitAsync(NodeContext node, HttpContext context, RequestDelegate next)
    {
        // A balancer passes on all of management; a worker only what clients call at the gateway's own ports.
        if (
            context.Features.Get<PeerIdentity>() is { Profile: not Profile.LoadBalancer }
            && ManagementParts.Of(context.Request.Method, context.Request.Path.Value) != ManagementPart.KeyManagement
        )
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return Task.CompletedTask;
        }

        if (!context.Request.IsHttps && context.Connection.LocalPort == node.Settings.Listen.Management.Http)
        {
            return RedirectAsync(node, context);
        }

        var allow = node.Settings.Listen.Management.Allow;
        if (allow.IsEmpty || context.Connection.RemoteIpAddress is not { } remote)
        {
            FindCaller(node, context);
            return next(context);
        }

        var address = remote.IsIPv4MappedToIPv6 ? remote.MapToIPv4() : remote;
        if (allow.Any(network => network.Contains(address)))
        {
            FindCaller(node, context);
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return Task.CompletedTask;
    }

    // Limits and audit are about who calls, not about the node that passes it on: that one showed its certificate, so its word
    // counts. From the right, past the cluster's own nodes, the first address is the caller's.
    private static void FindCaller(NodeContext node, HttpContext context)
    {
        if (context.Connection.LocalPort != node.Settings.Listen.Internal.Port)
        {
            return;
        }

        // The certificate is the node's, not the caller's: nobody may take it for a client's. An empty feature, because the
        // connection's would show through none.
        context.Features.Set<ITlsConnectionFeature>(new TlsConnectionFeature());
        var own = node.Directory.Current.Value.Nodes.Values.Select(n => n.Host).ToHashSet(StringComparer.Ordinal);
        var chain = context
            .Request.Headers["X-Forwarded-For"]
            .ToString()
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (
            (chain.LastOrDefault(address => !own.Contains(address)) ?? chain.FirstOrDefault()) is { } caller
            && System.Net.IPAddress.TryParse(caller, out var parsed)
        )
        {
            context.Connection.RemoteIpAddress = parsed;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The catalogue was brought up to this build in {Steps} step(s). As it was before it is kept at {Former}, for the way back"
    )]
    private static partial void LogMigrated(ILogger logger, int steps, string former);

    [LoggerMessage(Level = LogLevel.Error, Message = "This manager's own report was not recorded: {Reason}")]
    private static partial void LogReportFailed(ILogger logger, string reason);

    private static Task RedirectAsync(NodeContext node, HttpContext context)
    {
        if (
            node.Settings.Listen.Management.Https is not { } https
            || !(HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
        )
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return context.Response.WriteAsync("This port is not encrypted. Use https.\n", context.RequestAborted);
        }

        context.Response.StatusCode = StatusCodes.Status308PermanentRedirect;
        // Who came by the public name came through a proxy: it knows our ports, the caller does not.
        var isPublic =
            node.Settings.PublicUrls.Management is { } url
            && new Uri(url) is { Scheme: "https" } known
            && known.Host.Equals(context.Request.Host.Host, StringComparison.OrdinalIgnoreCase);
        var host = isPublic
            ? new HostString(new Uri(node.Settings.PublicUrls.Management!).Authority)
            : new HostString(context.Request.Host.Host, https);
        context.Response.Headers.Location = Microsoft.AspNetCore.Http.Extensions.UriHelper.BuildAbsolute(
            "https",
            host,
            default,
            context.Request.Path,
            context.Request.QueryString
        );
        return Task.CompletedTask;
    }

    private static async Task<byte[]> RequireAsync(SecretStore secrets, string name, CancellationToken cancellation) =>
        await secrets.FindAsync(name, cancellation)
        ?? throw new InvalidDataException(
            $"The catalogue holds no secret '{name}': it is not the catalogue of a founded cluster. Restore it from a backup, or found the cluster anew with gatehouse init in an empty data directory."
        );
}
