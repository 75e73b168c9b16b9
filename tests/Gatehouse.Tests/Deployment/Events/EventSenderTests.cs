using System.Collections.Concurrent;
using System.Net;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Deployment.Events;

public sealed class EventSenderTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("events-").FullName;
    private readonly Queue<EventBatch> _waiting = new();
    private readonly Latest<IReadOnlyList<string>> _managers = new([]);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_no_manager_takes_waits_on_disk_and_comes_in_order_after_a_restart_too()
    {
        using (var first = Sender())
        {
            Happens(1);
            await first.SendOnceAsync(Stop);
            Happens(2);
            await first.SendOnceAsync(Stop);
        }

        await using var manager = await EventManager.StartAsync();
        _managers.Set([manager.Address]);
        using var second = Sender();
        Happens(3);
        await second.SendOnceAsync(Stop);

        Assert.Equal([1, 2, 3], manager.Taken.Select(b => b.Events.Count));
        Assert.Equal([1L, 2L, 1L], manager.Taken.Select(b => b.Sequence));
        Assert.NotEqual(manager.Taken.First().Stream, manager.Taken.Last().Stream);
        Assert.Empty(Directory.GetFiles(_directory));
    }

    [Fact]
    public async Task Another_manager_is_asked_when_one_is_gone()
    {
        await using var manager = await EventManager.StartAsync();
        _managers.Set(["127.0.0.1:1", manager.Address]);
        using var sender = Sender();

        Happens(5);
        await sender.SendOnceAsync(Stop);

        Assert.Equal(5, Assert.Single(manager.Taken).Events.Count);
    }

    [Fact]
    public async Task A_full_spool_gives_the_oldest_up_and_tells_how_many_were_lost()
    {
        using var sender = Sender(spool: 400);
        for (var i = 0; i < 10; i++)
        {
            Happens(20);
            await sender.SendOnceAsync(Stop);
        }

        Assert.True(Directory.GetFiles(_directory).Sum(f => new FileInfo(f).Length) <= 400);
        Assert.True(sender.Dropped > 0);
        await using var manager = await EventManager.StartAsync();
        _managers.Set([manager.Address]);
        Happens(1);
        await sender.SendOnceAsync(Stop);
        Happens(0);
        await sender.SendOnceAsync(Stop);

        Assert.Equal(201, manager.Taken.Sum(b => b.Events.Count + b.Dropped));
    }

    [Fact]
    public async Task A_damaged_file_keeps_nothing_back()
    {
        using (var sender = Sender())
        {
            Happens(4);
            await sender.SendOnceAsync(Stop);
        }

        File.WriteAllBytes(Assert.Single(Directory.GetFiles(_directory)), [0xFF, 0xFF, 0xFF]);
        await using var manager = await EventManager.StartAsync();
        _managers.Set([manager.Address]);
        using var again = Sender();
        Happens(1);
        await again.SendOnceAsync(Stop);

        Assert.Single(Assert.Single(manager.Taken).Events);
        Assert.Equal(4, again.Dropped);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void Happens(int events)
    {
        var batch = new EventBatch();
        batch.Texts.Add(["", "petstore:1.0.0"]);
        batch.Events.AddRange(
            Enumerable
                .Range(0, events)
                .Select(i => new Event
                {
                    Api = 1,
                    At = i,
                    Status = 200,
                })
        );
        _waiting.Enqueue(batch);
    }

    private EventSender Sender(long spool = 1 << 20) =>
        new(
            new()
            {
                Directory = _directory,
                SpoolBytes = spool,
                Next = _ => _waiting.TryDequeue(out var batch) ? batch : null,
                Managers = _managers,
                Connect = address => GrpcChannel.ForAddress($"http://{address}"),
            },
            TimeProvider.System,
            NullLogger<EventSender>.Instance
        );

    /// <summary>A manager that takes events, on a real socket.</summary>
    private sealed class EventManager : IEventSink, IAsyncDisposable
    {
        private WebApplication _app = null!;

        public ConcurrentQueue<EventBatch> Taken { get; } = new();

        public string Address => new Uri(_app.Urls.Single()).Authority;

        public static async Task<EventManager> StartAsync()
        {
            var manager = new EventManager();
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(k =>
                k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2)
            );
            builder.Services.AddGrpc();
            builder.Services.AddSingleton<IEventSink>(manager);
            manager._app = builder.Build();
            manager._app.Use(
                (http, next) =>
                {
                    http.Features.Set(new PeerIdentity("test", Profile.GatewayWorker, "w1", "01"));
                    return next(http);
                }
            );
            manager._app.MapGrpcService<EventService>();
            await manager._app.StartAsync(Stop);
            return manager;
        }

        public Task<EventReceipt> TakeAsync(PeerIdentity node, EventBatch batch, CancellationToken cancellation)
        {
            Taken.Enqueue(batch);
            return Task.FromResult(new EventReceipt());
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
