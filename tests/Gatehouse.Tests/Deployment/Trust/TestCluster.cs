using System.Collections.Concurrent;
using System.Net;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Deployment.Trust;

/// <summary>A cluster's trust on this machine: real authority, real certificates, real TLS on loopback, a clock to turn.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentBag<IAsyncDisposable> _servers = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-trust-").FullName;
    private int _folders;

    public TestCluster(string name = "test")
    {
        Name = name;
        Time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        Authority = CertificateAuthority.Create(name, Time);
        Ledger = new(Time);
    }

    public string Name { get; }
    public FakeTimeProvider Time { get; }
    public CertificateAuthority Authority { get; }

    /// <summary>While an authority takes over; else <see cref="Authority"/> alone.</summary>
    public ClusterTrust? Trust { get; set; }
    public ClusterKey Key { get; } = ClusterKey.Create();
    public CatalogueKey CatalogueKey { get; } = CatalogueKey.Create();
    public DenyList Denied { get; } = new();
    public MemoryLedger Ledger { get; }
    public CapturedLog Log { get; } = new();
    public List<string> Managers { get; } = [];

    public ClusterFacts Facts =>
        new()
        {
            Cluster = Name,
            Domain = "test.domain",
            Managers = [.. Managers],
            Members = ["127.0.0.1:4000"],
            GatewayHosts = ["api.example.com"],
            ManagementHosts = ["mgt.example.com"],
            CatalogueKey = CatalogueKey.PublicHalf,
        };

    public static NodeFacts SomeFacts(string host = "127.0.0.1") => new() { Host = host, InternalPort = 7443 };

    public static UnixFileMode ModeOf(string path) =>
        OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(path);

    public string NewDataDirectory()
    {
        var path = Path.Combine(_folder, Interlocked.Increment(ref _folders).ToString(null, null));
        Directory.CreateDirectory(path);
        return path;
    }

    public NodeIdentity Identity(Profile profile, string? node = null, string? dataDirectory = null)
    {
        node ??= $"{profile.Name()}-1";
        Ledger.Registered[node] = true;
        return NodeIdentity.Create(dataDirectory ?? NewDataDirectory(), Authority, Facts, profile, node, ["127.0.0.1"]);
    }

    public PeerVerification Verification() =>
        new(
            Name,
            () => [.. Trust?.Trusted ?? [Authority.Certificate]],
            Denied,
            Time,
            Log.CreateLogger<PeerVerification>()
        );

    /// <summary>The channels of a node that waits long: the other end runs in this process, beside everything else in it.</summary>
    public InternalChannel ChannelAs(NodeIdentity? identity) =>
        new(identity, Verification()) { ConnectTimeout = s_patience };

    public EnrolmentService Enrolment() =>
        new(Ledger, () => Trust ?? new ClusterTrust(Authority), () => Facts, Key, Log.CreateLogger<EnrolmentService>());

    /// <summary>A server as every profile would wire it, with a feed that beats and echoes.</summary>
    public async Task<InternalServer> StartAsync(
        Profile profile,
        InternalServerOptions? options = null,
        NodeIdentity? identity = null
    )
    {
        var server = new InternalServer(
            (options ?? new()) with
            {
                Address = IPAddress.Loopback,
                Port = 0,
                HandshakeTimeout = s_patience,
            },
            identity ?? Identity(profile),
            Verification(),
            Denied,
            Log,
            services => services.AddSingleton(Enrolment()),
            endpoints =>
            {
                // All of it on every profile: that nothing is reachable that should not be is the path table's doing alone.
                endpoints.MapEnrolment();
                endpoints.MapGrpcService<BeatingFeed>();
                endpoints.MapGet("/readyz", () => "ready");
                endpoints.MapGet("/cluster", () => Name);
                endpoints.MapGet("/unlisted", () => "unlisted");
            },
            features => AnswerAsync(features, "apis"),
            features => AnswerAsync(features, "management")
        );
        await server.StartAsync(TestContext.Current.CancellationToken);
        _servers.Add(server);
        if (profile.IsManager())
        {
            Managers.Add($"127.0.0.1:{server.Port}");
        }

        return server;
    }

    public JoinToken NewToken(Profile profile, string node, params string[] addresses)
    {
        var secret = JoinToken.NewSecret();
        var id = $"t{Ledger.Tokens.Count + 1}";
        Ledger.Tokens[id] = new(secret, profile, node, Time.GetUtcNow().AddHours(1));
        return new()
        {
            Addresses = addresses.Length > 0 ? [.. addresses] : [.. Managers],
            Pin = Authority.Pin,
            Id = id,
            Secret = secret,
            Profile = profile,
            Node = node,
        };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static async Task AnswerAsync(IFeatureCollection features, string what)
    {
        var context = new DefaultHttpContext(features);
        await context.Response.WriteAsync($"{what} for {features.Get<PeerIdentity>()}");
    }
}

/// <summary>A feed that only beats, and reports that come back with the name of who sent them.</summary>
internal sealed class BeatingFeed : Feed.FeedBase
{
    public override async Task Follow(
        FollowRequest request,
        IServerStreamWriter<FeedMessage> responseStream,
        ServerCallContext context
    )
    {
        for (long beat = 1; ; beat++)
        {
            await responseStream.WriteAsync(
                new() { Heartbeat = new() { Head = new() { Epoch = beat } } },
                context.CancellationToken
            );
            await Task.Delay(10, context.CancellationToken);
        }
    }

    public override Task<ReportReply> Report(NodeReport request, ServerCallContext context) =>
        Task.FromResult(
            new ReportReply { Node = context.GetHttpContext().Features.GetRequiredFeature<PeerIdentity>().ToString() }
        );
}

/// <summary>Keeps what was logged.</summary>
internal sealed class CapturedLog : ILoggerFactory
{
    private readonly ConcurrentQueue<string> _lines = new();

    public string Text => string.Join('\n', _lines);

    public ILogger<T> For<T>() => new Logger<T>(this);

    public ILogger CreateLogger(string categoryName) => new Writer(_lines);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose() { }

    private sealed class Writer(ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => lines.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");
    }
}
