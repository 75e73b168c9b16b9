using System.Collections.Concurrent;
using System.Net;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Feeds;

/// <summary>A feed on a real socket: HTTP/2 without TLS, every caller taken for the node given.</summary>
internal sealed class FeedHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private int _ended;

    private FeedHost(WebApplication app, ReportsTwin reports)
    {
        _app = app;
        Reports = reports;
        Address = new Uri(
            app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()
        ).Authority;
    }

    public string Address { get; }

    public ReportsTwin Reports { get; }

    /// <summary>How many calls, streams among them, this side is done with.</summary>
    public int Ended => Volatile.Read(ref _ended);

    public static async Task<FeedHost> StartAsync(
        IFeedSource source,
        PeerIdentity? peer = null,
        bool anonymous = false,
        FeedOptions? options = null,
        bool isManager = true,
        TimeProvider? time = null
    )
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        var reports = new ReportsTwin();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(source);
        builder.Services.AddSingleton<SharedScans>();
        builder.Services.AddSingleton(options ?? new FeedOptions());
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        if (isManager)
        {
            builder.Services.AddSingleton<IReportSink>(reports);
        }

        var app = builder.Build();
        FeedHost? host = null;
        app.Use(
            async (http, next) =>
            {
                if (!anonymous)
                {
                    http.Features.Set(peer ?? new PeerIdentity("test", Profile.GatewayWorker, "w1", "01"));
                }

                try
                {
                    await next(http);
                }
                finally
                {
                    Interlocked.Increment(ref host!._ended);
                }
            }
        );
        app.MapGrpcService<FeedService>();
        await app.StartAsync();
        return host = new(app, reports);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(1));
        try
        {
            await _app.StopAsync(now.Token);
        }
        catch (OperationCanceledException)
        {
            // Streams that never end by themselves are cut, as a killed process would.
        }

        await _app.DisposeAsync();
    }
}

/// <summary>Keeps the last report of every node.</summary>
internal sealed class ReportsTwin : IReportSink
{
    private int _seen;

    public ConcurrentQueue<NodeReport> All { get; } = new();

    public NodeReport? Last => All.LastOrDefault();

    public bool Draining { get; set; }

    public Task<ReportReply> RecordAsync(PeerIdentity node, NodeReport report, CancellationToken cancellation)
    {
        All.Enqueue(report);
        return Task.FromResult(new ReportReply { Node = node.Node, Draining = Draining });
    }

    public int TimesSeen => Volatile.Read(ref _seen);

    public void Seen(PeerIdentity node) => Interlocked.Increment(ref _seen);
}
